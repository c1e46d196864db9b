using System.Globalization;
using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Protocol.Mvcc;
using RaftKv.Rpc;
using RaftKv.Rpc.Server;
using RaftKv.Server.Replica;
using RaftKv.Storage.Watch;

namespace RaftKv.Server.Api;

/// <summary>
/// Those who want the same thing, one after the other: locks and elections are this. A place in the line is a key that
/// goes with its owner's lease; whose key was created first is at the front.
/// <code>
///   name/1f    name/2a    name/07
///   at rev 5   at rev 8   at rev 9
///   front      waits      waits for the deletion of name/2a, and for nobody else's
/// </code>
/// </summary>
/// <remarks>All of it is in the keys, so clients of etcd that do the same by themselves may stand in the same line.</remarks>
internal sealed class WaitingLine(IMember member, InnerClient client, ByteString name)
{
    // All keys that begin with the name and a slash end before the name and the character after the slash.
    private readonly ByteString _start = With(name, "/");
    private readonly ByteString _end = With(name, "0");

    /// <summary>The key of a lease's place.</summary>
    public ByteString KeyOf(long lease)
        => With(
            _start,
            lease < 0
                ? string.Create(CultureInfo.InvariantCulture, $"-{unchecked((ulong)-lease):x}")
                : lease.ToString("x", CultureInfo.InvariantCulture));

    /// <summary>Who is at the front.</summary>
    public RangeRequest Front()
        => new()
        {
            Key = _start,
            RangeEnd = _end,
            SortTarget = RangeRequest.Types.SortTarget.Create,
            SortOrder = RangeRequest.Types.SortOrder.Ascend,
            Limit = 1,
        };

    /// <summary>Everybody who comes to the line after a revision.</summary>
    public WatchCreate Newcomers(long after) => new(_start.Memory, _end.Memory) { StartRevision = after + 1, NoDelete = true };

    /// <summary>Takes a place, unless there is one with this key already.</summary>
    /// <param name="key">Of the place.</param>
    /// <param name="value">That its key gets.</param>
    /// <param name="lease">That it goes with.</param>
    /// <param name="call">In whose name.</param>
    public async ValueTask<LinePlace> JoinAsync(ByteString key, ByteString value, long lease, RpcServerCall call)
    {
        var request = new TxnRequest
        {
            Compare = { CreatedAt(key, 0) },
            Success =
            {
                new RequestOp { RequestPut = new PutRequest { Key = key, Value = value, Lease = lease } },
                new RequestOp { RequestRange = Front() },
            },
            Failure =
            {
                new RequestOp { RequestRange = new RangeRequest { Key = key } },
                new RequestOp { RequestRange = Front() },
            },
        };

        // Not cancelled: whoever gives up has to know whether there is something to take back.
        var joined = await client.TxnAsync(request, call, CancellationToken.None).ConfigureAwait(false);
        var before = joined.Succeeded ? null : joined.Responses[0].ResponseRange.Kvs[0];
        var place = new LinePlace(key, before?.CreateRevision ?? joined.Header.Revision, joined.Header, before)
        {
            IsFront = joined.Responses[1].ResponseRange.Kvs[0].CreateRevision == (before?.CreateRevision ?? joined.Header.Revision),
        };
        if (joined.Succeeded && call.CancellationToken.IsCancellationRequested)
        {
            await LeaveAsync(place, call).ConfigureAwait(false);
            call.CancellationToken.ThrowIfCancellationRequested();
        }

        return place;
    }

    /// <summary>Waits until a place is at the front. Whatever ends the waiting early gives the place up.</summary>
    /// <returns>What is there now under its key; null if the place was lost meanwhile.</returns>
    public async ValueTask<RangeResponse?> WaitAsync(LinePlace place, RpcServerCall call)
    {
        try
        {
            while (await FindBeforeAsync(place, call).ConfigureAwait(false) is { } before)
            {
                await WaitForDeleteAsync(before.Key, before.Seen, call.CancellationToken).ConfigureAwait(false);
            }

            // The lease may have ended, and the place with it. A younger key of the same name is another place.
            var now = await client.RangeAsync(new RangeRequest { Key = place.Key }, call).ConfigureAwait(false);
            return now.Kvs is [var own] && own.CreateRevision == place.Revision ? now : null;
        }
        catch (Exception) when (!call.IsServerStopping)
        {
            // A client of a member that stops may go on waiting by asking another one, and has kept its place.
            await LeaveAsync(place, call).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>A compare that holds while a key is the one that was created at a revision.</summary>
    public static Compare CreatedAt(ByteString key, long revision)
        => new()
        {
            Key = key,
            Target = Compare.Types.CompareTarget.Create,
            Result = Compare.Types.CompareResult.Equal,
            CreateRevision = revision,
        };

    private static ByteString With(ByteString start, string end)
        => UnsafeByteOperations.UnsafeWrap((byte[])[.. start.Span, .. System.Text.Encoding.ASCII.GetBytes(end)]);

    private async ValueTask<(ByteString Key, long Seen)?> FindBeforeAsync(LinePlace place, RpcServerCall call)
    {
        var request = new RangeRequest
        {
            Key = _start,
            RangeEnd = _end,
            SortTarget = RangeRequest.Types.SortTarget.Create,
            SortOrder = RangeRequest.Types.SortOrder.Descend,
            MaxCreateRevision = place.Revision - 1,
            Limit = 1,
            KeysOnly = true,
        };
        var found = await client.RangeAsync(request, call).ConfigureAwait(false);
        return found.Kvs is [var before] ? (before.Key, found.Header.Revision) : null;
    }

    private async ValueTask WaitForDeleteAsync(ByteString key, long seen, CancellationToken cancellation)
    {
        // It was there at that revision. Whatever comes next, even nothing but that history is gone, is a reason to look
        // again.
        using var watch = new InnerWatch(member, new WatchCreate(key.Memory, default) { StartRevision = seen + 1, NoPut = true });
        await watch.NextAsync(cancellation).ConfigureAwait(false);
    }

    private async ValueTask LeaveAsync(LinePlace place, RpcServerCall call)
    {
        var request = new TxnRequest
        {
            Compare = { CreatedAt(place.Key, place.Revision) },
            Success = { new RequestOp { RequestDeleteRange = new DeleteRangeRequest { Key = place.Key } } },
        };
        try
        {
            await client.TxnAsync(request, call, CancellationToken.None).ConfigureAwait(false);
        }
        catch (RpcException)
        {
            // Then the lease takes the place along when it ends. The caller is told why it was given up.
        }
    }
}

/// <summary>A place in a line.</summary>
/// <param name="Key">That stands for it.</param>
/// <param name="Revision">At which the key was created: places are in this order.</param>
/// <param name="Header">Of the answer by which it was taken, or found.</param>
/// <param name="Before">What was there already; null if the place was taken now.</param>
internal sealed record LinePlace(ByteString Key, long Revision, ResponseHeader Header, KeyValue? Before)
{
    /// <summary>Whether nobody was before it then.</summary>
    public required bool IsFront { get; init; }
}
