using System.Buffers;
using System.IO.Pipelines;

namespace RaftKv.Rpc.Server.Http2;

/// <summary>
/// What a handler has written of a response's body. It writes to borrowed arrays of its own; a flush hands them to the
/// connection, which sends as much of them as the client's windows allow.
/// </summary>
internal sealed class ResponseBody(Http2Stream stream) : PipeWriter
{
    private const int FirstBytes = 2 * 1024;
    private const int MostBytes = 64 * 1024;

    // The handler's.
    private readonly List<Piece> _written = [];
    private byte[] _array = [];
    private int _used;
    private long _unflushed;
    private int _nextBytes = FirstBytes;

    // The connection's, under its lock.
    private readonly Queue<Piece> _flushed = [];

    /// <summary>How much was flushed and is not on its way. Under the connection's lock.</summary>
    public long FlushedBytes { get; private set; }

    public override bool CanGetUnflushedBytes => true;

    public override long UnflushedBytes => _unflushed;

    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _array.AsMemory(_used);
    }

    public override Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _array.AsSpan(_used);
    }

    public override void Advance(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)bytes, (uint)(_array.Length - _used), nameof(bytes));
        _used += bytes;
        _unflushed += bytes;
    }

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => stream.FlushAsync(cancellationToken);

    public override void CancelPendingFlush() => stream.CancelFlush();

    public override void Complete(Exception? exception = null)
    {
        // The response ends with its handler.
    }

    /// <summary>Hands over what the handler has written. By the handler, under the connection's lock.</summary>
    public void Flush()
    {
        Close();
        foreach (var piece in _written)
        {
            _flushed.Enqueue(piece);
            FlushedBytes += piece.End - piece.Start;
        }

        _written.Clear();
        _unflushed = 0;
        _nextBytes = FirstBytes;
    }

    /// <summary>Takes so many of the bytes that were flushed. Under the connection's lock.</summary>
    public void Take(Span<byte> to)
    {
        FlushedBytes -= to.Length;
        while (!to.IsEmpty)
        {
            var piece = _flushed.Peek();
            var bytes = piece.Array.AsSpan(piece.Start, Math.Min(piece.End - piece.Start, to.Length));
            bytes.CopyTo(to);
            to = to[bytes.Length..];
            piece.Start += bytes.Length;
            if (piece.Start == piece.End)
            {
                _flushed.Dequeue();
                ArrayPool<byte>.Shared.Return(piece.Array);
            }
        }
    }

    /// <summary>Forgets what was flushed and is not on its way. Under the connection's lock.</summary>
    public void DropFlushed()
    {
        while (_flushed.TryDequeue(out var piece))
        {
            ArrayPool<byte>.Shared.Return(piece.Array);
        }

        FlushedBytes = 0;
    }

    /// <summary>Forgets everything that is not on its way. By the handler or when it the handler has ended, under the connection's lock.</summary>
    public void Clear()
    {
        Flush();
        DropFlushed();
    }

    private void Reserve(int sizeHint)
    {
        var wanted = Math.Max(1, sizeHint);
        if (_array.Length - _used < wanted)
        {
            Close();
            _array = ArrayPool<byte>.Shared.Rent(Math.Max(wanted, _nextBytes));
            _nextBytes = Math.Min(MostBytes, 2 * _nextBytes);
        }
    }

    private void Close()
    {
        if (_used > 0)
        {
            _written.Add(new Piece(_array, _used));
        }
        else if (_array.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_array);
        }

        _array = [];
        _used = 0;
    }

    private sealed class Piece(byte[] array, int end)
    {
        public byte[] Array { get; } = array;

        public int Start { get; set; }

        public int End { get; } = end;
    }
}
