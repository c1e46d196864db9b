using System.Collections.Immutable;
using System.Text;
using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Protocol.Mvcc;
using RaftKv.Storage.Files;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.State;

namespace RaftKv.Storage.Tests.State.Model;

/// <summary>One change of one key, whole.</summary>
internal sealed record NaiveChange(Revision Revision, KeyValue Kv, bool IsDelete)
{
    public string Key => NaiveMoment.Text(Kv.Key);

    /// <summary>What it counts for.</summary>
    public long Bytes => Kv.Key.Length + Kv.Value.Length + 32L;
}

/// <summary>What is agreed upon about a lease.</summary>
internal sealed record NaiveLease(long Ttl, long Remaining);

/// <summary>The state as of one entry of the log. Everything follows from the list of all changes ever made: nothing is
/// indexed, and nothing forgotten.</summary>
internal sealed record NaiveMoment(
    IReadOnlyList<NaiveChange> AllChanges,
    int Count,
    long Revision,
    long Compacted,
    ImmutableSortedDictionary<long, NaiveLease> Leases,
    bool IsOutOfSpace)
{
    public static readonly NaiveMoment Empty = new([], 0, 1, -1, ImmutableSortedDictionary<long, NaiveLease>.Empty, false);

    /// <summary>In order.</summary>
    public IEnumerable<NaiveChange> Changes => AllChanges.Take(Count);

    /// <summary>A text that sorts as the bytes do.</summary>
    public static string Text(ByteString bytes) => bytes.ToString(Encoding.Latin1);

    /// <summary>The keys that have a value at a revision.</summary>
    public SortedDictionary<string, KeyValue> Live(long revision = long.MaxValue)
    {
        var live = new SortedDictionary<string, KeyValue>(StringComparer.Ordinal);
        foreach (var change in Changes)
        {
            if (change.Revision.Main > revision)
            {
                break;
            }

            if (change.IsDelete)
            {
                live.Remove(change.Key);
            }
            else
            {
                live[change.Key] = change.Kv;
            }
        }

        return live;
    }

    public List<KeyValue> Live(ByteString key, ByteString rangeEnd, long revision = long.MaxValue)
        => [.. Live(revision).Where(pair => Selects(Text(key), Text(rangeEnd), pair.Key)).Select(pair => pair.Value)];

    public static bool Selects(string key, string rangeEnd, string candidate)
        => rangeEnd switch
        {
            "" => candidate == key,
            "\0" => string.CompareOrdinal(candidate, key) >= 0,
            _ => string.CompareOrdinal(candidate, key) >= 0 && string.CompareOrdinal(candidate, rangeEnd) < 0,
        };

    /// <summary>What a read of its own is told.</summary>
    public StateError CheckRange(RangeRequest range)
        => range.Revision > Revision ? StateError.FutureRevision
            : range.Revision > 0 && range.Revision < Compacted ? StateError.Compacted
            : StateError.None;

    public RangeResponse Range(RangeRequest range)
    {
        var all = Live(range.Key, range.RangeEnd, range.Revision > 0 ? range.Revision : long.MaxValue);
        var response = new RangeResponse { Count = all.Count };
        if (range.CountOnly)
        {
            return response;
        }

        var limit = range.Limit > 0 ? (int)Math.Min(range.Limit, int.MaxValue) : int.MaxValue;
        var found = all.Where(kv => Passes(range, kv)).ToList();
        var isCutFirst = range.SortOrder == RangeRequest.Types.SortOrder.None && found.Count == all.Count && !HasFilter(range);
        response.More = found.Count > limit;
        if (isCutFirst && response.More)
        {
            found = found[..(limit + 1)];
        }

        var sorted = range.SortOrder == RangeRequest.Types.SortOrder.Descend
            ? found.OrderByDescending(kv => SortKey(range, kv))
            : found.OrderBy(kv => SortKey(range, kv));
        response.Kvs.AddRange(sorted.Take(limit).Select(kv => range.KeysOnly ? WithoutValue(kv) : kv));
        return response;
    }

    /// <summary>Puts keys that the order does not tell apart into one order, and forgets which of them were cut off.</summary>
    public RangeResponse WithoutTies(RangeRequest range, RangeResponse response)
    {
        if (range.SortTarget == RangeRequest.Types.SortTarget.Key)
        {
            return response;
        }

        var groups = response.Kvs.GroupBy(kv => SortKey(range, Whole(kv))).ToList();
        var ordered = response.Clone();
        ordered.Kvs.Clear();
        foreach (var group in groups)
        {
            if (response.More && group.Key.Equals(groups[^1].Key))
            {
                ordered.Kvs.AddRange(group.Select(_ => new KeyValue()));
            }
            else
            {
                ordered.Kvs.AddRange(group.OrderBy(kv => Text(kv.Key), StringComparer.Ordinal));
            }
        }

        return ordered;
    }

    /// <summary>Whether anybody may still ask for a change.</summary>
    public bool IsNeeded(NaiveChange change)
        => change.Revision.Main >= Compacted
            || (!change.IsDelete && Changes.Last(other => other.Key == change.Key && other.Revision.Main <= Compacted) == change);

    /// <summary>The keys that go with a lease.</summary>
    public List<string> KeysOf(long lease) => [.. Live().Where(pair => pair.Value.Lease == lease).Select(pair => pair.Key)];

    /// <summary>etcd's sum over everything up to a revision, from its description.</summary>
    public uint HashKv(long revision)
    {
        var live = Live(revision).Values.ToHashSet();
        var sum = Crc32C.Of("key"u8);
        foreach (var change in Changes.Where(change => change.Revision.Main <= revision))
        {
            if (change.Revision.Main <= Compacted)
            {
                // What compaction keeps of its own revision and before; of that, what one at this revision would keep too.
                var isKept = !change.IsDelete && IsNeeded(change) && Live(Compacted).ContainsValue(change.Kv);
                if (!isKept || (live.Count > 0 && !live.Contains(change.Kv)))
                {
                    continue;
                }
            }

            List<byte> entry = [.. BigEndian(change.Revision.Main), (byte)'_', .. BigEndian(change.Revision.Sub)];
            if (change.IsDelete)
            {
                entry.Add((byte)'t');
                entry.AddRange(new KeyValue { Key = change.Kv.Key }.ToByteArray());
            }
            else
            {
                entry.AddRange(change.Kv.ToByteArray());
            }

            sum = Crc32C.Continue(sum, [.. entry]);
        }

        return sum;
    }

    private static byte[] BigEndian(long number) => [.. BitConverter.GetBytes(number).Reverse()];

    private static bool HasFilter(RangeRequest range)
        => (range.MinModRevision | range.MaxModRevision | range.MinCreateRevision | range.MaxCreateRevision) != 0;

    private static bool Passes(RangeRequest range, KeyValue kv)
        => IsWithin(range.MinModRevision, kv.ModRevision, range.MaxModRevision)
            && IsWithin(range.MinCreateRevision, kv.CreateRevision, range.MaxCreateRevision);

    private static bool IsWithin(long min, long value, long max) => (min == 0 || value >= min) && (max == 0 || value <= max);

    private static Ordinal SortKey(RangeRequest range, KeyValue kv)
        => range.SortTarget switch
        {
            RangeRequest.Types.SortTarget.Version => new Ordinal(kv.Version, ""),
            RangeRequest.Types.SortTarget.Create => new Ordinal(kv.CreateRevision, ""),
            RangeRequest.Types.SortTarget.Mod => new Ordinal(kv.ModRevision, ""),
            RangeRequest.Types.SortTarget.Value => new Ordinal(0, Text(kv.Value)),
            _ => new Ordinal(0, Text(kv.Key)),
        };

    private static KeyValue WithoutValue(KeyValue kv)
    {
        var without = kv.Clone();
        without.Value = ByteString.Empty;
        return without;
    }

    // The answer may have left the value out. A key that was deleted and put within one revision has two changes there.
    private KeyValue Whole(KeyValue kv)
        => Changes.Last(change => change.Revision.Main == kv.ModRevision && change.Kv.Key == kv.Key).Kv;

    private readonly record struct Ordinal(long Number, string Text) : IComparable<Ordinal>
    {
        public int CompareTo(Ordinal other)
            => Number != other.Number ? Number.CompareTo(other.Number) : string.CompareOrdinal(Text, other.Text);
    }
}
