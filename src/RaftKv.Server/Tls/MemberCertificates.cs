using Microsoft.Extensions.Logging;
using RaftKv.Rpc.Tls;
using RaftKv.Server.Hosting;
using RaftKv.Server.Tokens;

namespace RaftKv.Server.Tls;

/// <summary>What a member needs for TLS on both of its ports, and for tokens: all that it reads from files of keys.</summary>
internal sealed class MemberCertificates
{
    /// <summary>The last days of a certificate are worth a line at the start.</summary>
    private static readonly TimeSpan Soon = TimeSpan.FromDays(30);

    private MemberCertificates(TlsPort? client, TlsPort? peer, JwtKey? tokens)
    {
        Client = client;
        Peer = peer;
        Tokens = tokens;
    }

    public TlsPort? Client { get; }

    public TlsPort? Peer { get; }

    /// <summary>What tokens are signed with; null for simple ones.</summary>
    public JwtKey? Tokens { get; }

    /// <summary>All certificates in use, and until when.</summary>
    public IReadOnlyList<CertificateExpiry> Expiries => [.. Client?.Certificates ?? [], .. Peer?.Certificates ?? []];

    /// <param name="options">The member's.</param>
    /// <param name="dataPath">Where its data lies; certificates that it makes for itself lie under it.</param>
    /// <param name="log">The member's.</param>
    /// <exception cref="CertificateFileException">A file cannot be used.</exception>
    public static MemberCertificates Open(RaftKvOptions options, string dataPath, ILogger log)
    {
        var certificates = new MemberCertificates(
            TlsPort.Open(
                TlsPortNames.Client,
                options.ClientTls,
                options,
                Path.Join(dataPath, "fixtures", "client"),
                Hosts([.. options.ListenClient, .. options.ListenClientHttp], options.AdvertiseClientUrls),
                TlsPort.HttpProtocols,
                log),
            TlsPort.Open(
                TlsPortNames.Peer,
                options.PeerTls,
                options,
                Path.Join(dataPath, "fixtures", "peer"),
                Hosts(options.ListenPeer, options.AdvertisePeerUrls),
                protocols: null,
                log),
            options.Jwt is { } jwt ? JwtKey.Open(jwt) : null);
        foreach (var expiry in certificates.Expiries.Where(expiry => expiry.NotAfter - options.Time.GetUtcNow() < Soon))
        {
            Log.CertificateExpires(log, expiry.Use, expiry.Subject, expiry.File, expiry.NotAfter);
        }

        Warn(options.ClientTls.CertificateFile, options.ListenClient, log);
        Warn(options.PeerTls.CertificateFile, options.ListenPeer, log);
        return certificates;
    }

    private static void Warn(string certificate, IReadOnlyList<ListenAddress> listen, ILogger log)
    {
        foreach (var address in listen.Where(address => !address.IsTls && certificate.Length > 0))
        {
            Log.CertificatesUnused(log, address);
        }
    }

    private static string[] Hosts(IReadOnlyList<ListenAddress> listen, IReadOnlyList<Uri> advertised)
        => ["localhost", .. listen.Select(address => address.Address.ToString()), .. advertised.Select(url => url.DnsSafeHost)];
}
