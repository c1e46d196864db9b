using Google.Protobuf;
using RaftKv.Cli.Commands.Connection;
using RaftKv.Cli.Commands.KeyValues;
using RaftKv.Protocol.Etcd;
using RaftKv.Protocol.Mvcc;

namespace RaftKv.Cli.Commands.Mirrors;

/// <summary>
/// Reads what there is at one revision, then every change behind it, and hands all of that on in its order.
/// </summary>
internal sealed class Mirror(ClusterConnection source, MirrorWriter writer, KeyRange range, TimeSpan dialTimeout)
{
    private const int PageKeys = 1000;

    /// <summary>Everything up to it is at the destination; 0 as long as that cannot be said.</summary>
    public long Revision { get; private set; }

    /// <summary>Ends only by failing, or when it is told to stop.</summary>
    /// <param name="from">Only changes, from this revision on; 0 for what is there and the changes after it.</param>
    /// <param name="stop">Tells it to.</param>
    /// <exception cref="CommandFailure">The source cancels the watch.</exception>
    public async Task RunAsync(long from, CancellationToken stop)
    {
        if (from == 0)
        {
            Revision = await CopyAsync(stop);
            from = Revision + 1;
        }

        await FollowAsync(from, stop);
    }

    /// <returns>The revision at which all of it was read.</returns>
    private async Task<long> CopyAsync(CancellationToken stop)
    {
        var request = new RangeRequest { Key = range.Key, RangeEnd = range.End, Limit = PageKeys };
        while (true)
        {
            var page = await source.CallAsync(EtcdMethods.Range, request, stop, isSafeToRepeat: true);
            request.Revision = request.Revision == 0 ? page.Header.Revision : request.Revision;
            await writer.WriteAsync([.. page.Kvs.Select(pair => new Event { Kv = pair })], stop);
            if (!page.More)
            {
                return request.Revision;
            }

            request.Key = ByteString.CopyFrom([.. page.Kvs[^1].Key.Span, 0]);
        }
    }

    private async Task FollowAsync(long from, CancellationToken stop)
    {
        var request = new WatchCreateRequest { Key = range.Key, RangeEnd = range.End, StartRevision = from };
        await foreach (var response in new ResumingWatch(source, request, dialTimeout).RunAsync(stop))
        {
            if (response.Canceled)
            {
                throw new CommandFailure(
                    ExitCode.Error,
                    response.CompactRevision > 0
                        ? $"the changes from revision {Revision + 1} on are gone: compacted up to {response.CompactRevision}; copy everything anew, without --rev"
                        : $"the watch was canceled: {response.CancelReason}");
            }

            if (response.Events.Count > 0)
            {
                await writer.WriteAsync(response.Events, stop);
                Revision = response.Events[^1].Kv.ModRevision;
            }
        }
    }
}
