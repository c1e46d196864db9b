using System.Net.Security;
using System.Net.Sockets;

namespace RaftKv.Load;

/// <summary>A member, and how to get in.</summary>
/// <param name="Host">Its name or address.</param>
/// <param name="Port">Where it listens for clients.</param>
public sealed record LoadEndpoint(string Host, int Port)
{
    /// <summary>For TLS; null for plaintext.</summary>
    public SslClientAuthenticationOptions? Tls { get; init; }

    /// <summary>What Authenticate answered, where authentication is on.</summary>
    public string? Token { get; init; }

    internal string Authority => $"{Host}:{Port}";

    internal async Task<Stream> ConnectAsync(CancellationToken cancellation)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(Host, Port, cancellation).ConfigureAwait(false);
        }
        catch
        {
            socket.Dispose();
            throw;
        }

        var plain = new NetworkStream(socket, ownsSocket: true);
        if (Tls is null)
        {
            return plain;
        }

        var secret = new SslStream(plain);
        try
        {
            await secret.AuthenticateAsClientAsync(Tls, cancellation).ConfigureAwait(false);
            return secret;
        }
        catch
        {
            await secret.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }
}
