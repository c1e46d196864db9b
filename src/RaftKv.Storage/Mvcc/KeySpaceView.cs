using RaftKv.Raft;
using RaftKv.Storage.Records;

namespace RaftKv.Storage.Mvcc;

/// <summary>
/// The key space as of one revision: everything that was applied until then, nothing later, and whole writes only. What
/// the view can see stays readable until it is disposed, whatever is written or compacted meanwhile. Used by one
/// thread at a time; as many views as one likes are open at once.
/// </summary>
public sealed class KeySpaceView : IDisposable
{
    private readonly KeySpace _space;
    private readonly HistoryPin? _pin;
    private IRecordReader? _reader;
    private bool _isDisposed;

    /// <summary>A view of what is not published yet; for the writer itself, until its next change.</summary>
    internal KeySpaceView(KeySpace space, IRecordReader writersReader, KeySnapshot keys, long revision, long compacted)
        : this(space, pin: null, keys, revision, compacted)
        => _reader = writersReader;

    internal KeySpaceView(KeySpace space, HistoryPin? pin, KeySnapshot keys, long revision, long compacted)
    {
        _space = space;
        _pin = pin;
        Keys = keys;
        Revision = revision;
        Compacted = compacted;
    }

    /// <summary>The newest revision in it; 1 if nothing was ever written.</summary>
    public long Revision { get; }

    /// <summary>The revision that history was compacted to, itself still readable; -1 if it never was.</summary>
    public long Compacted { get; }

    /// <summary>The keys.</summary>
    public KeySnapshot Keys { get; }

    private IRecordReader Reader => _reader ??= _space.RentReader();

    /// <summary>Hands out the record of one revision, if it is there.</summary>
    public bool TryRead(Revision revision, IRecordSink sink) => Reader.TryRead(revision, sink);

    /// <summary>Hands out the records of revisions that <see cref="Keys"/> has, in this order.</summary>
    public void Read(ReadOnlySpan<Revision> revisions, IRecordSink sink) => Reader.Read(revisions, sink);

    /// <summary>
    /// Hands out every change there is from one main revision to another, in order. At <see cref="Compacted"/> those that
    /// compaction has kept, after it all.
    /// </summary>
    /// <param name="first">Not before <see cref="Compacted"/>.</param>
    /// <param name="last">Inclusive, not after <see cref="Revision"/>.</param>
    /// <param name="sink">Asked after each whole revision whether to go on.</param>
    /// <returns>The revision to continue from: one more than the last that was handed out.</returns>
    public long ReadHistory(long first, long last, IHistorySink sink)
    {
        Invariant.Holds(first >= Compacted);
        Invariant.Holds(last <= Revision);
        for (var main = first; main <= last; main++)
        {
            // Within a revision the changes are numbered without gaps, and one that matters to somebody is never dropped
            // without those before it: a compaction keeps all of its own revision, and all after.
            var sub = 0L;
            while (Reader.TryRead(new Revision(main, sub), sink))
            {
                sub++;
            }

            if (!sink.EndOfRevision(main))
            {
                return main + 1;
            }
        }

        return last + 1;
    }

    /// <summary>The same view once more, for another thread. Not after this one was disposed.</summary>
    public KeySpaceView Again()
    {
        var isHeld = _pin?.TryHold() ?? false;
        Invariant.Holds(isHeld);
        return new KeySpaceView(_space, _pin, Keys, Revision, Compacted);
    }

    public void Dispose()
    {
        if (_pin is null || _isDisposed)
        {
            return;
        }

        _isDisposed = true;
        if (_reader is not null)
        {
            _space.ReturnReader(_reader);
            _reader = null;
        }

        _pin.Release();
    }
}

/// <summary>Takes changes in the order of their revisions.</summary>
public interface IHistorySink : IRecordSink
{
    /// <summary>All changes of a main revision have been handed out; there may have been none.</summary>
    /// <returns>Whether to go on.</returns>
    bool EndOfRevision(long main);
}
