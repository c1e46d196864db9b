using Google.Protobuf;
using RaftKv.Cli.Commands.Connection;
using RaftKv.Protocol.Etcd;
using RaftKv.Protocol.Mvcc;

namespace RaftKv.Cli.Commands.Mirrors;

/// <summary>
/// Writes changes to a mirror in their order. What happened at one revision is written in one transaction, together with
/// neighbours where there is room, unless it alone is more than a transaction takes.
/// </summary>
/// <remarks>A transaction may come twice when a connection breaks, which leaves the same as coming once.</remarks>
internal sealed class MirrorWriter(ClusterConnection destination, byte[] from, byte[] to, int maxOperations)
{
    private long _written;

    /// <summary>How many puts and deletions have arrived.</summary>
    public long Written => Interlocked.Read(ref _written);

    public async Task WriteAsync(IReadOnlyList<Event> changes, CancellationToken stop)
    {
        foreach (var (first, count) in Groups(changes, maxOperations))
        {
            var request = new TxnRequest();
            request.Success.AddRange(changes.Skip(first).Take(count).Select(Operation));
            await destination.CallAsync(EtcdMethods.Txn, request, stop, isSafeToRepeat: true);
            Interlocked.Add(ref _written, count);
        }
    }

    /// <summary>Which changes go together: no key twice, and no revision in parts if that can be.</summary>
    internal static IEnumerable<(int First, int Count)> Groups(IReadOnlyList<Event> changes, int most)
    {
        var first = 0;
        var keys = new HashSet<ByteString>();
        for (var next = 0; next < changes.Count;)
        {
            var end = EndOfRevision(changes, next);
            if (next > first && (end - first > most || KeysOf(next, end).Any(keys.Contains)))
            {
                yield return (first, next - first);
                first = next;
                keys.Clear();
            }

            for (; end - first > most; first += most)
            {
                yield return (first, most);
            }

            keys.UnionWith(KeysOf(Math.Max(first, next), end));
            next = end;
        }

        if (changes.Count > first)
        {
            yield return (first, changes.Count - first);
        }

        IEnumerable<ByteString> KeysOf(int from, int end) => changes.Skip(from).Take(end - from).Select(change => change.Kv.Key);
    }

    // Keys of a copy have revisions of their own, in no order; each stands alone.
    private static int EndOfRevision(IReadOnlyList<Event> changes, int first)
    {
        var end = first + 1;
        while (end < changes.Count && changes[end].Kv.ModRevision == changes[first].Kv.ModRevision)
        {
            end++;
        }

        return end;
    }

    private RequestOp Operation(Event change)
    {
        var key = ByteString.CopyFrom([.. to, .. change.Kv.Key.Span[from.Length..]]);
        return change.Type == Event.Types.EventType.Delete
            ? new RequestOp { RequestDeleteRange = new DeleteRangeRequest { Key = key } }
            : new RequestOp { RequestPut = new PutRequest { Key = key, Value = change.Kv.Value } };
    }
}
