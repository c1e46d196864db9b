using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using RaftKv.Rpc.Tls;

namespace RaftKv.Server.Tls;

/// <summary>
/// Certificates that their authorities have taken back (RFC 5280 §5.1). Of a list, only who made it and the numbers on it
/// are looked at: it lies on the operator's own disk, as the authorities' certificates do.
/// </summary>
internal sealed class RevocationLists
{
    private const string Label = "X509 CRL";

    private readonly HashSet<(string Issuer, string Serial)> _revoked = [];

    private RevocationLists()
    {
    }

    public int Count => _revoked.Count;

    /// <exception cref="CertificateFileException">These are no such lists.</exception>
    public static RevocationLists Parse(string flag, string path, byte[] bytes)
    {
        var lists = new RevocationLists();
        try
        {
            if (bytes is [0x30, ..])
            {
                lists.Add(bytes);
                return lists;
            }

            var rest = Encoding.UTF8.GetString(bytes).AsSpan();
            var count = 0;
            while (PemEncoding.TryFind(rest, out var fields))
            {
                if (rest[fields.Label] is Label)
                {
                    lists.Add(Convert.FromBase64String(rest[fields.Base64Data].ToString()));
                    count++;
                }

                rest = rest[fields.Location.End..];
            }

            return count > 0
                ? lists
                : throw new CertificateFileException($"{flag}: {path} holds no revocation list: it has no '-----BEGIN {Label}-----' in it.");
        }
        catch (Exception damaged) when (damaged is AsnContentException or FormatException or CryptographicException)
        {
            throw new CertificateFileException($"{flag}: the revocation list in {path} is damaged: {damaged.Message}", damaged);
        }
    }

    public bool Has(X509Certificate2 certificate)
        => _revoked.Contains((Convert.ToHexString(certificate.IssuerName.RawData), Convert.ToHexString(certificate.SerialNumberBytes.Span)));

    // CertificateList ::= SEQUENCE { tbsCertList, signatureAlgorithm, signatureValue }
    // TBSCertList ::= SEQUENCE { version?, signature, issuer, thisUpdate, nextUpdate?, revokedCertificates?, crlExtensions? }
    private void Add(byte[] der)
    {
        var list = new AsnReader(der, AsnEncodingRules.DER).ReadSequence().ReadSequence();
        if (list.PeekTag().HasSameClassAndValue(Asn1Tag.Integer))
        {
            list.ReadInteger();
        }

        list.ReadSequence();
        var issuer = Convert.ToHexString(list.ReadEncodedValue().Span);
        list.ReadEncodedValue();
        if (list.HasData && (list.PeekTag().HasSameClassAndValue(Asn1Tag.UtcTime) || list.PeekTag().HasSameClassAndValue(Asn1Tag.GeneralizedTime)))
        {
            list.ReadEncodedValue();
        }

        if (!list.HasData || !list.PeekTag().HasSameClassAndValue(Asn1Tag.Sequence))
        {
            return; // An authority that has taken back nothing.
        }

        var entries = list.ReadSequence();
        while (entries.HasData)
        {
            var entry = entries.ReadSequence();
            _revoked.Add((issuer, Convert.ToHexString(entry.ReadIntegerBytes().Span)));
        }
    }
}
