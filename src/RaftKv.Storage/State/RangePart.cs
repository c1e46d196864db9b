using System.Runtime.ExceptionServices;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.State.Requests;

namespace RaftKv.Storage.State;

/// <summary>
/// A part of a long range whose records are read by another thread of the pool, while the thread that answers reads the next
/// part. If none is free until then, it reads this one as well: it never waits for a thread that has not begun.
/// </summary>
internal sealed class RangePart : IThreadPoolWorkItem, IDisposable
{
    // Records are read so many at a time until there is enough: values may be large, and what is left is written where it goes.
    private const int ReadAtOnce = 32;
    private const int EnoughBytes = 512 * 1024;

    private readonly object _gate = new();
    private readonly KeySpaceView _view;
    private readonly WireWriter _bytes = new();
    private readonly RecordsToWire _wire;
    private ReadOnlyMemory<Revision> _revisions;
    private ExceptionDispatchInfo? _failure;
    private int _read;

    // 1 once somebody reads it.
    private int _isTaken = 1;
    private bool _isOver = true;

    /// <param name="view">The part's own.</param>
    /// <param name="isKeysOnly">Whether values are left out.</param>
    public RangePart(KeySpaceView view, bool isKeysOnly)
    {
        _view = view;
        _wire = new RecordsToWire(_bytes, isKeysOnly);
    }

    /// <summary>What the records that were read are as fields of an answer.</summary>
    public ReadOnlySpan<byte> Written => _bytes.Written;

    /// <summary>Has another thread read these.</summary>
    public void Begin(ReadOnlyMemory<Revision> revisions)
    {
        _revisions = revisions;
        _isOver = false;
        Volatile.Write(ref _isTaken, 0);
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    /// <summary>Reads these on the thread that calls.</summary>
    /// <returns>How many; fewer than there are if they are large.</returns>
    public int Read(ReadOnlySpan<Revision> revisions)
    {
        _bytes.Clear();
        var read = 0;
        while (read < revisions.Length && _bytes.Length < EnoughBytes)
        {
            var count = Math.Min(ReadAtOnce, revisions.Length - read);
            _view.Read(revisions.Slice(read, count), _wire);
            read += count;
        }

        return read;
    }

    /// <summary>Waits until what was begun is over.</summary>
    /// <returns>How many were read; fewer than there are if they are large.</returns>
    public int End()
    {
        Execute();
        Wait();
        _failure?.Throw();
        return _read;
    }

    /// <summary>Of those who come for it, the first reads it. One who comes late may find that it is about other records.</summary>
    public void Execute()
    {
        if (Interlocked.Exchange(ref _isTaken, 1) == 1)
        {
            return;
        }

        try
        {
            _read = Read(_revisions.Span);
        }
        catch (Exception failure)
        {
            _failure = ExceptionDispatchInfo.Capture(failure);
        }

        lock (_gate)
        {
            _isOver = true;
            Monitor.Pulse(_gate);
        }
    }

    public void Dispose()
    {
        // The answer may have failed in the meantime; whoever reads for it has to leave before what is read goes.
        if (Interlocked.Exchange(ref _isTaken, 1) == 1)
        {
            Wait();
        }

        _view.Dispose();
    }

    private void Wait()
    {
        lock (_gate)
        {
            while (!_isOver)
            {
                Monitor.Wait(_gate);
            }
        }
    }
}
