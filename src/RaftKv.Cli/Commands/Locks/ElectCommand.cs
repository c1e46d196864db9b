using Google.Protobuf;
using RaftKv.Cli.Commands.Flags;
using RaftKv.Cli.Commands.Text;
using RaftKv.Client;
using RaftKv.Protocol.Etcd;

namespace RaftKv.Cli.Commands.Locks;

/// <summary><c>raftkv elect</c></summary>
internal sealed class ElectCommand() : ClientCommand(
    "elect", "NAME [PROPOSAL]", "Stand for an election and lead until told to stop; or look on, with --listen")
{
    private Flag<bool> _listens = null!;
    private Flag<int> _ttl = null!;

    public override void AddFlags(FlagSet flags)
    {
        _listens = flags.Switch("listen", "Tell every leader, without standing", letter: 'l');
        _ttl = flags.Count("ttl", "After how many seconds another may lead if this command vanishes", 60);
    }

    public override void Check(ParsedArguments arguments, ClientSession session)
    {
        if (arguments.Count is not (1 or 2))
        {
            throw CommandFailure.BadArguments("elect takes one election name argument and an optional proposal argument");
        }

        if (_listens.Value && arguments.Count == 2)
        {
            throw CommandFailure.BadArguments("proposal given but -l is set");
        }

        if (!_listens.Value && arguments.Count == 1)
        {
            throw CommandFailure.BadArguments("no proposal argument but -l not set");
        }
    }

    public override async Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        using var interruption = new Interruption(stop);
        var name = ByteText.Bytes(arguments[0]);
        if (_listens.Value)
        {
            return await ListenAsync(name, session, interruption.Token);
        }

        await using var office = new HeldPlace(session);
        var options = new LockOptions { TimeToLive = TimeSpan.FromSeconds(_ttl.Value), Value = ByteText.Bytes(arguments[1]) };
        await office.WaitAsync(name, options, interruption.Token);
        await office.ShowAsync(interruption.Token);
        return await office.KeepAsync(interruption);
    }

    private static async Task<int> ListenAsync(byte[] name, ClientSession session, CancellationToken stop)
    {
        await using var client = session.CreateClient();
        try
        {
            await foreach (var state in client.ObserveElectionAsync(name, stop))
            {
                if (state.Leader is { } leader)
                {
                    var response = new RangeResponse { Header = new ResponseHeader { Revision = state.Revision }, Count = 1 };
                    response.Kvs.Add(new Protocol.Mvcc.KeyValue
                    {
                        Key = UnsafeByteOperations.UnsafeWrap(leader.Key),
                        Value = UnsafeByteOperations.UnsafeWrap(leader.Value),
                        CreateRevision = leader.CreateRevision,
                        ModRevision = leader.ModRevision,
                        Version = leader.Version,
                        Lease = leader.Lease,
                    });
                    session.Printer.Get(response, isValueOnly: false);
                    session.Output.Flush();
                }
            }
        }
        catch (RaftKvException failure)
        {
            throw new CommandFailure(ExitCode.Error, $"elect: observer lost: {failure.Message}", failure);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Told to stop, which is how looking on ends.
        }

        return ExitCode.Success;
    }
}
