using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace RaftKv.Tests.Shared;

/// <summary>
/// A folder with an authority and the certificates that it has signed, as PEM files. A file that is written again under its
/// name is a certificate that was replaced.
/// </summary>
internal sealed class CertificateFolder : IDisposable
{
    public const string ServerUse = "1.3.6.1.5.5.7.3.1";
    public const string ClientUse = "1.3.6.1.5.5.7.3.2";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("raftkv-certificates-");
    private readonly List<string> _revoked = [];

    public CertificateFolder()
    {
        Authority = NewAuthority("Test authority");
        AuthorityFile = Write("ca.crt", Authority.ExportCertificatePem());
    }

    public X509Certificate2 Authority { get; }

    public string AuthorityFile { get; }

    public string Path(string name) => System.IO.Path.Join(_folder.FullName, name);

    /// <summary>For 127.0.0.1 and localhost, and for both uses, as members' are.</summary>
    public (string Certificate, string Key) Server(string name = "server", X509Certificate2? authority = null)
        => Issue(name, authority: authority, hosts: ["localhost", "127.0.0.1"]);

    public (string Certificate, string Key) Client(string name, X509Certificate2? authority = null)
        => Issue(name, authority: authority, uses: [ClientUse]);

    /// <summary>Signs a certificate, and writes it and its key.</summary>
    /// <param name="name">Its common name, and what its files are called.</param>
    /// <param name="authority">Who signs it; the folder's own if null.</param>
    /// <param name="hosts">Names and addresses that it is for.</param>
    /// <param name="uses">What it is for; both, if nothing is said.</param>
    /// <param name="file">What its files are called, if not as it is.</param>
    /// <param name="days">How many it is still valid; fewer than none for one that has expired.</param>
    public (string Certificate, string Key) Issue(
        string name, X509Certificate2? authority = null, string[]? hosts = null, string[]? uses = null, string? file = null, double days = 1)
    {
        var (certificate, key) = Sign(name, authority ?? Authority, hosts ?? [], uses ?? [ServerUse, ClientUse], days);
        using (certificate)
        using (key)
        {
            return (
                Write($"{file ?? name}.crt", certificate.ExportCertificatePem()),
                Write($"{file ?? name}.key", key.ExportPkcs8PrivateKeyPem()));
        }
    }

    /// <summary>Takes a certificate back, and writes the list of all that were.</summary>
    public string Revoke(string certificateFile)
    {
        using var certificate = X509Certificate2.CreateFromPem(File.ReadAllText(certificateFile));
        _revoked.Add(certificate.SerialNumber);
        return WriteRevocations();
    }

    public string WriteRevocations()
    {
        var list = new CertificateRevocationListBuilder();
        foreach (var serial in _revoked)
        {
            list.AddEntry(Convert.FromHexString(serial));
        }

        using var key = Authority.GetECDsaPrivateKey()!;
        var bytes = list.Build(
            Authority.SubjectName,
            X509SignatureGenerator.CreateForECDsa(key),
            1,
            DateTimeOffset.UtcNow.AddDays(1),
            HashAlgorithmName.SHA256,
            X509AuthorityKeyIdentifierExtension.CreateFromSubjectKeyIdentifier(new X509SubjectKeyIdentifierExtension(Authority.PublicKey, critical: false)));
        return Write("revoked.crl", PemEncoding.WriteString("X509 CRL", bytes));
    }

    public static X509Certificate2 NewAuthority(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-10), DateTimeOffset.UtcNow.AddDays(10));
    }

    /// <summary>A certificate with its key in memory, for clients in the same process.</summary>
    public X509Certificate2 InMemory((string Certificate, string Key) files)
    {
        using var read = X509Certificate2.CreateFromPemFile(files.Certificate, files.Key);
        return X509CertificateLoader.LoadPkcs12(read.Export(X509ContentType.Pfx), null);
    }

    public string Write(string name, string text)
    {
        // In one step, as whoever replaces certificates with care does.
        var path = Path(name);
        File.WriteAllText(path + ".new", text + "\n");
        File.Move(path + ".new", path, overwrite: true);
        return path;
    }

    public void Dispose()
    {
        Authority.Dispose();
        _folder.Delete(recursive: true);
    }

    private static (X509Certificate2 Certificate, ECDsa Key) Sign(string name, X509Certificate2 authority, string[] hosts, string[] uses, double days)
    {
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([.. uses.Select(use => new Oid(use))], critical: false));
        if (hosts.Length > 0)
        {
            var names = new SubjectAlternativeNameBuilder();
            foreach (var host in hosts)
            {
                if (IPAddress.TryParse(host, out var address))
                {
                    names.AddIpAddress(address);
                }
                else
                {
                    names.AddDnsName(host);
                }
            }

            request.CertificateExtensions.Add(names.Build());
        }

        var until = DateTimeOffset.UtcNow.AddDays(days);
        return (request.Create(authority, until.AddDays(-2), until, RandomNumberGenerator.GetBytes(8)), key);
    }
}
