using System.IO.Pipelines;
using System.Net.Sockets;

namespace RaftKv.Server.Peers;

/// <summary>A connection that a peer has made to here, and the thread that serves it reads.</summary>
internal sealed class IncomingLine : IDisposable
{
    // Large batches of entries are to come with few calls.
    private static readonly StreamPipeReaderOptions Reading = new(bufferSize: 64 * 1024, minimumReadSize: 4 * 1024, leaveOpen: true);

    private readonly Socket _socket;

    public IncomingLine(Socket socket)
    {
        _socket = socket;
        From = socket.RemoteEndPoint?.ToString() ?? "";
        Stream = new PeerSocketStream(socket);
        Input = PipeReader.Create(Stream, Reading);
    }

    /// <summary>The address of the other end.</summary>
    public string From { get; }

    public PeerSocketStream Stream { get; }

    public PipeReader Input { get; }

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
    }
}
