using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace RaftKv.Rpc.Tls;

/// <summary>Certificates in a file.</summary>
internal static class PemCertificates
{
    /// <summary>One certificate at least, in the order of the file.</summary>
    /// <exception cref="CertificateFileException">There is none, or one is damaged.</exception>
    public static X509Certificate2Collection Parse(string flag, string path, byte[] bytes)
    {
        var text = Encoding.UTF8.GetString(bytes);
        var certificates = new X509Certificate2Collection();
        try
        {
            certificates.ImportFromPem(text);
        }
        catch (CryptographicException damaged)
        {
            throw new CertificateFileException($"{flag}: a certificate in {path} is damaged: {damaged.Message}", damaged);
        }

        if (certificates.Count > 0)
        {
            return certificates;
        }

        var labels = Labels(text);
        throw new CertificateFileException(
            labels.Count > 0 ? $"{flag}: {path} holds no certificate, but {string.Join(", ", labels)}."
            : bytes is [0x30, ..] ? $"{flag}: {path} is not PEM, but looks like DER: convert it with 'openssl x509 -inform der'."
            : $"{flag}: {path} is not PEM: it has no '-----BEGIN CERTIFICATE-----' in it.");
    }

    /// <summary>What a PEM file says that it holds.</summary>
    public static IReadOnlyList<string> Labels(string text)
    {
        var labels = new List<string>();
        var rest = text.AsSpan();
        while (PemEncoding.TryFind(rest, out var fields))
        {
            labels.Add(rest[fields.Label].ToString());
            rest = rest[fields.Location.End..];
        }

        return labels;
    }
}
