using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using RaftKv.Rpc.Tls;

namespace RaftKv.Server.Tls;

/// <summary>A certificate that vouches for itself, for --auto-tls.</summary>
internal static class SelfSigned
{
    private const string CertificateName = "cert.pem";
    private const string KeyName = "key.pem";

    /// <summary>The files of a folder; made if they are not there, or do not last any longer.</summary>
    public static (string CertificatePath, string KeyPath) Ensure(string folder, IReadOnlyList<string> hosts, int years, DateTimeOffset now)
    {
        var certificatePath = Path.Join(folder, CertificateName);
        var keyPath = Path.Join(folder, KeyName);
        if (IsStillGood(certificatePath, keyPath, now))
        {
            return (certificatePath, keyPath);
        }

        try
        {
            Directory.CreateDirectory(folder);
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            using var certificate = Make(key, hosts, years, now);
            WriteSecret(keyPath, key.ExportPkcs8PrivateKeyPem());
            File.WriteAllText(certificatePath, certificate.ExportCertificatePem() + "\n");
            return (certificatePath, keyPath);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw new CertificateFileException($"--auto-tls: no certificate can be made in {folder}: {refused.Message}", refused);
        }
    }

    private static bool IsStillGood(string certificatePath, string keyPath, DateTimeOffset now)
    {
        if (!File.Exists(certificatePath) || !File.Exists(keyPath))
        {
            return false;
        }

        try
        {
            KeyPair.Parse(
                "--auto-tls", certificatePath, File.ReadAllBytes(certificatePath), "--auto-tls", keyPath, File.ReadAllBytes(keyPath), now.AddDays(1));
            return true;
        }
        catch (CertificateFileException)
        {
            return false;
        }
    }

    private static X509Certificate2 Make(ECDsa key, IReadOnlyList<string> hosts, int years, DateTimeOffset now)
    {
        var request = new CertificateRequest("O=raftkv", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        foreach (var host in hosts.Distinct(StringComparer.OrdinalIgnoreCase))
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
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(
            X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.KeyCertSign, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(
            [new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], critical: false));

        // A little before, for those whose clock is behind.
        return request.CreateSelfSigned(now.AddHours(-1), now.AddYears(Math.Max(1, years)));
    }

    private static void WriteSecret(string path, string text)
    {
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        using var writer = new StreamWriter(path, options);
        writer.WriteLine(text);
    }
}
