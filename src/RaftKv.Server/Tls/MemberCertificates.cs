using System.Net.Security;
using Microsoft.Extensions.Logging;
using RaftKv.Server.Hosting;

namespace RaftKv.Server.Tls;

/// <summary>What a member needs for TLS on both of its ports.</summary>
internal sealed class MemberCertificates
{
    /// <summary>The last days of a certificate are worth a line at the start.</summary>
    private static readonly TimeSpan Soon = TimeSpan.FromDays(30);

    private MemberCertificates(TlsPort? client, TlsPort? peer)
    {
        Client = client;
        Peer = peer;
    }

    public TlsPort? Client { get; }

    public TlsPort? Peer { get; }

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
                Hosts(options.ListenClient, options.AdvertiseClientUrls),
                [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11],
                log),
            TlsPort.Open(
                TlsPortNames.Peer,
                options.PeerTls,
                options,
                Path.Join(dataPath, "fixtures", "peer"),
                Hosts(options.ListenPeer, options.AdvertisePeerUrls),
                protocols: null,
                log));
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
