using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace KubeStore;

/// <summary>Which server, and who we are to it.</summary>
public sealed record HttpKubeClientOptions
{
    /// <summary>Where it is, with a path if it has one.</summary>
    public required Uri Server { get; init; }

    /// <summary>The bearer token of the moment, asked for before each request; null for none.</summary>
    public Func<string?>? Token { get; init; }

    /// <summary>Our certificate.</summary>
    public X509Certificate2? ClientCertificate { get; init; }

    /// <summary>Whom the server's certificate has to come from; empty for whom this machine trusts.</summary>
    public X509Certificate2Collection Authorities { get; init; } = [];

    /// <summary>What the server calls us: the manager of the fields we write, if a write names none.</summary>
    public string Name { get; init; } = "kubestore-client";

    /// <summary>How long an answer may take. A watch may take as long as it likes.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Connections of one's own, for tests and proxies. It stays its owner's.</summary>
    public HttpMessageHandler? Handler { get; init; }

    internal SslClientAuthenticationOptions Tls()
    {
        var tls = new SslClientAuthenticationOptions();
        if (ClientCertificate is { } own)
        {
            tls.ClientCertificates = [own];
        }

        if (Authorities.Count > 0)
        {
            tls.CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            tls.CertificateChainPolicy.CustomTrustStore.AddRange(Authorities);
        }

        return tls;
    }
}
