using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Rpc.Client;

namespace RaftKv.Client.Calls;

/// <summary>
/// Finds out whether members are any good: whether one answers a read that takes a quorum, within an election timeout.
/// One that hangs, has lost the others, or lags behind does not.
/// </summary>
/// <remarks>
/// Asked are members that something waits for when the probe comes round, every half election timeout, and those that were
/// left before. So a member is left within one and a half election timeouts, and a client that waits for nothing asks nobody.
/// </remarks>
internal sealed class MemberProbe(RaftKvClientOptions options, Caller caller, RpcChannel channel, CancellationToken disposal)
{
    private static readonly RangeRequest AnyQuorumRead = new()
    {
        Key = Google.Protobuf.ByteString.CopyFromUtf8("\0raftkv-probe"),
        CountOnly = true,
    };

    public async Task RunAsync()
    {
        try
        {
            while (true)
            {
                await Task.Delay(options.ElectionTimeout / 2, options.Time, disposal).ConfigureAwait(false);
                foreach (var member in caller.Members.All)
                {
                    if ((member.IsWaitedFor || !member.IsFit) && member.TryBeginProbe())
                    {
                        _ = AskAsync(member);
                    }
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The client is gone.
        }
    }

    private async Task AskAsync(KnownMember member)
    {
        try
        {
            var attempt = new RpcCallOptions
            {
                Address = member.Address,
                Timeout = options.ElectionTimeout,
                Metadata = await caller.MetadataAsync(needsLeader: true, disposal).ConfigureAwait(false),
                CancellationToken = disposal,
            };
            await channel.UnaryAsync(Methods.Range.Method, AnyQuorumRead, attempt).ConfigureAwait(false);
            member.Return();
        }
        catch (RpcException e) when (e.Code is RpcStatusCode.PermissionDenied or RpcStatusCode.InvalidArgument or RpcStatusCode.Unauthenticated)
        {
            // It has waited for a quorum before it looked who was asking.
            member.Return();
        }
        catch (RpcException e)
        {
            // If all are in trouble, moving from one to the other helps nobody.
            if (caller.Members.All.Any(other => other != member && other.IsFit))
            {
                member.Leave(e.Status.Detail);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or RaftKvException)
        {
            // The client is gone, or has no token to ask with.
        }
        finally
        {
            member.EndProbe();
        }
    }
}
