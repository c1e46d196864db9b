using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using RaftKv.Raft;

namespace RaftKv.Storage.State;

/// <summary>
/// The leases, and the keys that go with each. Which lease a key has is not here: the key's newest record says so, and
/// whoever changes the record tells the table what was attached and detached.
/// </summary>
public sealed class LeaseTable
{
    /// <summary>In seconds; some 285 years.</summary>
    public const long MaxTtl = 9_000_000_000;

    private const string FormatName = "lease table";
    private const byte Version = 1;
    private const int MinLeaseBytes = sizeof(ulong) + 2;

    private readonly Dictionary<long, Lease> _leases = [];

    public int Count => _leases.Count;

    /// <param name="id">Chosen before the command was proposed, so that all members use the same.</param>
    /// <param name="ttl">In seconds; raised to the minimum before the command was proposed.</param>
    public StateError Grant(long id, long ttl)
    {
        // 0 is how a record says that it has no lease.
        if (id == 0)
        {
            return StateError.LeaseNotFound;
        }

        if (ttl > MaxTtl)
        {
            return StateError.LeaseTtlTooLarge;
        }

        return _leases.TryAdd(id, new Lease(id, ttl, remainingTtl: 0)) ? StateError.None : StateError.LeaseExists;
    }

    /// <summary>Takes the lease out.</summary>
    /// <param name="id">Which.</param>
    /// <param name="lease">With the keys that have to be deleted now, in order. They are its own from here on.</param>
    public StateError Revoke(long id, out Lease? lease)
        => _leases.Remove(id, out lease) ? StateError.None : StateError.LeaseNotFound;

    public bool Contains(long id) => _leases.ContainsKey(id);

    public bool TryGet(long id, [NotNullWhen(true)] out Lease? lease) => _leases.TryGetValue(id, out lease);

    /// <summary>The key's newest record names this lease, which exists, from now on.</summary>
    public void Attach(ReadOnlySpan<byte> key, long id)
    {
        var isThere = _leases.TryGetValue(id, out var lease);
        Invariant.Holds(isThere);
        lease!.Attach(key);
    }

    /// <summary>The key is gone, or its newest record names this lease no more. A lease that was revoked has let go of
    /// its keys already.</summary>
    public void Detach(ReadOnlySpan<byte> key, long id)
    {
        if (_leases.TryGetValue(id, out var lease))
        {
            var wasThere = lease.Detach(key);
            Invariant.Holds(wasThere);
        }
    }

    /// <summary>Remembers what is left of a lease, so that a new leader does not begin from the full TTL.</summary>
    /// <param name="id">Which lease.</param>
    /// <param name="remainingTtl">In seconds; 0 after a renewal: the full TTL counts again.</param>
    public StateError Checkpoint(long id, long remainingTtl)
    {
        if (!_leases.TryGetValue(id, out var lease))
        {
            return StateError.LeaseNotFound;
        }

        lease.RemainingTtl = remainingTtl;
        return StateError.None;
    }

    /// <summary>All leases, in order of their ids. A copy: the leases are those of the table, the list is not.</summary>
    public Lease[] Sorted()
    {
        var leases = new Lease[_leases.Count];
        _leases.Values.CopyTo(leases, 0);
        Array.Sort(leases, static (left, right) => left.Id.CompareTo(right.Id));
        return leases;
    }

    /// <summary>Writes the table.</summary>
    /// <param name="to">Where.</param>
    /// <param name="withKeys">False where the keys' records are kept beside it anyhow, and attach them again.</param>
    public void WriteTo(IBufferWriter<byte> to, bool withKeys = true)
    {
        var writer = new StateWriter(to);
        writer.Byte(Version);
        writer.Flag(withKeys);
        writer.Count(_leases.Count);
        foreach (var lease in Sorted())
        {
            writer.Id((ulong)lease.Id);
            writer.Zigzag(lease.Ttl);
            writer.Zigzag(lease.RemainingTtl);
            if (withKeys)
            {
                WriteKeys(writer, lease.Keys);
            }
        }
    }

    /// <exception cref="StateFormatException">These are not the bytes of a table.</exception>
    public static LeaseTable ReadFrom(ReadOnlySpan<byte> bytes)
    {
        var reader = new StateReader(bytes, FormatName);
        reader.Version(Version);
        var withKeys = reader.Flag();
        var table = new LeaseTable();
        var count = reader.Count(MinLeaseBytes);
        table._leases.EnsureCapacity(count);
        for (long i = 0, previous = 0; i < count; i++)
        {
            var start = reader.Offset;
            var id = (long)reader.Id();
            if (id == 0 || (i > 0 && id <= previous))
            {
                reader.FailAt(start, "a lease has no id, or the ids are not in order.");
            }

            var lease = new Lease(id, reader.Zigzag(), reader.Zigzag());
            if (withKeys)
            {
                ReadKeys(ref reader, lease);
            }

            table._leases.Add(id, lease);
            previous = id;
        }

        reader.End();
        return table;
    }

    // Each key as: how many bytes it has in common with the one before, then the others.
    private static void WriteKeys(StateWriter writer, SortedKeys keys)
    {
        writer.Count(keys.Count);
        ReadOnlySpan<byte> previous = [];
        foreach (var key in keys)
        {
            var common = previous.CommonPrefixLength(key);
            writer.Count(common);
            writer.Bytes(key[common..]);
            previous = key;
        }
    }

    private static void ReadKeys(ref StateReader reader, Lease lease)
    {
        var count = reader.Count(minBytesEach: 2);
        var key = new List<byte>();
        for (var i = 0; i < count; i++)
        {
            var start = reader.Offset;
            var common = reader.Number();
            var rest = reader.Bytes();
            if (common > (ulong)key.Count)
            {
                reader.FailAt(start, "a key has more in common with the one before than that has.");
            }

            // Greater than the one before, and not a byte less in common with it than it could have.
            var isNext = i == 0 || (rest.Length > 0 && ((int)common == key.Count || rest[0] > key[(int)common]));
            if (!isNext)
            {
                reader.FailAt(start, "the keys of a lease are not in order.");
            }

            key.RemoveRange((int)common, key.Count - (int)common);
            key.AddRange(rest);
            lease.Attach(CollectionsMarshal.AsSpan(key));
        }
    }
}
