using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace RaftKv.Rpc.Server.Http2;

/// <summary>Listens on addresses without TLS, in place of Kestrel's own transport: so that HTTP/2 can be read from and
/// written to sockets without a pipe and a thread's turn between. Addresses with TLS are left to Kestrel.</summary>
internal sealed class PlainTransport(IEnumerable<IPEndPoint> plain, SocketConnectionContextFactory ordinary)
    : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    // The same address with port 0 may be listened on twice, once with TLS: it is the object that counts.
    private readonly HashSet<EndPoint> _plain = new(plain, ReferenceEqualityComparer.Instance);

    public bool CanBind(EndPoint endpoint) => _plain.Contains(endpoint);

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        var socket = SocketTransportOptions.CreateDefaultBoundListenSocket(endpoint);
        try
        {
            socket.Listen(512);
            return new(new Listener(socket, ordinary));
        }
        catch (SocketException taken) when (taken.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            socket.Dispose();
            throw new AddressInUseException(taken.Message, taken);
        }
    }

    private sealed class Listener(Socket socket, SocketConnectionContextFactory ordinary) : IConnectionListener
    {
        public EndPoint EndPoint { get; } = socket.LocalEndPoint!;

        public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
        {
            while (true)
            {
                try
                {
                    var accepted = await socket.AcceptAsync(cancellationToken).ConfigureAwait(false);
                    accepted.NoDelay = true;
                    return new PlainConnection(accepted, ordinary);
                }
                catch (Exception ended) when (ended is ObjectDisposedException or SocketException { SocketErrorCode: SocketError.OperationAborted })
                {
                    return null;
                }
                catch (SocketException)
                {
                    // Of a connection that was gone before it was accepted.
                }
            }
        }

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default) => DisposeAsync();

        public ValueTask DisposeAsync()
        {
            socket.Dispose();
            return default;
        }
    }
}
