using System.Security.Cryptography.X509Certificates;
using RaftKv.Rpc.Tests.Server;

namespace RaftKv.Rpc.Tests.Interop;

/// <summary>Certificates as PEM files, for programs that read them from there. They go with the object.</summary>
internal sealed class CertificateFiles : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("raftkv-tls-");

    private CertificateFiles(TestAuthority authority)
    {
        Authority = Write("ca.crt", authority.Certificate.ExportCertificatePem());
        (ServerCertificate, ServerKey) = Issue(authority, "localhost", server: true);
        (ClientCertificate, ClientKey) = Issue(authority, "alice", server: false);
    }

    public string Authority { get; }

    public string ServerCertificate { get; }

    public string ServerKey { get; }

    public string ClientCertificate { get; }

    public string ClientKey { get; }

    public static CertificateFiles Write(TestAuthority authority) => new(authority);

    public void Dispose() => _folder.Delete(recursive: true);

    private (string Certificate, string Key) Issue(TestAuthority authority, string name, bool server)
    {
        using var certificate = authority.Issue(name, server);
        using var key = certificate.GetECDsaPrivateKey()!;
        return (Write($"{name}.crt", certificate.ExportCertificatePem()), Write($"{name}.key", key.ExportPkcs8PrivateKeyPem()));
    }

    private string Write(string name, string pem)
    {
        var path = Path.Combine(_folder.FullName, name);
        File.WriteAllText(path, pem);
        return path;
    }
}
