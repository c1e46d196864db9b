using System.Net.Sockets;
using RaftKv.Server.Tls;

namespace RaftKv.Server.Hosting;

/// <summary>Plain HTTP to the other members' peer ports.</summary>
internal static class PeerHttp
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(2);

    /// <param name="tls">For URLs with https; null where there are none.</param>
    /// <param name="timeout">After which a call is given up.</param>
    public static HttpClient NewClient(TlsPort? tls, TimeSpan timeout)
    {
        var handler = new SocketsHttpHandler { ConnectTimeout = ConnectTimeout };
        if (tls is not null)
        {
            // The handshake is ours, so that it is made with the files as they are at that moment.
            handler.ConnectCallback = (context, cancellation) => ConnectAsync(context, tls, cancellation);
        }

        return new HttpClient(handler) { Timeout = timeout };
    }

    private static async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, TlsPort tls, CancellationToken cancellation)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(context.DnsEndPoint, cancellation).ConfigureAwait(false);
            var bytes = new NetworkStream(socket, ownsSocket: true);
            return context.InitialRequestMessage.RequestUri!.Scheme == Uri.UriSchemeHttps
                ? await tls.ConnectAsync(bytes, context.DnsEndPoint.Host, cancellation).ConfigureAwait(false)
                : bytes;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
