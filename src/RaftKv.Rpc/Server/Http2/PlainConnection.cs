using System.IO.Pipelines;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace RaftKv.Rpc.Server.Http2;

/// <summary>A connection without TLS. What it is carried by is decided by its first bytes: the socket itself for HTTP/2,
/// whose reader always reads and so hears at once when the client goes; Kestrel's pipes for everything else.</summary>
internal sealed class PlainConnection : DefaultConnectionContext
{
    // "PRI " begins no request of HTTP/1.
    private const int EnoughBytes = 4;
    private const int ReadBytes = 8 * 1024;

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(2);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(250);

    private readonly Socket _socket;
    private readonly SocketConnectionContextFactory _ordinary;
#pragma warning disable CA2213 // DisposeAsync disposes of it, which the rule does not see.
    private ConnectionContext? _carrier;
#pragma warning restore CA2213
    private CancellationTokenRegistration _onCarrierClosed;
    private int _isAborted;

    public PlainConnection(Socket socket, SocketConnectionContextFactory ordinary)
        : base(Guid.NewGuid().ToString("N"))
    {
        _socket = socket;
        _ordinary = ordinary;
        LocalEndPoint = socket.LocalEndPoint;
        RemoteEndPoint = socket.RemoteEndPoint;
    }

    /// <summary>Waits for the first bytes, and leaves them where they are.</summary>
    /// <returns>Whether they are those of HTTP/2.</returns>
    public async ValueTask<bool> IsHttp2Async(CancellationToken cancellation)
    {
        var first = new byte[EnoughBytes];
        for (var pause = FirstPause; ; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            var length = await _socket.ReceiveAsync(first.AsMemory(), SocketFlags.Peek, cancellation).ConfigureAwait(false);
            if (length == EnoughBytes || length == 0 || !Http2Server.Preface.StartsWith(first.AsSpan(0, length)))
            {
                return length > 0 && Http2Server.Preface.StartsWith(first.AsSpan(0, length));
            }

            // A peek tells of the same bytes again and again.
            await Task.Delay(pause, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>From here on the socket is read and written as it is.</summary>
    public void UseSocket()
    {
        var stream = new NetworkStream(_socket, ownsSocket: false);
        Transport = new Pipes(
            PipeReader.Create(stream, new StreamPipeReaderOptions(bufferSize: ReadBytes, leaveOpen: true)),
            PipeWriter.Create(stream, new StreamPipeWriterOptions(leaveOpen: true)));
    }

    /// <summary>From here on Kestrel's transport carries it.</summary>
    public void UseOrdinaryTransport()
    {
        _carrier = _ordinary.Create(_socket);
        Transport = _carrier.Transport;
        _onCarrierClosed = _carrier.ConnectionClosed.UnsafeRegister(static self => ((PlainConnection)self!).Close(), this);
    }

    public override void Abort(ConnectionAbortedException abortReason)
    {
        if (_carrier is { } carrier)
        {
            carrier.Abort(abortReason);
            return;
        }

        CloseSocket();
        Close();
    }

    public override async ValueTask DisposeAsync()
    {
        if (_carrier is { } carrier)
        {
            await carrier.DisposeAsync().ConfigureAwait(false);
            await _onCarrierClosed.DisposeAsync().ConfigureAwait(false);
        }

        CloseSocket();
        await base.DisposeAsync().ConfigureAwait(false);
    }

    // Tells everybody who waits for it, on another thread.
    private void Close()
    {
        if (Interlocked.Exchange(ref _isAborted, 1) == 0)
        {
            base.Abort(new ConnectionAbortedException());
        }
    }

    private void CloseSocket()
    {
        try
        {
            _socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception gone) when (gone is SocketException or ObjectDisposedException)
        {
            // It has been closed already, by the client or here.
        }

        _socket.Dispose();
    }

    private sealed record Pipes(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
