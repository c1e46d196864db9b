using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace RaftKv.Rpc.Tls;

/// <summary>A certificate with its private key, and the certificates that lead from it to an authority.</summary>
internal sealed class KeyPair
{
    private KeyPair(X509Certificate2 certificate, X509Certificate2Collection between)
    {
        Certificate = certificate;
        Context = SslStreamCertificateContext.Create(certificate, between, offline: true);
    }

    public X509Certificate2 Certificate { get; }

    public SslStreamCertificateContext Context { get; }

    /// <summary>Reads a pair as it is at this time.</summary>
    /// <exception cref="CertificateFileException">It cannot be used.</exception>
    public static KeyPair Parse(
        string certificateFlag, string certificatePath, byte[] certificateBytes, string keyFlag, string keyPath, byte[] keyBytes, DateTimeOffset now)
    {
        var certificates = PemCertificates.Parse(certificateFlag, certificatePath, certificateBytes);
        var keyText = Encoding.UTF8.GetString(keyBytes);
        CheckKey(keyFlag, keyPath, keyText);
        var leaf = WithKey(certificates[0], keyText, $"{keyFlag}: the key in {keyPath}", certificatePath);
        if (leaf.NotAfter.ToUniversalTime() < now.UtcDateTime)
        {
            throw new CertificateFileException($"{certificateFlag}: the certificate in {certificatePath} expired on {Day(leaf.NotAfter)}.");
        }

        if (leaf.NotBefore.ToUniversalTime() > now.UtcDateTime)
        {
            throw new CertificateFileException($"{certificateFlag}: the certificate in {certificatePath} is not valid before {Day(leaf.NotBefore)}.");
        }

        certificates.RemoveAt(0);
        return new KeyPair(leaf, certificates);
    }

    public static string Day(DateTime time) => time.ToUniversalTime().ToString("yyyy-MM-dd HH:mm:ss 'UTC'", System.Globalization.CultureInfo.InvariantCulture);

    private static X509Certificate2 WithKey(X509Certificate2 certificate, string keyText, string key, string certificatePath)
    {
        try
        {
            return X509Certificate2.CreateFromPem(certificate.ExportCertificatePem(), keyText);
        }
        catch (Exception other) when (other is ArgumentException or CryptographicException)
        {
            throw new CertificateFileException($"{key} does not belong to the certificate in {certificatePath}.", other);
        }
    }

    private static void CheckKey(string flag, string path, string text)
    {
        var labels = PemCertificates.Labels(text);
        if (labels.Any(label => label is "PRIVATE KEY" or "RSA PRIVATE KEY" or "EC PRIVATE KEY"))
        {
            return;
        }

        throw new CertificateFileException(
            labels.Any(label => label.StartsWith("ENCRYPTED", StringComparison.Ordinal))
                ? $"{flag}: the key in {path} is protected by a password, which a member cannot be given: store it without one."
            : labels.Count > 0 ? $"{flag}: {path} holds no private key, but {string.Join(", ", labels)}."
            : $"{flag}: {path} is not PEM: it has no '-----BEGIN PRIVATE KEY-----' in it.");
    }
}
