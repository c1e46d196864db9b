namespace RaftKv.Raft.Log;

/// <summary>
/// The log as the algorithm sees it: the host's durable part and the part in memory as one, and the marks along it.
/// <code>
///  FirstIndex        Applied     Applying   Committed                        Last
///      |................|............|..........|..............................|
///      '--- read from the host --'--- in memory as well ---'--- in memory only -'
///                                                        Durable   HandedOut
/// </code>
/// Applied, Applying and Committed never go back. Durable and HandedOut go back when entries are replaced, and may be
/// on either side of Committed: a leader can learn that a quorum has stored an entry before its own disk is done. What
/// is applied is durable here, though, so that a restarted member never has applied more than its log holds.
/// </summary>
internal sealed class RaftLog
{
    private readonly ILogReader _reader;
    private readonly RaftConfig _config;
    private readonly RaftFaults _faults;
    private readonly RecentEntries _recent;
    private readonly WritesInFlight _writes = new();

    // What was handed out to be applied and not reported yet, to bound it in bytes.
    private readonly Queue<(ulong Last, long Bytes)> _applying = [];
    private long _applyingBytes;

    // A snapshot on its way to the disk. The host's reader still shows the log it replaces.
    private Snapshot? _installing;
    private bool _isSnapshotHandedOut;

    /// <summary>Takes over what the host's log holds after <paramref name="applied"/>.</summary>
    public RaftLog(ILogReader reader, RaftConfig config, RaftFaults faults, ulong applied, ulong committed)
    {
        _reader = reader;
        _config = config;
        _faults = faults;

        Invariant.Holds(applied >= reader.Start.Index);
        Invariant.Holds(applied <= reader.Last.Index);
        Invariant.Holds(committed <= reader.Last.Index);
        _recent = new RecentEntries(PositionAt(applied));
        Applied = applied;
        Applying = applied;
        Committed = Math.Max(committed, applied);
        Durable = reader.Last.Index;
        HandedOut = Durable;
    }

    public LogPosition Last => _recent.Last;

    /// <summary>The first entry that can still be read; one past the last if there is none.</summary>
    public ulong FirstIndex => (_installing?.Position.Index ?? _reader.Start.Index) + 1;

    public ulong Committed { get; private set; }

    /// <summary>Handed out to be applied.</summary>
    public ulong Applying { get; private set; }

    /// <summary>Reported as applied.</summary>
    public ulong Applied { get; private set; }

    /// <summary>The log is durable here up to this entry, as it stands now.</summary>
    public ulong Durable { get; private set; }

    /// <summary>Given to the host to be written.</summary>
    public ulong HandedOut { get; private set; }

    /// <summary>The number of the newest write handed out, and of the newest reported durable.</summary>
    public ulong LastWrite { get; private set; }

    public ulong DurableWrite { get; private set; }

    public bool IsInstallingSnapshot => _installing is not null;

    /// <summary>Entries or a snapshot that the host has not yet been given to write.</summary>
    public bool AwaitsWrite => HandedOut < Last.Index || (IsInstallingSnapshot && !_isSnapshotHandedOut);

    /// <summary>
    /// Reads what the host's log holds after what was applied. Called once, before anything else.
    /// </summary>
    /// <exception cref="InvalidOperationException">The host cannot lend its own log.</exception>
    public void Load(Action<Entry> onConfigChange)
    {
        var last = _reader.Last.Index;
        while (Last.Index < last)
        {
            var outcome = _reader.Read(Last.Index + 1, last, _config.MaxAppendBytes, out var entries);
            if (outcome != LogRead.Found)
            {
                throw new InvalidOperationException(
                    $"The log must be readable from {Last.Index + 1} to {last} when the core starts; it is {outcome}.");
            }

            foreach (ref readonly var entry in entries.Span)
            {
                _recent.Append(entry);
                if (entry.Kind == EntryKind.ConfigChange)
                {
                    onConfigChange(entry);
                }
            }

            _recent.DropFront(last, _config.RecentEntries, _config.RecentBytes);
        }
    }

    /// <summary>The term at an index from just before the first entry to the last; false outside.</summary>
    public bool TryGetTerm(ulong index, out ulong term)
    {
        term = 0;
        if (index > Last.Index)
        {
            return false;
        }

        if (index >= _recent.Previous.Index)
        {
            term = _recent.TermAt(index);
            return true;
        }

        return !IsInstallingSnapshot && _reader.TryGetTerm(index, out term);
    }

    public bool Holds(LogPosition position) => TryGetTerm(position.Index, out var term) && term == position.Term;

    /// <summary>
    /// The last index at or before <paramref name="from"/>'s whose term is not above <paramref name="from"/>'s: the
    /// last place where a log that ends in that position can agree with this one. Skips whole terms instead of probing
    /// entry by entry (thesis §4.2.1 leaves this to implementers). Zero terms at indexes that are compacted: everything
    /// before is committed, so the logs agree there.
    /// </summary>
    public LogPosition LastPossibleMatch(LogPosition from)
    {
        var index = Math.Min(from.Index, Last.Index);
        while (TryGetTerm(index, out var term))
        {
            if (term <= from.Term || index == 0)
            {
                return new LogPosition(term, index);
            }

            index--;
        }

        return new LogPosition(0, index);
    }

    /// <summary>An entry that is not yet applied, hence in memory.</summary>
    public ref readonly Entry At(ulong index) => ref _recent.At(index);

    /// <summary>The entries from <paramref name="first"/> to <paramref name="last"/>, or as many from the front as fit
    /// in <paramref name="maxBytes"/>, but at least one.</summary>
    public LogRead Read(ulong first, ulong last, long maxBytes, out ReadOnlyMemory<Entry> entries)
    {
        Invariant.Holds(first <= last);
        Invariant.Holds(last <= Last.Index);
        if (first > _recent.Previous.Index)
        {
            entries = _recent.Slice(first, last, maxBytes);
            return LogRead.Found;
        }

        entries = default;
        if (first < FirstIndex)
        {
            return LogRead.Compacted;
        }

        var outcome = _reader.Read(first, Math.Min(last, _recent.Previous.Index), maxBytes, out entries);
        if (outcome == LogRead.Found)
        {
            Invariant.Holds(entries.Length > 0);
            Invariant.Holds(entries.Span[0].Index == first);
            Invariant.Holds(entries.Span[^1].Index <= last);
        }

        return outcome;
    }

    public Snapshot? LatestSnapshot() => _reader.LatestSnapshot();

    /// <summary>So many entries are about to be appended together.</summary>
    public void StartBatch(int count) => _recent.StartBatch(count);

    public void Append(in Entry entry) => _recent.Append(entry);

    /// <summary>Removes <paramref name="index"/> and everything after it. Never anything committed.</summary>
    public void TruncateFrom(ulong index)
    {
        Invariant.Holds(index > Committed || _faults.TruncatesAlways);
        if (index > _recent.Previous.Index)
        {
            _recent.TruncateFrom(index);
        }
        else
        {
            _recent.Reset(PositionAt(index - 1));
        }

        if (!_faults.TrustsOverwrittenWrites)
        {
            _writes.Overwritten(index - 1);
        }

        Durable = Math.Min(Durable, index - 1);
        HandedOut = Math.Min(HandedOut, index - 1);
    }

    public void CommitTo(ulong index)
    {
        Invariant.Holds(index >= Committed);
        Invariant.Holds(index <= Last.Index);
        Committed = index;
    }

    /// <summary>Replaces the whole log by the state at a snapshot.</summary>
    public void Install(Snapshot snapshot)
    {
        Invariant.Holds(snapshot.Position.Index > Committed);

        // What was committed stays true; everything after it is no longer what earlier writes brought.
        _writes.Overwritten(Committed);
        Durable = Math.Min(Durable, Committed);
        _recent.Reset(snapshot.Position);
        _installing = snapshot;
        _isSnapshotHandedOut = false;
        HandedOut = snapshot.Position.Index;
        Committed = snapshot.Position.Index;
    }

    /// <summary>Gives the host everything it has not been given, as one numbered write.</summary>
    public ulong HandOutWrite(out Snapshot? snapshot, out ReadOnlyMemory<Entry> entries)
    {
        snapshot = _isSnapshotHandedOut ? null : _installing;
        _isSnapshotHandedOut = IsInstallingSnapshot;
        entries = HandedOut < Last.Index ? _recent.Slice(HandedOut + 1, Last.Index, long.MaxValue) : default;
        HandedOut = Last.Index;
        LastWrite++;
        _writes.Add(LastWrite, HandedOut, snapshot);
        return LastWrite;
    }

    /// <summary>All writes up to this number are durable.</summary>
    public void WriteDurable(ulong number)
    {
        Invariant.Holds(number > DurableWrite);
        Invariant.Holds(number <= LastWrite);
        DurableWrite = number;
        while (_writes.TryTake(number, out var write))
        {
            Durable = Math.Max(Durable, Math.Min(write.Last, HandedOut));
            if (write.Snapshot is { } snapshot)
            {
                SnapshotDurable(snapshot);
            }
        }

        DropWhatIsNotNeeded();
    }

    /// <summary>The first write after which <paramref name="index"/> is durable; zero if it already is.</summary>
    public ulong WriteThatMakesDurable(ulong index)
    {
        if (index <= Durable)
        {
            return 0;
        }

        var covering = _writes.NumberCovering(index);
        return covering != 0 ? covering : LastWrite + 1;
    }

    /// <summary>The next entries to apply: committed, durable here, and not more than the application can bear.</summary>
    public ReadOnlyMemory<Entry> HandOutCommitted()
    {
        var through = Math.Min(Committed, Durable);
        if (Applying >= through || IsInstallingSnapshot || _applyingBytes >= _config.MaxApplyingBytes)
        {
            return default;
        }

        // Only after a restart can these entries be on disk alone. If the host cannot lend them now, later will do.
        if (Read(Applying + 1, through, _config.MaxCommittedBytesPerReady, out var entries) != LogRead.Found)
        {
            return default;
        }

        var bytes = 0L;
        foreach (ref readonly var entry in entries.Span)
        {
            bytes += entry.CountedBytes;
        }

        Applying = entries.Span[^1].Index;
        _applying.Enqueue((Applying, bytes));
        _applyingBytes += bytes;
        return entries;
    }

    public void AppliedTo(ulong index)
    {
        if (index <= Applied)
        {
            return; // Overtaken by a snapshot.
        }

        Invariant.Holds(index <= Applying);
        Applied = index;
        while (_applying.TryPeek(out var batch) && batch.Last <= index)
        {
            _applyingBytes -= batch.Bytes;
            _applying.Dequeue();
        }

        DropWhatIsNotNeeded();
    }

    private void SnapshotDurable(Snapshot snapshot)
    {
        Applied = Math.Max(Applied, snapshot.Position.Index);
        Applying = Math.Max(Applying, snapshot.Position.Index);
        _applying.Clear();
        _applyingBytes = 0;
        if (ReferenceEquals(_installing, snapshot))
        {
            _installing = null;
            _isSnapshotHandedOut = false;
        }
    }

    // Entries that are applied here and durable here are of use only to followers; a bounded tail of them stays.
    private void DropWhatIsNotNeeded()
        => _recent.DropFront(Math.Min(Applied, Durable), _config.RecentEntries, _config.RecentBytes);

    private LogPosition PositionAt(ulong index)
    {
        var isThere = _reader.TryGetTerm(index, out var term);
        Invariant.Holds(isThere);
        return new LogPosition(term, index);
    }

    public void CheckInvariants()
    {
        Invariant.Holds(Applied <= Applying);
        Invariant.Holds(Applying <= Committed);
        Invariant.Holds(Committed <= Last.Index);
        Invariant.Holds(HandedOut <= Last.Index);
        Invariant.Holds(Durable <= HandedOut);
        Invariant.Holds(DurableWrite <= LastWrite);
        if (!IsInstallingSnapshot)
        {
            Invariant.Holds(Applying <= Durable);
            Invariant.Holds(FirstIndex <= Applying + 1);
        }
    }
}
