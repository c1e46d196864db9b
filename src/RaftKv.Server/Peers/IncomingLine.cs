using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using RaftKv.Server.Tls;

namespace RaftKv.Server.Peers;

/// <summary>A connection that somebody has made to here, and the thread that serves it reads.</summary>
internal sealed class IncomingLine : IDisposable
{
    // Large batches of entries are to come with few calls.
    private static readonly StreamPipeReaderOptions Reading = new(bufferSize: 64 * 1024, minimumReadSize: 4 * 1024, leaveOpen: true);

    private readonly Socket _socket;
    private readonly PeerSocketStream _bytes;

    public IncomingLine(Socket socket)
        : this(socket, new PeerSocketStream(socket))
    {
    }

    private IncomingLine(Socket socket, PeerSocketStream bytes, Stream? encrypted = null)
    {
        _socket = socket;
        _bytes = bytes;
        Remote = socket.RemoteEndPoint;
        Local = socket.LocalEndPoint;
        Stream = encrypted ?? bytes;
        Input = PipeReader.Create(Stream, Reading);
    }

    public EndPoint? Remote { get; }

    public EndPoint? Local { get; }

    /// <summary>The address of the other end.</summary>
    public string From => Remote?.ToString() ?? "";

    public Stream Stream { get; }

    public PipeReader Input { get; }

    /// <summary>Goes through the handshake first, on the caller's thread.</summary>
    /// <exception cref="AuthenticationException">It failed; the message says why. The socket is closed.</exception>
    public static IncomingLine OfTls(Socket socket, TlsPort tls)
    {
        var bytes = new PeerSocketStream(socket);
        return new IncomingLine(socket, bytes, tls.Accept(bytes, ((IPEndPoint)socket.RemoteEndPoint!).Address));
    }

    /// <summary>From here on asynchronous calls are what they say.</summary>
    public void LetGoOfThread() => _bytes.LetGoOfThread();

    /// <summary>What was written still arrives, if nothing is in the way.</summary>
    public void Close(bool isAbrupt)
    {
        if (isAbrupt)
        {
            try
            {
                _socket.LingerState = new LingerOption(enable: true, seconds: 0);
            }
            catch (Exception gone) when (gone is SocketException or ObjectDisposedException)
            {
                return;
            }
        }

        PeerSocketStream.Shut(_socket);
    }

    public void Dispose()
    {
        Input.Complete();
        Stream.Dispose();
        _bytes.Dispose();
        _socket.Dispose();
    }
}
