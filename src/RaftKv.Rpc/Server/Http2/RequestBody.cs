using System.Buffers;
using System.IO.Pipelines;
using System.Threading.Tasks.Sources;

namespace RaftKv.Rpc.Server.Http2;

/// <summary>
/// What a client has sent of a request's body: filled by the connection as frames arrive, read by the handler. As much as
/// the stream's window is kept at most, on one array, because most bodies are one message in one frame.
/// </summary>
/// <remarks>What is lent to the reader stays where it is: if more arrives than fits behind it, everything goes to a larger
/// array and the lent one is let go when the reader has done with it.</remarks>
internal sealed class RequestBody(Http2Stream stream) : PipeReader, IValueTaskSource<ReadResult>
{
    private readonly Lock _gate = new();
    private ManualResetValueTaskSourceCore<ReadResult> _waiting = new() { RunContinuationsAsynchronously = true };
    private byte[] _array = [];
    private byte[]? _lentArray;
    private ReadOnlySequence<byte> _lent;
    private int _start;
    private int _end;
    private int _examined;
    private bool _isEnded;
    private bool _isDone;
    private bool _isCancelled;
    private bool _isLent;
    private bool _isWaiting;

    // Somebody has asked to be woken, and has not taken what there was.
    private bool _isAwaited;
    private Exception? _broken;
    private CancellationToken _waitsUnder;
    private CancellationTokenRegistration _givesUp;

    /// <summary>Begins again, for another request.</summary>
    public void Reset()
    {
        _start = _end = _examined = 0;
        _isEnded = _isDone = _isCancelled = _isLent = false;
        _broken = null;
        _waitsUnder = default;
    }

    /// <summary>Whether no read was left behind, which would take what belongs to another request.</summary>
    public bool IsAtRest
    {
        get
        {
            lock (_gate)
            {
                return !_isAwaited;
            }
        }
    }

    /// <summary>More has arrived.</summary>
    /// <returns>False if nobody will read it.</returns>
    public bool Append(ReadOnlySpan<byte> bytes, bool isEnd)
    {
        bool wakes;
        lock (_gate)
        {
            if (_isDone)
            {
                return false;
            }

            Keep(bytes);
            _isEnded |= isEnd;
            wakes = (isEnd || bytes.Length > 0) && TakeWaiter();
        }

        Wake(wakes);
        return true;
    }

    /// <summary>No more will arrive, and what is missing is missed.</summary>
    public void Break(Exception broken)
    {
        bool wakes;
        lock (_gate)
        {
            if (_isEnded)
            {
                return;
            }

            _broken ??= broken;
            wakes = TakeWaiter();
        }

        Wake(wakes);
    }

    public override bool TryRead(out ReadResult result)
    {
        lock (_gate)
        {
            ThrowIfLent();
            if (!IsReadable)
            {
                result = default;
                return false;
            }

            result = Lend();
            return true;
        }
    }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            ThrowIfLent();
            if (IsReadable)
            {
                return new(Lend());
            }

            cancellationToken.ThrowIfCancellationRequested();
            _isWaiting = _isAwaited = true;
            _waiting.Reset();
            _waitsUnder = cancellationToken;
            _givesUp = cancellationToken.UnsafeRegister(static self => ((RequestBody)self!).GiveUp(), this);
            return new(this, _waiting.Version);
        }
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        int seen;
        lock (_gate)
        {
            if (!_isLent)
            {
                throw new InvalidOperationException("Nothing was read.");
            }

            // What the reader has seen and left makes room, too: a message may be larger than the window.
            var examinedBefore = _examined;
            _examined = Math.Max(_examined, _start + (int)_lent.Slice(_lent.Start, examined).Length);
            seen = _examined - examinedBefore;
            _start += (int)_lent.Slice(_lent.Start, consumed).Length;
            LetGo();
        }

        if (seen > 0)
        {
            stream.Consumed(seen);
        }
    }

    public override void CancelPendingRead()
    {
        bool wakes;
        lock (_gate)
        {
            _isCancelled = true;
            wakes = TakeWaiter();
        }

        Wake(wakes);
    }

    /// <summary>Nobody reads on.</summary>
    public override void Complete(Exception? exception = null)
    {
        int unseen;
        bool wakes;
        lock (_gate)
        {
            if (_isDone)
            {
                return;
            }

            _isDone = true;
            wakes = TakeWaiter();
            unseen = _end - _examined;
            _start = _end = _examined = 0;
            LetGo();
            if (_array.Length > 0)
            {
                ArrayPool<byte>.Shared.Return(_array);
                _array = [];
            }
        }

        if (wakes)
        {
            _givesUp.Unregister();
            _waiting.SetException(new OperationCanceledException("The request is over."));
        }

        if (unseen > 0)
        {
            stream.Consumed(unseen);
        }
    }

    ReadResult IValueTaskSource<ReadResult>.GetResult(short token)
    {
        lock (_gate)
        {
            _isAwaited = false;
            _waiting.GetResult(token);
            return Lend();
        }
    }

    ValueTaskSourceStatus IValueTaskSource<ReadResult>.GetStatus(short token) => _waiting.GetStatus(token);

    void IValueTaskSource<ReadResult>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
        => _waiting.OnCompleted(continuation, state, token, flags);

    private bool IsReadable => _end > _examined || _isEnded || _isCancelled || _isDone || _broken is not null;

    private ReadResult Lend()
    {
        if (_isCancelled)
        {
            _isCancelled = false;
            return LendAs(isCanceled: true);
        }

        if (_isDone)
        {
            throw new InvalidOperationException("The body was given up.");
        }

        return _broken is { } broken ? throw broken : LendAs(isCanceled: false);
    }

    private ReadResult LendAs(bool isCanceled)
    {
        _isLent = true;
        _lentArray = _array;
        _lent = new ReadOnlySequence<byte>(_array, _start, _end - _start);
        return new ReadResult(_lent, isCanceled, _isEnded);
    }

    private void LetGo()
    {
        if (_isLent && _lentArray is { Length: > 0 } lent && lent != _array)
        {
            ArrayPool<byte>.Shared.Return(lent);
        }

        _lentArray = null;
        _lent = default;
        _isLent = false;
        if (_start == _end && _array.Length > 0)
        {
            // A stream that rests keeps no memory.
            _examined = _start = _end = 0;
            ArrayPool<byte>.Shared.Return(_array);
            _array = [];
        }
    }

    private void Keep(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return;
        }

        var held = _end - _start;
        if (_array.Length - _end < bytes.Length)
        {
            if (!_isLent && _array.Length - held >= bytes.Length && _start >= held)
            {
                _array.AsSpan(_start, held).CopyTo(_array);
            }
            else
            {
                var larger = ArrayPool<byte>.Shared.Rent(Math.Max(held + bytes.Length, Math.Min(2 * held, 1 << 20)));
                _array.AsSpan(_start, held).CopyTo(larger);
                if (_array.Length > 0 && !(_isLent && _array == _lentArray))
                {
                    ArrayPool<byte>.Shared.Return(_array);
                }

                _array = larger;
            }

            _examined -= _start;
            _start = 0;
            _end = held;
        }

        bytes.CopyTo(_array.AsSpan(_end));
        _end += bytes.Length;
    }

    private bool TakeWaiter()
    {
        var wakes = _isWaiting;
        _isWaiting = false;
        return wakes;
    }

    // Outside of the lock: whoever goes on takes it.
    private void Wake(bool wakes)
    {
        if (wakes)
        {
            _givesUp.Unregister();
            _waiting.SetResult(default);
        }
    }

    private void GiveUp()
    {
        OperationCanceledException? cancelled;
        lock (_gate)
        {
            // Of another wait, perhaps, that has ended meanwhile.
            if (!_isWaiting || !_waitsUnder.IsCancellationRequested)
            {
                return;
            }

            _isWaiting = false;
            cancelled = new OperationCanceledException(_waitsUnder);
        }

        _waiting.SetException(cancelled);
    }

    private void ThrowIfLent()
    {
        if (_isLent)
        {
            throw new InvalidOperationException("What was read last is to be given back first.");
        }
    }
}
