using System.Security.Cryptography.X509Certificates;
using RaftKv.Rpc.Tls;

namespace RaftKv.Rpc.Client;

/// <summary>
/// What a client believes servers by, and proves itself with, in PEM files. They are looked at again with every connection,
/// so that new certificates count without a restart; one that cannot be used leaves the old one in place.
/// </summary>
/// <example><code>
/// Tls = new RpcClientTls { Files = RpcClientTlsFiles.Open("ca.crt", "alice.crt", "alice.key") }
/// </code></example>
public sealed class RpcClientTlsFiles
{
    private readonly ReloadedFiles<X509Certificate2Collection>? _authorities;
    private readonly ReloadedFiles<KeyPair>? _own;

    private RpcClientTlsFiles(ReloadedFiles<X509Certificate2Collection>? authorities, ReloadedFiles<KeyPair>? own)
    {
        _authorities = authorities;
        _own = own;
    }

    /// <summary>The authorities as they are now; null for the machine's.</summary>
    internal X509Certificate2Collection? Authorities => _authorities?.Current;

    internal KeyPair? Own => _own?.Current;

    /// <param name="authorities">The authorities that sign the servers' certificates; empty for the machine's.</param>
    /// <param name="certificate">This client's certificate, with those between it and the authority; empty for none.</param>
    /// <param name="key">Its private key.</param>
    /// <param name="onProblem">Told of a file that cannot be used any more, once each.</param>
    /// <param name="names">What the three are called in messages, such as <c>--cacert</c>.</param>
    /// <param name="time">By whose clock certificates expire.</param>
    /// <exception cref="CertificateFileException">A file cannot be used; the message names it, and what is wrong.</exception>
    public static RpcClientTlsFiles Open(
        string authorities,
        string certificate,
        string key,
        Action<CertificateFileException>? onProblem = null,
        (string Authorities, string Certificate, string Key)? names = null,
        TimeProvider? time = null)
    {
        var called = names ?? ("authorities", "certificate", "key");
        if (certificate.Length > 0 != key.Length > 0)
        {
            throw new CertificateFileException($"{called.Certificate} and {called.Key} go together: a certificate is of no use without its key.");
        }

        var clock = time ?? TimeProvider.System;
        return new RpcClientTlsFiles(
            authorities.Length == 0
                ? null
                : new(called.Authorities, [authorities], contents => PemCertificates.Parse(called.Authorities, authorities, contents[0]), Told, _ => { }),
            certificate.Length == 0
                ? null
                : new(
                    called.Certificate,
                    [certificate, key],
                    contents => KeyPair.Parse(called.Certificate, certificate, contents[0], called.Key, key, contents[1], clock.GetUtcNow()),
                    Told,
                    _ => { }));

        void Told(CertificateFileException problem) => onProblem?.Invoke(problem);
    }
}
