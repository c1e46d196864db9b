using RaftKv.Cli.Commands.Flags;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;

namespace RaftKv.Cli.Commands.Leases;

/// <summary><c>raftkv lease keep-alive</c></summary>
internal sealed class LeaseKeepAliveCommand() : ClientCommand("lease keep-alive", "ID", "Renew a lease until it is gone")
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    private Flag<bool> _once = null!;

    public override void AddFlags(FlagSet flags) => _once = flags.Switch("once", "Renew it once, then end");

    public override void Check(ParsedArguments arguments, ClientSession session)
    {
        if (arguments.Count != 1)
        {
            throw CommandFailure.BadArguments("lease keep-alive command needs lease ID as argument");
        }

        LeaseId.Parse(arguments[0]);
    }

    public override async Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        var id = LeaseId.Parse(arguments[0]);
        return _once.Value ? await RenewOnceAsync(id, session, stop) : await KeepAsync(id, session, stop);
    }

    private static async Task<int> RenewOnceAsync(long id, ClientSession session, CancellationToken stop)
    {
        try
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(stop);
            patience.CancelAfter(session.Common.CommandTimeout.Value);
            await foreach (var response in RenewalsAsync(id, session, patience.Token))
            {
                if (response.TTL <= 0)
                {
                    throw new CommandFailure(ExitCode.BadConnection, "etcdserver: requested lease not found");
                }

                session.Printer.LeaseKeepAlive(response);
                return ExitCode.Success;
            }
        }
        catch (RpcException failure)
        {
            throw new CommandFailure(ExitCode.BadConnection, session.Cluster.Explain(failure).Message, failure);
        }
        catch (OperationCanceledException late) when (!stop.IsCancellationRequested)
        {
            throw new CommandFailure(ExitCode.BadConnection, "context deadline exceeded: no answer in time (--command-timeout)", late);
        }

        throw new CommandFailure(ExitCode.BadConnection, "the member ended the call without an answer");
    }

    private static async Task<int> KeepAsync(long id, ClientSession session, CancellationToken stop)
    {
        // Past this moment the lease has run out, whatever the cluster's members still say.
        DateTime? end = null;
        while (true)
        {
            try
            {
                await foreach (var response in RenewalsAsync(id, session, stop))
                {
                    if (response.TTL <= 0)
                    {
                        Ended(id, session);
                        return ExitCode.Success;
                    }

                    end = DateTime.UtcNow.AddSeconds(response.TTL);
                    session.Printer.LeaseKeepAlive(response);
                    session.Output.Flush();
                    await Task.Delay(TimeSpan.FromSeconds(response.TTL / 3.0), stop);
                }
            }
            catch (RpcException failure) when (failure.Code is not (RpcStatusCode.Unavailable or RpcStatusCode.Internal))
            {
                throw session.Cluster.Explain(failure);
            }
            catch (RpcException failure) when (end is null)
            {
                throw session.Cluster.Explain(failure);
            }
            catch (RpcException)
            {
                // The member has gone; another one may renew the lease while it lasts.
            }

            if (DateTime.UtcNow > end)
            {
                Ended(id, session);
                return ExitCode.Success;
            }

            await Task.Delay(Pause, stop);
        }
    }

    private static async IAsyncEnumerable<LeaseKeepAliveResponse> RenewalsAsync(
        long id, ClientSession session, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken stop)
    {
        var request = new LeaseKeepAliveRequest { ID = id };
        await using var call = await session.Cluster.OpenAsync(EtcdMethods.LeaseKeepAlive, stop);
        await call.Requests.WriteAsync(request);
        await foreach (var response in call.Responses.WithCancellation(stop))
        {
            yield return response;
            await call.Requests.WriteAsync(request);
        }
    }

    private static void Ended(long id, ClientSession session)
    {
        if (session.IsSimple)
        {
            session.Output.Line($"lease {id:x16} expired or revoked.");
        }
    }
}
