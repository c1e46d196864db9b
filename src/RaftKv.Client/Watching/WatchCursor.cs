using System.Diagnostics;
using RaftKv.Protocol.Etcd;
using Mvcc = RaftKv.Protocol.Mvcc;

namespace RaftKv.Client.Watching;

/// <summary>
/// Where one watcher stands in history, and what waits for its reader. It outlives the streams that carry it: each new
/// one is asked for what comes from <see cref="Next"/> on, and nothing below that is taken twice.
/// </summary>
/// <remarks>One stream at a time fills it, one reader empties it.</remarks>
internal sealed class WatchCursor(KeyRange range, WatchOptions options, long next)
{
    // What an event costs beside its bytes, about.
    private const int EventBytes = 200;

    private readonly Lock _gate = new();
    private readonly Queue<(WatchBatch Batch, long Bytes)> _batches = [];
    private readonly List<Mvcc.Event> _parts = [];
    private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private long _next = next;
    private long _bytes;
    private Exception? _end;
    private TaskCompletionSource? _reader;
    private TaskCompletionSource? _room;

    /// <summary>The first revision that was not queued yet; 0 while the start decides that.</summary>
    public long Next => Interlocked.Read(ref _next);

    /// <summary>Completes when a member has confirmed the watch for the first time.</summary>
    public Task Started => _started.Task;

    public bool HasEnded
    {
        get
        {
            lock (_gate)
            {
                return _end is not null;
            }
        }
    }

    /// <summary>The stream that carries it. Under that stream's gate.</summary>
    public WatchStream? Stream { get; set; }

    /// <summary>Its number on that stream. Under that stream's gate.</summary>
    public long Id { get; set; }

    public WatchCreateRequest NewRequest(long id)
    {
        // What came of a batch on the stream before is told again on this one.
        _parts.Clear();
        var request = new WatchCreateRequest
        {
            Key = range.WireKey,
            RangeEnd = range.WireEnd,
            StartRevision = Next,
            WatchId = id,
            PrevKv = options.WantsPrevious,
            ProgressNotify = true,
            Fragment = true,
        };
        if (options.LeavesOutPuts)
        {
            request.Filters.Add(WatchCreateRequest.Types.FilterType.Noput);
        }

        if (options.LeavesOutDeletes)
        {
            request.Filters.Add(WatchCreateRequest.Types.FilterType.Nodelete);
        }

        return request;
    }

    /// <summary>A member has confirmed the watch.</summary>
    /// <param name="revision">Its store's; a watch without a start tells what comes behind it.</param>
    public void Confirm(long revision)
    {
        Interlocked.CompareExchange(ref _next, revision + 1, 0);
        _started.TrySetResult();
    }

    /// <summary>Takes events, and queues those of them that belong to revisions which are whole.</summary>
    /// <returns>Whether there is room for more.</returns>
    public bool Take(IReadOnlyList<Mvcc.Event> events, bool isPart)
    {
        foreach (var one in events)
        {
            // A stream begins where it is asked to. This is in case one does not.
            if (one.Kv.ModRevision >= Next)
            {
                _parts.Add(one);
            }
        }

        if (_parts.Count == 0)
        {
            return HasRoom;
        }

        // Of a response that is not complete, the last revision may not be either.
        var last = _parts[^1].Kv.ModRevision;
        var whole = isPart ? _parts.FindIndex(one => one.Kv.ModRevision == last) : _parts.Count;
        if (whole > 0)
        {
            var batch = new WatchBatch { Events = ToEvents(whole, out var bytes), Revision = _parts[whole - 1].Kv.ModRevision };
            _parts.RemoveRange(0, whole);
            Interlocked.Exchange(ref _next, batch.Revision + 1);
            Queue(batch, bytes);
        }

        return HasRoom;
    }

    /// <summary>Everything up to this revision has been sent.</summary>
    public void Progress(long revision)
    {
        if (_parts.Count > 0 || Next == 0 || revision < Next)
        {
            return;
        }

        Interlocked.Exchange(ref _next, revision + 1);
        if (options.WantsProgress)
        {
            Queue(new WatchBatch { Kind = WatchBatchKind.Progress, Revision = revision }, EventBytes);
        }
    }

    /// <summary>There will be no more. What is queued is still read.</summary>
    public void End(Exception why)
    {
        TaskCompletionSource? reader;
        TaskCompletionSource? room;
        lock (_gate)
        {
            _end ??= why;
            reader = _reader;
            room = _room;
            _reader = null;
            _room = null;
        }

        if (_started.TrySetException(why))
        {
            _ = _started.Task.Exception;
        }

        reader?.TrySetResult();
        room?.TrySetResult();
    }

    /// <summary>The next batch, as soon as there is one.</summary>
    public async ValueTask<WatchBatch> ReadAsync(CancellationToken cancellation)
    {
        while (true)
        {
            Task wait;
            lock (_gate)
            {
                if (_batches.TryDequeue(out var first))
                {
                    _bytes -= first.Bytes;
                    if (_bytes <= options.BufferBytes / 2)
                    {
                        _room?.TrySetResult();
                        _room = null;
                    }

                    return first.Batch;
                }

                if (_end is not null)
                {
                    throw _end;
                }

                _reader ??= new(TaskCreationOptions.RunContinuationsAsynchronously);
                wait = _reader.Task;
            }

            await wait.WaitAsync(cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Waits until the reader has caught up, or there is nothing to wait for.</summary>
    public Task WaitForRoomAsync()
    {
        lock (_gate)
        {
            if (_bytes <= options.BufferBytes || _end is not null)
            {
                return Task.CompletedTask;
            }

            _room ??= new(TaskCreationOptions.RunContinuationsAsynchronously);
            return _room.Task;
        }
    }

    private bool HasRoom
    {
        get
        {
            lock (_gate)
            {
                return _bytes <= options.BufferBytes;
            }
        }
    }

    private WatchEvent[] ToEvents(int count, out long bytes)
    {
        var events = new WatchEvent[count];
        bytes = 0;
        for (var i = 0; i < count; i++)
        {
            events[i] = WatchEvent.Of(_parts[i]);
            bytes += EventBytes + _parts[i].CalculateSize();
        }

        return events;
    }

    private void Queue(WatchBatch batch, long bytes)
    {
        TaskCompletionSource? reader;
        lock (_gate)
        {
            if (_end is not null)
            {
                return;
            }

            Debug.Assert(batch.Revision < Next, "A batch is below the place to resume at.");
            _batches.Enqueue((batch, bytes));
            _bytes += bytes;
            reader = _reader;
            _reader = null;
        }

        reader?.TrySetResult();
    }
}
