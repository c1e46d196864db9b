using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace RaftKv.Rpc.Server;

/// <summary>One address to listen on, plain or with TLS.</summary>
/// <example><code>host.Listen.Add(new RpcListenAddress(new IPEndPoint(IPAddress.Loopback, 2379)));</code></example>
public sealed record RpcListenAddress(IPEndPoint EndPoint)
{
    /// <summary>Set to serve TLS; HTTP/2 or HTTP/1.1 is then chosen by ALPN.</summary>
    public RpcServerTls? Tls { get; init; }

    /// <summary>
    /// Set instead of <see cref="Tls"/> to decide anew with every connection, for certificates that are replaced while the
    /// server runs. What is returned has to offer <c>h2</c> and <c>http/1.1</c>, or nothing, by ALPN.
    /// </summary>
    public Func<EndPoint?, SslServerAuthenticationOptions>? Handshake { get; init; }
}

/// <summary>How a TLS address proves itself, and what it asks of its clients.</summary>
public sealed record RpcServerTls
{
    public required X509Certificate2 Certificate { get; init; }

    /// <summary>Ask clients for a certificate, and refuse those that have none.</summary>
    public bool RequireClientCertificate { get; init; }

    /// <summary>
    /// The authorities whose client certificates are accepted. Empty with <see cref="RequireClientCertificate"/> unset:
    /// none is asked for. Empty with it set: the system's authorities are believed.
    /// </summary>
    public X509Certificate2Collection ClientAuthorities { get; init; } = [];
}

/// <summary>What protects one connection from its client. The defaults suit a store among trusted applications.</summary>
public sealed record RpcConnectionLimits
{
    /// <summary>Calls in progress on one connection; further ones wait at the client.</summary>
    public int MaxStreams { get; init; } = 10_000;

    /// <summary>Connections at once. Null: no limit.</summary>
    public long? MaxConnections { get; init; }

    /// <summary>All headers of one request. A request with more is refused.</summary>
    public int MaxHeaderBytes { get; init; } = 32 * 1024;

    /// <summary>Bytes a client may send ahead on one stream before the handler reads.</summary>
    public int StreamWindowBytes { get; init; } = 1024 * 1024;

    /// <summary>Bytes a client may send ahead on all streams of a connection.</summary>
    public int ConnectionWindowBytes { get; init; } = 4 * 1024 * 1024;

    /// <summary>How much of a response may wait for a client that is behind, per stream, before its handler waits.</summary>
    public long ResponseBufferBytes { get; init; } = 64 * 1024;

    /// <summary>A connection silent for this long is pinged. Null: never.</summary>
    /// <remarks>etcd's --grpc-keepalive-interval.</remarks>
    public TimeSpan? KeepAliveInterval { get; init; } = TimeSpan.FromHours(2);

    /// <summary>A ping unanswered for this long closes the connection.</summary>
    /// <remarks>etcd's --grpc-keepalive-timeout.</remarks>
    public TimeSpan KeepAliveTimeout { get; init; } = TimeSpan.FromSeconds(20);
}
