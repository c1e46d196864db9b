using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;

namespace RaftKv.Server.Peers;

/// <summary>Opens the peer port for Kestrel, which gets from it only what is not a peer.</summary>
internal sealed class PeerListenerFactory(PeerTransport transport, ILoggerFactory loggers) : IConnectionListenerFactory
{
    private const int Backlog = 512;

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        var socket = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            // As Kestrel does: one that listens on all IPv6 addresses hears IPv4, too.
            if (endpoint is IPEndPoint { Address: var address } && address.Equals(IPAddress.IPv6Any))
            {
                socket.DualMode = true;
            }

            socket.Bind(endpoint);
            socket.Listen(Backlog);
            return ValueTask.FromResult<IConnectionListener>(new PeerListener(socket, endpoint is TlsEndPoint, transport, loggers));
        }
        catch (SocketException problem)
        {
            socket.Dispose();
            throw problem.SocketErrorCode == SocketError.AddressAlreadyInUse ? new AddressInUseException(problem.Message, problem) : problem;
        }
    }
}

/// <summary>An address whose connections begin with TLS.</summary>
internal sealed class TlsEndPoint(IPEndPoint point) : IPEndPoint(point.Address, point.Port);

/// <summary>
/// The peer port. A connection gets a thread that waits for what it says first, and stays with it if it is a peer: whoever
/// waits in the kernel for a peer's bytes is woken by them at once, and not by way of two others. All other connections
/// are Kestrel's.
/// </summary>
internal sealed class PeerListener : IConnectionListener
{
    private readonly Socket _socket;
    private readonly bool _isTls;
    private readonly PeerTransport _transport;
    private readonly SocketConnectionContextFactory _contexts;
    private readonly Channel<ConnectionContext> _strangers = Channel.CreateUnbounded<ConnectionContext>();
    private readonly Task _accepting;

    public PeerListener(Socket socket, bool isTls, PeerTransport transport, ILoggerFactory loggers)
    {
        _socket = socket;
        _isTls = isTls;
        _transport = transport;
        _contexts = new SocketConnectionContextFactory(new SocketConnectionFactoryOptions(), loggers.CreateLogger("raftkv peer port"));
        EndPoint = socket.LocalEndPoint!;
        _accepting = Task.Run(AcceptAllAsync);
    }

    public EndPoint EndPoint { get; }

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (await _strangers.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
        {
            if (_strangers.Reader.TryRead(out var context))
            {
                return context;
            }
        }

        return null;
    }

    public async ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        _socket.Dispose();
        await _accepting.ConfigureAwait(false);
        _strangers.Writer.TryComplete();
    }

    public async ValueTask DisposeAsync()
    {
        await UnbindAsync().ConfigureAwait(false);
        while (_strangers.Reader.TryRead(out var context))
        {
            await context.DisposeAsync().ConfigureAwait(false);
        }

        _contexts.Dispose();
    }

    private async Task AcceptAllAsync()
    {
        while (true)
        {
            try
            {
                var connection = await _socket.AcceptAsync().ConfigureAwait(false);
                connection.NoDelay = true;
                if (_isTls)
                {
                    _transport.ServeTls(connection, HandOver);
                }
                else
                {
                    _transport.Serve(connection, HandOver);
                }
            }
            catch (SocketException gone) when (gone.SocketErrorCode != SocketError.OperationAborted)
            {
                // Whoever knocked has left, or there are no descriptors left: the next one may have more luck.
                await Task.Yield();
            }
            catch (Exception closed) when (closed is SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private void HandOver(Socket stranger)
    {
        ConnectionContext? context = null;
        try
        {
            context = _contexts.Create(stranger);
        }
        catch (Exception gone) when (gone is SocketException or ObjectDisposedException)
        {
            // It left in this moment, or the port was closed.
        }

        if (context is null)
        {
            stranger.Dispose();
        }
        else
        {
            HandOver(context);
        }
    }

    private void HandOver(IncomingLine stranger) => HandOver(new StrangerContext(stranger));

    private void HandOver(ConnectionContext context)
    {
        if (!_strangers.Writer.TryWrite(context))
        {
            context.Abort(new ConnectionAbortedException("The peer port was closed."));
        }
    }
}
