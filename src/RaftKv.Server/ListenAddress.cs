using System.Net;

namespace RaftKv.Server;

/// <summary>An address to listen on, and whether with TLS.</summary>
/// <example><code>ListenClient = [new ListenAddress(new IPEndPoint(IPAddress.Loopback, 2379), IsTls: true)]</code></example>
public sealed record ListenAddress(IPEndPoint EndPoint, bool IsTls = false)
{
    public IPAddress Address => EndPoint.Address;

    public int Port => EndPoint.Port;

    /// <summary>What a URL of it begins with.</summary>
    public string Scheme => IsTls ? Uri.UriSchemeHttps : Uri.UriSchemeHttp;

    /// <summary>Without TLS, as most addresses in tests are.</summary>
    public static implicit operator ListenAddress(IPEndPoint endPoint) => new(endPoint);

    public override string ToString() => $"{Scheme}://{EndPoint}";
}
