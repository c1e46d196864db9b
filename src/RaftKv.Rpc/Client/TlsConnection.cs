using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using RaftKv.Rpc.Tls;

namespace RaftKv.Rpc.Client;

/// <summary>
/// Makes the connections of an https address. Not left to the framework, so that files are as they are at that moment, and
/// a certificate that is refused is named with the reason.
/// </summary>
internal static class TlsConnection
{
    public static async ValueTask<Stream> OpenAsync(SocketsHttpConnectionContext context, RpcClientTls tls, CancellationToken cancellation)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(context.DnsEndPoint, cancellation).ConfigureAwait(false);
            return await AuthenticateAsync(new NetworkStream(socket, ownsSocket: true), context.DnsEndPoint.Host, tls, cancellation).ConfigureAwait(false);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static async Task<SslStream> AuthenticateAsync(Stream bytes, string host, RpcClientTls tls, CancellationToken cancellation)
    {
        var stream = new SslStream(bytes);
        string? refusal = null;
        try
        {
            var options = tls.ToOptions();
            options.TargetHost ??= tls.ServerName ?? host;
            options.ApplicationProtocols ??= [SslApplicationProtocol.Http2];
            options.RemoteCertificateValidationCallback ??= (_, certificate, chain, errors)
                => (refusal = CertificateJudge.Problem(certificate as X509Certificate2, chain, errors, options.TargetHost)) is null;
            await stream.AuthenticateAsClientAsync(options, cancellation).ConfigureAwait(false);
            return stream;
        }
        catch (AuthenticationException) when (refusal is not null)
        {
            await stream.DisposeAsync().ConfigureAwait(false);

            // Without what the framework says below it: that is no reason.
            throw new AuthenticationException($"the server is not believed: {refusal}");
        }
        catch
        {
            await stream.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }
}
