using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Text;
using RaftKv.Raft;
using RaftKv.Storage;

namespace RaftKv.Server.Peers;

/// <summary>A frame as it came in. The body is valid until the next read, unless its kind is
/// <see cref="FrameKind.MessagesWithEntries"/>: then it is the receiver's.</summary>
internal readonly record struct ReceivedFrame(FrameKind Kind, ReadOnlyMemory<byte> Body);

/// <summary>
/// Frames over one connection, after the handshake; either end of it. Keeps itself alive: both ends say regularly that
/// they are there, and an end that hears nothing for too long cuts. Whoever connected asks and the other answers, which
/// tells the round trip; the other also speaks unasked, because on a slow line the question may wait behind data for
/// longer than the timeout.
/// <para>One reader at a time, any number of writers. Silence counts only while somebody reads: bytes that wait here,
/// because whoever takes them is busy, are not the peer's fault.</para>
/// </summary>
internal sealed class PeerConnection : IAsyncDisposable
{
    private const int WritePieceBytes = 256 * 1024;
    private const int ScratchBytes = 4 * 1024;
    private const long NotNow = long.MinValue;

    private readonly PipeReader _input;
    private readonly Stream _output;
    private readonly Action<bool> _close;
    private readonly PeerOptions _options;
    private readonly TimeProvider _time;
    private readonly bool _isCaller;
    private readonly ITimer _keepAlive;

    // Never disposed of: the timer or another thread may come too late to see that, and there is nothing to give back.
#pragma warning disable CA2213
    private readonly SemaphoreSlim _writing;
    private readonly CancellationTokenSource _ended = new();
#pragma warning restore CA2213

    // The reader's.
    private readonly byte[] _header = new byte[PeerFrame.HeaderBytes];
    private byte[] _scratch = new byte[ScratchBytes];
    private readonly KeptBytes _kept = new();

    // Timestamps, or NotNow while nothing is read or written. Written by reader and writer, read by the timer.
    private long _readingSince = NotNow;
    private long _writingSince = NotNow;
    private long _heardAt;

    private long _roundTripTicks;
    private string? _endReason;

    /// <param name="input">What comes in, behind the handshake.</param>
    /// <param name="output">Where to write.</param>
    /// <param name="close">Ends the connection: true at once, whatever state it is in; false so that what was written
    /// still arrives. Either way a pending read ends.</param>
    /// <param name="isCaller">Whether this end connected. The other one has to greet before anything is written.</param>
    /// <param name="options">For the timeouts.</param>
    public PeerConnection(PipeReader input, Stream output, Action<bool> close, bool isCaller, PeerOptions options)
    {
        _input = input;
        _output = output;
        _close = close;
        _options = options;
        _time = options.Time;
        _isCaller = isCaller;
        _writing = new SemaphoreSlim(isCaller ? 1 : 0, 1);
        _heardAt = Now();
        Ended = _ended.Token;
        _keepAlive = _time.CreateTimer(
            static self => ((PeerConnection)self!).KeepAlive(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public CancellationToken Ended { get; }

    public TimeSpan? RoundTrip => Volatile.Read(ref _roundTripTicks) is var ticks and > 0 ? TimeSpan.FromTicks(ticks) : null;

    /// <summary>Told of each round trip.</summary>
    public Action<TimeSpan>? RoundTripped { get; set; }

    /// <summary>How long ago anything came from the other end.</summary>
    public TimeSpan HeardAgo => _time.GetElapsedTime(Volatile.Read(ref _heardAt));

    /// <summary>The handshake is over: from now on signs of life are given, and expected.</summary>
    public void Start() => _keepAlive.Change(_options.KeepAliveInterval, _options.KeepAliveInterval);

    /// <summary>Whether the other end gave a sign of life within this time, as far as anybody looked.</summary>
    public bool WasHeardWithin(TimeSpan time)
        => !Ended.IsCancellationRequested
            && (Volatile.Read(ref _readingSince) == NotNow || _time.GetElapsedTime(Volatile.Read(ref _heardAt)) <= time);

    /// <summary>The next frame that is not about the connection itself.</summary>
    /// <exception cref="PeerConnectionException">The connection ended.</exception>
    /// <exception cref="PeerProtocolException">The bytes are no frames.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<ReceivedFrame> ReadAsync()
    {
        while (true)
        {
            var frame = await ReadFrameAsync().ConfigureAwait(false);
            switch (frame.Kind)
            {
                case FrameKind.Ping:
                    await WriteAsync(SmallFrame(FrameKind.Pong, ReadNumber(frame.Body.Span))).ConfigureAwait(false);
                    break;

                case FrameKind.Pong:
                    var elapsed = _time.GetElapsedTime((long)ReadNumber(frame.Body.Span));
                    Volatile.Write(ref _roundTripTicks, Math.Max(1, elapsed.Ticks));
                    RoundTripped?.Invoke(elapsed);
                    break;

                case FrameKind.Alive:
                    break;

                case FrameKind.Farewell:
                    throw Lost(HandshakeFrame.PlainText(frame.Body.Span[..Math.Min(frame.Body.Length, 500)]), null);

                default:
                    return frame;
            }
        }
    }

    /// <summary><see cref="ReadAsync"/> for whoever has a thread for it.</summary>
    public ReceivedFrame Read() => OwnThread.Await(ReadAsync());

    /// <summary>Writes the answer to the handshake. Everybody else waits for it, and one who ends the connection before it
    /// says no farewell: whoever may do that knows of the connection before the other end is let in.</summary>
    /// <exception cref="PeerConnectionException">The connection ended.</exception>
    public ValueTask GreetAsync(ReadOnlyMemory<byte> welcome)
    {
        Invariant.Holds(!_isCaller && _writing.CurrentCount == 0);
        return WriteWithTurnAsync(welcome);
    }

    /// <summary>Writes frames as a whole, after those that are being written.</summary>
    /// <exception cref="PeerConnectionException">The connection ended.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask WriteAsync(ReadOnlyMemory<byte> frames)
    {
        if (!_writing.Wait(0, CancellationToken.None))
        {
            await _writing.WaitAsync(CancellationToken.None).ConfigureAwait(false);
        }

        await WriteWithTurnAsync(frames).ConfigureAwait(false);
    }

    /// <summary>Tells the other end why, if that can be done without waiting long, and ends.</summary>
    public async ValueTask EndAsync(string reason)
    {
        if (Ended.IsCancellationRequested)
        {
            return;
        }

        var isTold = false;
        if (_writing.Wait(0, CancellationToken.None))
        {
            try
            {
                var farewell = Frame(FrameKind.Farewell, Encoding.UTF8.GetBytes(reason));
                await WriteWithTurnAsync(farewell).AsTask().WaitAsync(TimeSpan.FromSeconds(1), _time).ConfigureAwait(false);
                isTold = true;
            }
            catch (Exception late) when (late is PeerConnectionException or TimeoutException)
            {
                // It will notice the end itself.
            }
        }

        Close(reason, isAbrupt: !isTold);
    }

    /// <summary>Ends at once. Whoever reads or writes gets the reason of the first call.</summary>
    public void Cut(string reason) => Close(reason, isAbrupt: true);

    public async ValueTask DisposeAsync()
    {
        Cut("The connection was closed.");
        await _keepAlive.DisposeAsync().ConfigureAwait(false);
        await _input.CompleteAsync().ConfigureAwait(false);
        await _output.DisposeAsync().ConfigureAwait(false);
    }

    public static byte[] Frame(FrameKind kind, ReadOnlySpan<byte> body)
    {
        var frame = new byte[PeerFrame.HeaderBytes + body.Length];
        body.CopyTo(frame.AsSpan(PeerFrame.HeaderBytes));
        PeerFrame.Seal(frame, kind);
        return frame;
    }

    private static byte[] SmallFrame(FrameKind kind, ulong number)
    {
        Span<byte> body = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(body, number);
        return Frame(kind, body);
    }

    private static ulong ReadNumber(ReadOnlySpan<byte> body) => new WireReader(body).Fixed64();

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ReceivedFrame> ReadFrameAsync()
    {
        Memory<byte>? body = null;
        var length = 0;
        var filled = 0;
        var kind = default(FrameKind);
        var sum = 0u;
        while (true)
        {
            var result = await ReadBytesAsync().ConfigureAwait(false);
            var bytes = result.Buffer;
            if (body is null && bytes.Length >= PeerFrame.HeaderBytes)
            {
                bytes.Slice(0, PeerFrame.HeaderBytes).CopyTo(_header);
                (kind, length, sum) = PeerFrame.ReadHeader(_header, _options.MaxFrameBytes);
                bytes = bytes.Slice(PeerFrame.HeaderBytes);
                body = RoomFor(kind, length);
            }

            if (body is { } room)
            {
                var taken = (int)Math.Min(length - filled, bytes.Length);
                bytes.Slice(0, taken).CopyTo(room.Span[filled..]);
                filled += taken;
                _input.AdvanceTo(bytes.GetPosition(taken));
                if (filled == length)
                {
                    PeerFrame.CheckBody(room.Span, sum);
                    return new ReceivedFrame(kind, room);
                }
            }
            else
            {
                _input.AdvanceTo(bytes.Start, bytes.End);
            }

            if (result.IsCompleted || result.IsCanceled)
            {
                throw Lost("The other end closed the connection.", null);
            }
        }
    }

    // Memory for the frames whose slices live on, and the same bytes again for all others.
    private Memory<byte> RoomFor(FrameKind kind, int length)
    {
        if (kind == FrameKind.MessagesWithEntries)
        {
            return _kept.Take(length);
        }

        if (_scratch.Length < length)
        {
            _scratch = new byte[Math.Max(length, _scratch.Length * 2)];
        }

        return _scratch.AsMemory(0, length);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ReadResult> ReadBytesAsync()
    {
        if (Ended.IsCancellationRequested)
        {
            throw Lost("The connection was closed.", null);
        }

        Volatile.Write(ref _readingSince, Now());
        try
        {
            var result = await _input.ReadAsync(CancellationToken.None).ConfigureAwait(false);
            Volatile.Write(ref _heardAt, Now());
            return result;
        }
        catch (Exception problem) when (IsLoss(problem))
        {
            throw Lost("The connection broke", problem);
        }
        finally
        {
            Volatile.Write(ref _readingSince, NotNow);
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask WriteWithTurnAsync(ReadOnlyMemory<byte> frames)
    {
        try
        {
            if (Ended.IsCancellationRequested)
            {
                throw Lost("The connection was closed.", null);
            }

            // In pieces, so that a slow line that moves is told from one that does not.
            while (frames.Length > 0)
            {
                var piece = frames[..Math.Min(frames.Length, WritePieceBytes)];
                Volatile.Write(ref _writingSince, Now());
                await _output.WriteAsync(piece, CancellationToken.None).ConfigureAwait(false);
                frames = frames[piece.Length..];
            }
        }
        catch (Exception problem) when (IsLoss(problem))
        {
            throw Lost("The connection broke", problem);
        }
        finally
        {
            Volatile.Write(ref _writingSince, NotNow);
            _writing.Release();
        }
    }

    private void Close(string reason, bool isAbrupt)
    {
        if (Interlocked.CompareExchange(ref _endReason, reason, null) is not null)
        {
            return;
        }

        _keepAlive.Dispose();
        _ended.Cancel();
        _close(isAbrupt);
    }

    private static bool IsLoss(Exception problem)
        => problem is IOException or ObjectDisposedException or OperationCanceledException or InvalidOperationException;

    private PeerConnectionException Lost(string reason, Exception? problem)
    {
        var text = problem is null ? reason : $"{reason}: {problem.Message}";
        Cut(text);
        return new PeerConnectionException(_endReason ?? text, problem);
    }

    private long Now() => _time.GetTimestamp();

    private void KeepAlive()
    {
        if (Ended.IsCancellationRequested)
        {
            return;
        }

        var readingSince = Volatile.Read(ref _readingSince);
        var quietSince = Math.Max(readingSince, Volatile.Read(ref _heardAt));
        if (readingSince != NotNow && _time.GetElapsedTime(quietSince) >= _options.ReadTimeout)
        {
            Cut($"Nothing was heard for {_options.ReadTimeout.TotalSeconds:0.###} s.");
            return;
        }

        // Whoever reads as well hears whether the other end is there; then it may take its time, as a snapshot's disk does.
        var writingSince = Volatile.Read(ref _writingSince);
        if (writingSince != NotNow && readingSince == NotNow && _time.GetElapsedTime(writingSince) >= _options.WriteTimeout)
        {
            Cut($"Nothing could be written for {_options.WriteTimeout.TotalSeconds:0.###} s.");
            return;
        }

        // While something is being written, that is the sign of life.
        if (_writing.Wait(0, CancellationToken.None))
        {
            _ = SayAliveAsync();
        }
    }

    private async Task SayAliveAsync()
    {
        try
        {
            await WriteWithTurnAsync(_isCaller ? SmallFrame(FrameKind.Ping, (ulong)Now()) : Frame(FrameKind.Alive, [])).ConfigureAwait(false);
        }
        catch (PeerConnectionException)
        {
            Invariant.Holds(_endReason is not null);
        }
    }
}
