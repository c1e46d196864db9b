using System.Collections.Concurrent;
using RaftKv.Raft;
using RaftKv.Storage.Files;
using RaftKv.Storage.Records;

namespace RaftKv.Storage.Mvcc;

/// <summary>
/// All keys with their history: the key index, the records behind it, and the counting of revisions. One thread writes,
/// in batches; any number of threads read what was published, without locks.
/// </summary>
/// <remarks>
/// <code>
///   BeginWrite  Put  Put  Delete  EndWrite     BeginWrite  Delete (nothing there)  EndWrite     Publish
///               5.0  5.1  5.2     revision 5                                       revision 5   readers see 5
/// </code>
/// <para>A write takes the next main revision with its first change, and no revision if it changes nothing.</para>
/// <para><b>What may be forgotten.</b> A record dies when compaction takes its revision out of the index, and in no other
/// way. It may still be asked for by a view that was opened before (<see cref="HistoryPin"/>), and by a restart from a
/// checkpoint that was begun before: see KeySpace.Reclaim.</para>
/// </remarks>
public sealed partial class KeySpace : IDisposable
{
    private readonly IRecordStore _records;
    private readonly KeySpaceFaults _faults;
    private readonly IRecordReader _ownReader;
    private readonly ConcurrentBag<IRecordReader> _readers = [];
    private readonly KeyIndex _index;
    private readonly List<Change> _changes = [];
    private readonly KeptBytes _room = new();
    private Revision _next;
    private bool _isWriting;
    private volatile PublishedKeys _published;
    private volatile bool _isClosed;

    /// <param name="records">Its records, of which this takes possession; empty.</param>
    /// <param name="faults">None, but in tests.</param>
    public KeySpace(IRecordStore records, KeySpaceFaults? faults = null)
        : this(
            records,
            new KeyIndex { Faults = faults ?? KeySpaceFaults.None },
            KeySpacePosition.Empty,
            faults ?? KeySpaceFaults.None)
    {
    }

    private KeySpace(IRecordStore records, KeyIndex index, KeySpacePosition position, KeySpaceFaults faults)
    {
        _records = records;
        _faults = faults;
        _index = index;
        _ownReader = records.OpenReader();
        Revision = position.Revision;
        Compacted = position.Compacted;
        Chain = position.Chain;
        LiveBytes = index.Bytes;
        _published = new PublishedKeys(index.Publish(), Revision, Compacted, new HistoryPin());
    }

    /// <summary>The revision of the last write; 1 if there was none. As the writer sees it.</summary>
    public long Revision { get; private set; }

    /// <summary>The revision that history was compacted to; -1 if it never was.</summary>
    public long Compacted { get; private set; }

    /// <summary>One number over all records ever written, in their order: the same on all members that have applied the
    /// same.</summary>
    public ulong Chain { get; private set; }

    /// <summary>What keys and values take that are still needed, history included and rounding up for what comes with
    /// each.</summary>
    public long LiveBytes { get; private set; }

    /// <summary>Puts since the space was opened. Any thread may read it, as the next three.</summary>
    public long PutCount { get; private set; }

    /// <summary>Bytes of keys and values that were put.</summary>
    public long PutBytes { get; private set; }

    /// <summary>Keys that were deleted.</summary>
    public long DeleteCount { get; private set; }

    /// <summary>Revisions that compaction has taken out.</summary>
    public long CompactedCount { get; private set; }

    /// <summary>What has to be remembered, beside the records, to open the key space again.</summary>
    public KeySpacePosition Position => new(Revision, Compacted, Chain);

    /// <summary>The changes since they were taken last, in order.</summary>
    public ReadOnlySpan<Change> Changes => System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_changes);

    /// <summary>Bytes on the disk.</summary>
    public long DiskBytes => _records.DiskBytes;

    /// <summary>Whether the write that was begun has changed something.</summary>
    internal bool HasChanged => _isWriting && _next.Sub > 0;

    /// <summary>The main revision as the write that was begun sees it: its own once it has changed something.</summary>
    internal long RevisionWithin => HasChanged ? _next.Main : Revision;

    /// <summary>What the writer sees, until its next change.</summary>
    internal KeySpaceView Working => new(this, _ownReader, _index.Working, RevisionWithin, Compacted);

    /// <summary>A key as the writer sees it.</summary>
    internal bool TryFind(ReadOnlySpan<byte> key, out KeyRevision found) => _index.Working.TryFind(key, out found);

    /// <summary>Sees what was published last; on any thread. Not of a space that was closed to readers.</summary>
    public KeySpaceView OpenView()
    {
        var view = TryOpenView();
        Invariant.Holds(view is not null);
        return view;
    }

    /// <summary>Sees what was published last; on any thread.</summary>
    /// <returns>Null if another space has taken the place of this one.</returns>
    public KeySpaceView? TryOpenView()
    {
        while (!_isClosed)
        {
            var published = _faults.ShowsHalfWrites
                ? _published with { Keys = _index.Freeze(), Revision = RevisionWithin }
                : _published;
            if (published.Pin.TryHold())
            {
                return new KeySpaceView(this, published.Pin, published.Keys, published.Revision, published.Compacted);
            }
        }

        return null;
    }

    /// <summary>Whether a view is open. Once the space is closed to readers and nobody reads, nobody ever will.</summary>
    public bool IsRead
    {
        get
        {
            _closedPins.RemoveAll(static pin => !pin.IsHeld);
            return _closedPins.Count > 0 || !_isClosed;
        }
    }

    /// <summary>Another space takes the place of this one: no view is opened any more. By the writer.</summary>
    public void CloseToReaders()
    {
        _isClosed = true;
        _published.Pin.Close(_published.Keys);
        _closedPins.Add(_published.Pin);
    }

    /// <summary>The revision that readers see now; on any thread.</summary>
    public long PublishedRevision => _published.Revision;

    /// <summary>What readers see history compacted to; on any thread.</summary>
    public long PublishedCompacted => _published.Compacted;

    /// <summary>Some keys are about to be written: see <see cref="KeyIndex.Expect"/>.</summary>
    public void Expect(ReadOnlySpan<ReadOnlyMemory<byte>> keys) => _index.Expect(keys);

    public void BeginWrite()
    {
        Invariant.Holds(!_isWriting);
        _isWriting = true;
        _next = new Revision(Revision + 1, 0);
    }

    /// <summary>Gives a key a value.</summary>
    /// <param name="key">Not empty.</param>
    /// <param name="value">May be empty.</param>
    /// <param name="lease">That the key is attached to; 0 for none.</param>
    /// <returns>The key before and after.</returns>
    public KeyChange Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, long lease)
    {
        Invariant.Holds(_isWriting);
        var change = _index.Put(key, _next, value.Length, isLeased: lease != 0);
        var record = _room.Take(RecordFormat.Bytes(key.Length, change.After, value.Length, lease));
        RecordFormat.Write(record.Span, key, change.After, value, lease);
        Add(record, change.After, isDelete: false);
        PutCount++;
        PutBytes += key.Length + value.Length;
        return change;
    }

    /// <summary>Deletes a key.</summary>
    /// <param name="key">Not empty.</param>
    /// <param name="before">What it was.</param>
    /// <returns>False if it had no value.</returns>
    public bool Delete(ReadOnlySpan<byte> key, out KeyRevision before)
    {
        Invariant.Holds(_isWriting);
        if (!_index.Delete(key, _next, out before))
        {
            return false;
        }

        var tombstone = KeyRevision.Tombstone(_next, key.Length);
        var record = _room.Take(RecordFormat.Bytes(key.Length, tombstone, 0, 0));
        RecordFormat.Write(record.Span, key, tombstone, default, 0);
        Add(record, tombstone, isDelete: true);
        DeleteCount++;
        return true;
    }

    /// <summary>Takes up counting at a greater revision, to which history is compacted.</summary>
    public void Raise(long by)
    {
        Invariant.Holds(!_isWriting);
        ArgumentOutOfRangeException.ThrowIfLessThan(by, 1);
        Revision = checked(Revision + by);
        Compact(Revision);
    }

    public void EndWrite()
    {
        Invariant.Holds(_isWriting);
        _isWriting = false;
        if (_next.Sub > 0)
        {
            Revision = _next.Main;
        }
    }

    /// <summary>Shows readers everything that was written so far, at once. <see cref="Changes"/> begins anew.</summary>
    public void Publish()
    {
        Invariant.Holds(!_isWriting);
        var closed = _published.Pin;
        var pin = _beforeCompaction is null ? closed : new HistoryPin();
        _published = new PublishedKeys(_index.Publish(), Revision, Compacted, pin);
        _changes.Clear();
        if (_beforeCompaction is not null)
        {
            closed.Close(_beforeCompaction);
            _closedPins.Add(closed);
            _beforeCompaction = null;
        }
    }

    /// <summary>Harm, for tests of those who compare states: the chain is not what was written.</summary>
    internal void BreakChain() => Chain = ~Chain;

    internal IRecordReader RentReader() => _readers.TryTake(out var reader) ? reader : _records.OpenReader();

    internal void ReturnReader(IRecordReader reader) => _readers.Add(reader);

    /// <summary>Nobody may have a view open any more.</summary>
    public void Dispose()
    {
        _ownReader.Dispose();
        while (_readers.TryTake(out var reader))
        {
            reader.Dispose();
        }

        _records.Dispose();
    }

    private void Add(ReadOnlyMemory<byte> record, in KeyRevision item, bool isDelete)
    {
        _records.Put(item.Modified, record.Span);
        _changes.Add(new Change(item.Modified, record, isDelete));
        Chain = Link(Chain, item.Modified, record.Span);
        LiveBytes += KeyIndex.CountedBytes(item);
        _next = new Revision(_next.Main, _next.Sub + 1);
    }

    // Each link depends on all before it, so that two members that agree on one agree on everything up to there.
    private static ulong Link(ulong chain, Revision revision, ReadOnlySpan<byte> record)
    {
        var sum = Crc32C.Continue(Crc32C.Of(record), (ulong)revision.Sub);
        var mixed = (chain ^ sum ^ ((ulong)revision.Main << 32)) * 0x9E3779B97F4A7C15;
        return mixed ^ (mixed >> 29);
    }

    private sealed record PublishedKeys(KeySnapshot Keys, long Revision, long Compacted, HistoryPin Pin);
}

/// <summary>Where a key space stands.</summary>
/// <param name="Revision">Of the last write.</param>
/// <param name="Compacted">What history is compacted to; -1 for nothing.</param>
/// <param name="Chain">See <see cref="KeySpace.Chain"/>.</param>
public readonly record struct KeySpacePosition(long Revision, long Compacted, ulong Chain)
{
    /// <summary>Before the first write.</summary>
    public static KeySpacePosition Empty => new(Revision: 1, Compacted: -1, Chain: 0);
}
