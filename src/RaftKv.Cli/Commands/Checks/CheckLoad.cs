using System.Net.Sockets;
using RaftKv.Cli.Commands.Flags;
using RaftKv.Cli.Commands.KeyValues;
using RaftKv.Cli.Commands.Text;
using RaftKv.Load;
using RaftKv.Load.Works;
using RaftKv.Protocol.Etcd;

namespace RaftKv.Cli.Commands.Checks;

/// <summary>What the two checks have in common: keys of their own, which are there during the check only.</summary>
internal sealed class CheckLoad
{
    private const int KeyBytes = 256;
    private const int ValueBytes = 1024;

    private static readonly Dictionary<string, string> Sizes = new()
    {
        ["s"] = "s",
        ["small"] = "s",
        ["m"] = "m",
        ["medium"] = "m",
        ["l"] = "l",
        ["large"] = "l",
        ["xl"] = "xl",
        ["xLarge"] = "xl",
    };

    private readonly Flag<string> _size;
    private readonly Flag<string> _prefix;
    private readonly Flag<bool> _compacts;
    private readonly Flag<bool> _defragments;

    public CheckLoad(FlagSet flags, string prefix)
    {
        _size = flags.Text("load", "SIZE", "How much: s(mall), m(edium), l(arge) or xl(arge)", "s");
        _prefix = flags.Text("prefix", "PREFIX", "What the check's keys begin with", prefix);
        _compacts = flags.Switch("auto-compact", "Compact at the last revision when the check is over");
        _defragments = flags.Switch("auto-defrag", "Give free disk space back when the check is over");
    }

    /// <summary>One for s, and so on.</summary>
    public T Of<T>(T s, T m, T l, T xl) => Sizes[_size.Value] switch { "s" => s, "m" => m, "l" => l, _ => xl };

    /// <exception cref="CommandFailure">What was typed cannot be meant.</exception>
    public void Check(ParsedArguments arguments, string name)
    {
        if (arguments.Count > 0)
        {
            throw CommandFailure.BadArguments($"{name} takes flags only");
        }

        if (!Sizes.ContainsKey(_size.Value))
        {
            throw new CommandFailure(ExitCode.BadFeature, $"unknown load option {_size.Value}");
        }

        if (_prefix.Value.Length == 0 || ByteText.Bytes(_prefix.Value).Length > KeyBytes / 2)
        {
            throw CommandFailure.BadArguments($"--prefix must be 1 to {KeyBytes / 2} bytes long, for the check deletes all keys that begin so");
        }
    }

    /// <summary>Puts of keys under the prefix.</summary>
    public Puts Puts(int keys, bool isFilling = false)
        => new(new LoadKeys(keys, KeyBytes, ByteText.Bytes(_prefix.Value)), ValueBytes, isFilling);

    /// <summary>Runs a check, and deletes its keys whatever came of it.</summary>
    /// <exception cref="CommandFailure">It could not be run to its end.</exception>
    public async Task<T> RunAsync<T>(ClientSession session, Func<CancellationToken, Task<T>> check, CancellationToken stop)
    {
        using var interruption = new Interruption(stop);
        await BeginAsync(session, interruption.Token);
        try
        {
            return await check(interruption.Token);
        }
        catch (Exception broken) when (broken is IOException or SocketException)
        {
            throw new CommandFailure(ExitCode.Error, $"the load broke off: {broken.Message}", broken);
        }
        catch (OperationCanceledException told) when (interruption.Token.IsCancellationRequested)
        {
            throw new CommandFailure(ExitCode.Interrupted, "the check was told to stop", told);
        }
        finally
        {
            await EndAsync(session);
        }
    }

    /// <exception cref="CommandFailure">There are keys under the prefix, which the check would delete.</exception>
    private async Task BeginAsync(ClientSession session, CancellationToken stop)
    {
        var (key, end) = KeyRange.Prefix(_prefix.Value);
        var request = new RangeRequest { Key = key, RangeEnd = end, Limit = 1, KeysOnly = true };
        if ((await session.Cluster.CallAsync(EtcdMethods.Range, request, stop, isSafeToRepeat: true)).Kvs.Count > 0)
        {
            throw new CommandFailure(
                ExitCode.InvalidInput, $"prefix {GoQuoted.Of(_prefix.Value)} has keys. Delete with 'raftkv del --prefix {_prefix.Value}' first.");
        }
    }

    /// <summary>Deletes the keys, and whatever else the flags ask for.</summary>
    private async Task EndAsync(ClientSession session)
    {
        var (key, end) = KeyRange.Prefix(_prefix.Value);
        var deleted = await session.Cluster.CallAsync(
            EtcdMethods.DeleteRange, new DeleteRangeRequest { Key = key, RangeEnd = end }, CancellationToken.None, isSafeToRepeat: true);
        if (_compacts.Value)
        {
            var revision = deleted.Header.Revision;
            await session.Cluster.CallAsync(EtcdMethods.Compact, new CompactionRequest { Revision = revision, Physical = true }, CancellationToken.None);
            session.Output.Line($"Compacted with revision {revision}");
        }

        if (_defragments.Value)
        {
            foreach (var endpoint in session.Cluster.Endpoints)
            {
                await using var member = session.Cluster.At(endpoint);
                await member.CallAsync(EtcdMethods.Defragment, new DefragmentRequest(), CancellationToken.None);
                session.Output.Line($"Defragmented {GoQuoted.Of(endpoint.Text)}");
            }
        }
    }
}
