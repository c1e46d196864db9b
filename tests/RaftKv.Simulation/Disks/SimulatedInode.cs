using RaftKv.Raft;

namespace RaftKv.Simulation.Disks;

/// <summary>
/// One file's contents, twice: as its process sees it, and as it would be found after a power cut. What lies between
/// the two is a list of operations in the order they were made, with marks where a sync covers all before it.
/// </summary>
/// <remarks>
/// <code>
/// durable ──► [ write | write | zero | mark(done at 7 ms) | write | length ] ──► current
///              └── survive a cut at 8 ms for certain ──┘     └─ at the mercy of the crash ─┘
/// </code>
/// </remarks>
internal sealed class SimulatedInode(int number)
{
    public const int SectorBytes = 512;

    private const int LatestWrites = 32;

    private readonly SparseBytes _current = new();
    private readonly SparseBytes _durable = new();
    private readonly List<PendingChange> _pending = [];
    private readonly List<SyncMark> _marks = [];

    private byte[] _pendingBytes = [];
    private int _pendingByteCount;
    private long _durableLength;

    // The latest writes, wherever they began, in no order.
    private readonly (long Offset, int Length)[] _latest = new (long Offset, int Length)[LatestWrites];
    private int _latestCount;

    /// <summary>Names the file for ever, whatever it is called; files are visited in this order.</summary>
    public int Number { get; } = number;

    public long Length { get; private set; }

    /// <summary>What the file takes from the disk's quota: its length, or what was set aside for it.</summary>
    public long AllocatedBytes { get; private set; }

    public bool HasPending => _pending.Count > 0;

    public void Read(long offset, Span<byte> destination) => _current.Read(offset, destination);

    public void Write(long offset, ReadOnlySpan<byte> bytes, long at)
    {
        var end = offset + bytes.Length;
        _latest[_latestCount++ % LatestWrites] = (offset, bytes.Length);
        if (bytes.IndexOfAnyExcept((byte)0) < 0)
        {
            _current.Clear(offset, bytes.Length);
            _pending.Add(new PendingChange(ChangeKind.Zero, offset, bytes.Length, DataStart: 0, at));
        }
        else
        {
            _current.Write(offset, bytes);
            _pending.Add(new PendingChange(ChangeKind.Write, offset, bytes.Length, Keep(bytes), at));
        }

        Length = Math.Max(Length, end);
        AllocatedBytes = Math.Max(AllocatedBytes, Length);
    }

    /// <summary>Where one of the latest writes of the same length went, but not there; null if there was none.</summary>
    public long? EarlierWrite(long offset, int length, Chance chance)
    {
        var count = Math.Min(_latestCount, LatestWrites);
        var first = count == 0 ? 0 : chance.Below(count);
        for (var i = 0; i < count; i++)
        {
            var (place, bytes) = _latest[(first + i) % count];
            if (bytes == length && place != offset && place + length <= Length)
            {
                return place;
            }
        }

        return null;
    }

    public void SetLength(long length, long at)
    {
        if (length < Length)
        {
            _current.Clear(length, Length - length);
        }

        Length = length;
        AllocatedBytes = length;
        _pending.Add(new PendingChange(ChangeKind.Length, 0, length, DataStart: 0, at));
    }

    /// <summary>From <paramref name="doneAt"/> on, everything so far survives.</summary>
    public void MarkSynced(long doneAt) => _marks.Add(new SyncMark(_pending.Count, doneAt));

    /// <summary>Makes durable what the syncs that are done by now cover.</summary>
    public void Settle(long now)
    {
        var changes = 0;
        var marks = 0;
        while (marks < _marks.Count && _marks[marks].DoneAt <= now)
        {
            changes = _marks[marks++].ChangeCount;
        }

        if (marks == 0)
        {
            return;
        }

        for (var i = 0; i < changes; i++)
        {
            ApplyToDurable(_pending[i]);
        }

        _marks.RemoveRange(0, marks);
        for (var i = 0; i < _marks.Count; i++)
        {
            _marks[i] = _marks[i] with { ChangeCount = _marks[i].ChangeCount - changes };
        }

        _pending.RemoveRange(0, changes);
        if (_pending.Count == 0)
        {
            _pendingByteCount = 0;
        }
    }

    /// <summary>What was asked for so far has been done by now: written, and where a sync covers it, durable.</summary>
    public void CatchUp(long now)
    {
        Settle(long.MaxValue);
        for (var i = 0; i < _pending.Count; i++)
        {
            _pending[i] = _pending[i] with { IssuedAt = Math.Min(_pending[i].IssuedAt, now) };
        }
    }

    /// <summary>The disk forgets: some of what was not synced by now survives, as <paramref name="fate"/> and chance decide.
    /// What was to be written later than now never was.</summary>
    public void Crash(long now, UnsyncedFate fate, Chance chance)
    {
        Settle(now);
        LoseSome(now, fate, chance);
        Length = _durableLength;
        AllocatedBytes = _durableLength;
        _current.CopyFrom(_durable);
    }

    /// <summary>The process ends and the machine goes on: what it wrote can still be read, and is as unsafe as before. Only
    /// what was to be written later than now never was.</summary>
    public void EndProcess(long now)
    {
        Settle(now);

        // A sync under way ends with its process: nobody is ever told that it has succeeded, and the next process's syncs,
        // which may be done earlier, must not wait for it.
        _marks.Clear();
        var issued = CountIssued(now);
        if (issued == _pending.Count)
        {
            return;
        }

        _pending.RemoveRange(issued, _pending.Count - issued);
        _current.CopyFrom(_durable);
        Length = _durableLength;
        foreach (var change in _pending)
        {
            Length = Apply(change, _current, Length);
        }

        AllocatedBytes = Length;
    }

    /// <summary>A sync failed: chance has decided what reached the disk, and no later sync will write the rest, though it
    /// can still be read until the crash. This is what Linux does with pages whose write-back failed.</summary>
    public void FailSync(Chance chance)
    {
        Settle(long.MaxValue);
        LoseSome(long.MaxValue, UnsyncedFate.Drawn, chance);
    }

    /// <summary>One bit rots, in the durable bytes and in what is read.</summary>
    public void FlipBit(long offset, int bit)
    {
        _current.FlipBit(offset, bit);
        _durable.FlipBit(offset, bit);
    }

    private void LoseSome(long now, UnsyncedFate fate, Chance chance)
    {
        var issued = CountIssued(now);
        if (issued > 0)
        {
            switch (fate == UnsyncedFate.Drawn ? Draw(chance) : fate)
            {
                case UnsyncedFate.Lost:
                    break;
                case UnsyncedFate.Kept:
                    KeepPrefix(issued, tornAt: 0);
                    break;
                case UnsyncedFate.Prefix:
                    var kept = chance.Below(issued);
                    KeepPrefix(kept, tornAt: chance.Below(SectorCount(_pending[kept]) + 1));
                    break;
                case UnsyncedFate.Scattered:
                    // Mostly there or mostly gone finds other mistakes than one in two.
                    KeepScattered(issued, new Ratio(chance.Between(1, 9), 10), chance);
                    break;
                default:
                    Invariant.Holds(fate == UnsyncedFate.Drawn);
                    break;
            }
        }

        _pending.Clear();
        _marks.Clear();
        _pendingByteCount = 0;
    }

    private int CountIssued(long now)
    {
        var issued = 0;
        while (issued < _pending.Count && _pending[issued].IssuedAt <= now)
        {
            issued++;
        }

        return issued;
    }

    private static UnsyncedFate Draw(Chance chance)
        => chance.Pick([UnsyncedFate.Lost, UnsyncedFate.Kept, UnsyncedFate.Prefix, UnsyncedFate.Prefix, UnsyncedFate.Scattered]);

    private void KeepPrefix(int count, int tornAt)
    {
        for (var i = 0; i < count; i++)
        {
            ApplyToDurable(_pending[i]);
        }

        for (var sector = 0; sector < tornAt; sector++)
        {
            ApplyToDurable(SectorOf(_pending[count], sector));
        }
    }

    private void KeepScattered(int count, Ratio share, Chance chance)
    {
        for (var i = 0; i < count; i++)
        {
            var sectors = SectorCount(_pending[i]);
            for (var sector = 0; sector < sectors; sector++)
            {
                if (chance.Happens(share))
                {
                    ApplyToDurable(SectorOf(_pending[i], sector));
                }
            }
        }
    }

    private void ApplyToDurable(in PendingChange change) => _durableLength = Apply(change, _durable, _durableLength);

    // Returns the length afterwards.
    private long Apply(in PendingChange change, SparseBytes bytes, long length)
    {
        switch (change.Kind)
        {
            case ChangeKind.Write:
                bytes.Write(change.Offset, _pendingBytes.AsSpan(change.DataStart, (int)change.Length));
                return Math.Max(length, change.Offset + change.Length);
            case ChangeKind.Zero:
                bytes.Clear(change.Offset, change.Length);
                return Math.Max(length, change.Offset + change.Length);
            default:
                if (change.Length < length)
                {
                    bytes.Clear(change.Length, length - change.Length);
                }

                return change.Length;
        }
    }

    // A change of length is one sector's worth: it happens or it does not.
    private static int SectorCount(in PendingChange change)
        => change.Kind == ChangeKind.Length || change.Length == 0
            ? 1
            : (int)(((change.Offset + change.Length - 1) / SectorBytes) - (change.Offset / SectorBytes) + 1);

    // The part of a change that falls into its n-th sector, aligned in the file.
    private static PendingChange SectorOf(in PendingChange change, int sector)
    {
        if (change.Kind == ChangeKind.Length)
        {
            return change;
        }

        var first = change.Offset / SectorBytes;
        var from = Math.Max(change.Offset, (first + sector) * SectorBytes);
        var to = Math.Min(change.Offset + change.Length, (first + sector + 1) * SectorBytes);
        return change with
        {
            Offset = from,
            Length = to - from,
            DataStart = change.DataStart + (int)(from - change.Offset),
        };
    }

    private int Keep(ReadOnlySpan<byte> bytes)
    {
        if (_pendingBytes.Length - _pendingByteCount < bytes.Length)
        {
            Array.Resize(ref _pendingBytes, Math.Max(_pendingByteCount + bytes.Length, _pendingBytes.Length * 2));
        }

        var start = _pendingByteCount;
        bytes.CopyTo(_pendingBytes.AsSpan(start));
        _pendingByteCount += bytes.Length;
        return start;
    }

    private enum ChangeKind : byte
    {
        Write,
        Zero,
        Length,
    }

    private readonly record struct PendingChange(ChangeKind Kind, long Offset, long Length, int DataStart, long IssuedAt);

    private readonly record struct SyncMark(int ChangeCount, long DoneAt);
}
