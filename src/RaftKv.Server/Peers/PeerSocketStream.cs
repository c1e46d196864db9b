using System.Net.Sockets;

namespace RaftKv.Server.Peers;

/// <summary>
/// The bytes of a connection that has a thread to itself. Until <see cref="LetGoOfThread"/> every call, asynchronous ones
/// as well, waits in the kernel and is over when it returns. The socket must not have seen an asynchronous call before:
/// such a one makes waits pass through the runtime's own loop for good.
/// </summary>
internal sealed class PeerSocketStream(Socket socket) : NetworkStream(socket, ownsSocket: true)
{
    private volatile bool _isAsynchronous;

    /// <summary>From here on asynchronous calls are what they say.</summary>
    public void LetGoOfThread() => _isAsynchronous = true;

    /// <summary>Ends a connection, so that whoever waits for it does not wait any longer.</summary>
    public static void Shut(Socket socket)
    {
        try
        {
            socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception gone) when (gone is SocketException or ObjectDisposedException)
        {
            // The other end was first.
        }
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        => _isAsynchronous ? base.ReadAsync(buffer, cancellationToken) : new ValueTask<int>(Read(buffer.Span));

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_isAsynchronous)
        {
            return base.WriteAsync(buffer, cancellationToken);
        }

        Write(buffer.Span);
        return default;
    }
}
