using System.Buffers.Binary;
using RaftKv.Storage.Files;
using RaftKv.Storage.Mvcc;

namespace RaftKv.Storage.State;

/// <summary>
/// One number over the key space and its history up to a revision, the same on all members that hold the same, and the same
/// that etcd computes: a CRC-32C over its entries as etcd stores them.
/// </summary>
/// <remarks>
/// <code>
///   "key"   then for each entry, in order:
///   +-----------+-----+----------+-----------------+----------------------
///   | main, 8   | '_' | sub, 8   | 't', tombstones | the KeyValue's bytes
///   +-----------+-----+----------+-----------------+----------------------
/// </code>
/// <para>Of what compaction has kept at its revision or before, only that counts which a compaction at the revision of the
/// hash would keep, and no tombstone: so the number does not depend on how far history is removed. If that would be
/// nothing at all, etcd lets everything count.</para>
/// </remarks>
public static class HashKv
{
    // Records are fetched so many at a time.
    private const int FetchCount = 512;

    /// <param name="view">What to sum over.</param>
    /// <param name="revision">The last that counts; one that the view can read, or a negative one, before which there is
    /// nothing.</param>
    public static uint Of(KeySpaceView view, long revision)
    {
        var sum = new Sum();
        if (revision < 0)
        {
            return sum.Value;
        }

        if (view.Compacted > 0)
        {
            var kept = KeptAt(view, revision);
            for (var at = 0; at < kept.Count; at += FetchCount)
            {
                view.Read(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(kept).Slice(at, Math.Min(FetchCount, kept.Count - at)), sum);
            }
        }

        view.ReadHistory(Math.Max(0, view.Compacted + 1), revision, sum);
        return sum.Value;
    }

    /// <summary>The entries up to the compaction's revision that count, in order.</summary>
    private static List<Revision> KeptAt(KeySpaceView view, long revision)
    {
        var everythingCounts = view.Keys.Count(KeyRange.All, revision) == 0;
        var kept = new List<Revision>();
        var keys = view.Keys.Scan(KeyRange.All, view.Compacted);
        while (keys.MoveNext())
        {
            var item = keys.Current.Modified;
            if (everythingCounts || (view.Keys.TryFind(keys.Key, revision, out var latest) && latest.Modified == item))
            {
                kept.Add(item);
            }
        }

        kept.Sort();
        return kept;
    }

    private sealed class Sum : IHistorySink
    {
        private const int KeyBytes = 17;

        public uint Value { get; private set; } = Crc32C.Of("key"u8);

        public void Accept(Revision revision, ReadOnlySpan<byte> record)
        {
            Span<byte> key = stackalloc byte[KeyBytes + 1];
            BinaryPrimitives.WriteInt64BigEndian(key, revision.Main);
            key[8] = (byte)'_';
            BinaryPrimitives.WriteInt64BigEndian(key[9..], revision.Sub);
            var fields = RecordFormat.Read(record);
            if (!fields.IsTombstone)
            {
                Value = Crc32C.Continue(Crc32C.Continue(Value, key[..KeyBytes]), record);
                return;
            }

            // A tombstone of ours knows its revision as well; it comes after the key.
            key[KeyBytes] = (byte)'t';
            var (offset, length) = RecordFormat.KeyPlace(record);
            Value = Crc32C.Continue(Crc32C.Continue(Value, key), record[..(offset + length)]);
        }

        public bool EndOfRevision(long main) => true;
    }
}
