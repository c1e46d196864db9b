using System.Net.Sockets;

namespace RaftKv.Server.Peers;

/// <summary>
/// The bytes of a connection that has a thread to itself. Until <see cref="LetGoOfThread"/> every call, asynchronous ones
/// as well, waits in the kernel and is over when it returns. The socket must not have seen an asynchronous call before:
/// such a one makes waits pass through the runtime's own loop for good.
/// </summary>
internal sealed class PeerSocketStream(Socket socket) : Stream
{
    private readonly NetworkStream _stream = new(socket, ownsSocket: true);
    private volatile bool _isAsynchronous;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>From here on asynchronous calls are what they say.</summary>
    public void LetGoOfThread() => _isAsynchronous = true;

    public override int Read(byte[] buffer, int offset, int count) => _stream.Read(buffer, offset, count);

    public override int Read(Span<byte> buffer) => _stream.Read(buffer);

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        => _isAsynchronous ? _stream.ReadAsync(buffer, cancellationToken) : new ValueTask<int>(_stream.Read(buffer.Span));

    public override void Write(byte[] buffer, int offset, int count) => _stream.Write(buffer, offset, count);

    public override void Write(ReadOnlySpan<byte> buffer) => _stream.Write(buffer);

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_isAsynchronous)
        {
            return _stream.WriteAsync(buffer, cancellationToken);
        }

        _stream.Write(buffer.Span);
        return default;
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _stream.Dispose();
        }

        base.Dispose(disposing);
    }
}
