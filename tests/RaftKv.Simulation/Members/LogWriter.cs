using System.Runtime.InteropServices;
using RaftKv.Raft.Log;
using RaftKv.Storage.Files;
using RaftKv.Storage.Wal;

namespace RaftKv.Simulation.Members;

/// <summary>
/// The thread that writes the log, without the thread: writes queue up while the disk is at work, and those that have
/// queued up are then written as one, the way a group commit comes about by itself.
/// </summary>
internal sealed class LogWriter(IMemberWorld world, WriteAheadLog wal, CheckpointStore checkpoints)
{
    // Of the disk being full: how long until it is asked again.
    private const long RetryNanos = 40 * Simulator.Millisecond;

    private readonly List<PendingWrite> _queue = [];
    private readonly List<Entry> _merged = [];
    private readonly List<PendingWrite> _underWay = [];
    private LogPosition? _compactTo;

    // From the start of a write, or of a compaction, or of a wait for room, until its end is reported.
    private bool _isBusy;

    public void Enqueue(ulong number, HardState? hardState, MemberState? snapshot, ReadOnlyMemory<Entry> entries, ulong last)
    {
        var write = new PendingWrite(number, hardState, snapshot, entries, last);

        // What this one replaces, the ones before it no longer bring.
        var kept = snapshot is not null ? snapshot.Position.Index - 1
            : entries.Length > 0 ? entries.Span[0].Index - 1
            : ulong.MaxValue;
        Limit(_queue, kept);
        Limit(_underWay, kept);
        _queue.Add(write);
    }

    public void RequestCompaction(LogPosition through)
    {
        if (_compactTo is not { } before || before.Index < through.Index)
        {
            _compactTo = through;
        }
    }

    /// <summary>Begins to write what waits, if the disk is free. Its completion comes as <paramref name="stage"/>.</summary>
    public void Start(int stage)
    {
        if (_isBusy || (_queue.Count == 0 && _compactTo is null))
        {
            return;
        }

        _isBusy = true;
        world.Pass(Failpoint.BeforeWrite);
        try
        {
            StartNext();
        }
        catch (DiskFullException)
        {
            // A definite refusal: nothing was written, and the queue stays as it is.
            world.Await(world.Now + RetryNanos, stage, argument: 0);
            return;
        }

        world.Pass(Failpoint.AfterWriteBeforeSync);
        world.Await(world.Disk.BusyUntil, stage, argument: 1);
    }

    /// <summary>The disk is done. Returns the newest write that is durable, and how far the log is; zero if none is.</summary>
    public ulong Finish(out ulong last, out MemberState? installed)
    {
        _isBusy = false;
        (last, installed) = (0, null);
        var number = 0UL;
        foreach (var write in _underWay)
        {
            number = write.Number;
            last = write.Last;
            installed = write.Snapshot ?? installed;
        }

        _underWay.Clear();
        return number;
    }

    private void StartNext()
    {
        if (_compactTo is { } through && _queue.Count == 0)
        {
            world.Pass(Failpoint.BeforeCompaction);
            wal.Compact(through);
            _compactTo = null;
            world.Pass(Failpoint.AfterCompaction);
            return;
        }

        // A snapshot goes alone: the state must be on disk before the log that goes on after it.
        var count = _queue[0].Snapshot is not null ? 1 : CountOfMergeable();
        var hardState = (HardState?)null;
        _merged.Clear();
        for (var i = 0; i < count; i++)
        {
            hardState = _queue[i].HardState ?? hardState;
            Merge(_queue[i].Entries.Span);
        }

        LogPosition? reset = null;
        if (_queue[0].Snapshot is { } snapshot)
        {
            checkpoints.Write(snapshot.Bytes);
            world.Pass(Failpoint.AfterSnapshotStored);
            reset = snapshot.Position;
        }

        wal.Append(new WalBatch
        {
            Reset = reset,
            HardState = hardState,
            Entries = CollectionsMarshal.AsSpan(_merged),
        });
        if (reset is not null)
        {
            world.Pass(Failpoint.AfterLogReset);
        }

        _underWay.AddRange(_queue[..count]);
        _queue.RemoveRange(0, count);
    }

    private int CountOfMergeable()
    {
        var count = 1;
        while (count < _queue.Count && _queue[count].Snapshot is null)
        {
            count++;
        }

        return count;
    }

    private void Merge(ReadOnlySpan<Entry> entries)
    {
        if (entries.IsEmpty)
        {
            return;
        }

        while (_merged.Count > 0 && _merged[^1].Index >= entries[0].Index)
        {
            _merged.RemoveAt(_merged.Count - 1);
        }

        _merged.AddRange(entries);
    }

    private static void Limit(List<PendingWrite> writes, ulong last)
    {
        for (var i = 0; i < writes.Count; i++)
        {
            if (writes[i].Last > last)
            {
                writes[i] = writes[i] with { Last = last };
            }
        }
    }

    /// <param name="Number">The core's.</param>
    /// <param name="HardState">If it changes.</param>
    /// <param name="Snapshot">If one is to be installed first.</param>
    /// <param name="Entries">To be written.</param>
    /// <param name="Last">How far the log will be durable after this write, as the log stands now.</param>
    private readonly record struct PendingWrite(
        ulong Number, HardState? HardState, MemberState? Snapshot, ReadOnlyMemory<Entry> Entries, ulong Last);
}
