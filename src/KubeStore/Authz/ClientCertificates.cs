using System.Formats.Asn1;
using System.Security.Cryptography.X509Certificates;
using KubeStore.Registry;
using Microsoft.AspNetCore.Http;

namespace KubeStore.Authz;

/// <summary>Users by their certificates: the common name says who, each organization is a group.</summary>
/// <remarks>That the certificate comes from an authority of ours is for whoever accepts connections to see to.</remarks>
/// <example><code>
/// Authenticate = http => ClientCertificates.Authenticate(http) ?? tokens.Authenticate(http)
/// </code></example>
public static class ClientCertificates
{
    private const string CommonName = "2.5.4.3";
    private const string Organization = "2.5.4.10";

    /// <summary>Who a request comes from; null if it came without a certificate, or with one that names nobody.</summary>
    public static UserInfo? Authenticate(HttpContext http) => http.Connection.ClientCertificate is { } certificate ? UserOf(certificate) : null;

    /// <summary>Whom a certificate names.</summary>
    public static UserInfo? UserOf(X509Certificate2 certificate)
    {
        var name = "";
        var groups = new List<string>();
        foreach (var part in certificate.SubjectName.EnumerateRelativeDistinguishedNames(reversed: false))
        {
            if (part.HasMultipleElements)
            {
                Read(part.RawData, ref name, groups);
                continue;
            }

            Take(part.GetSingleElementType().Value, part.GetSingleElementValue(), ref name, groups);
        }

        groups.Add("system:authenticated");
        return name.Length > 0 ? new(name) { Groups = groups } : null;
    }

    // Several names at one place, which nearly nobody makes.
    private static void Read(ReadOnlyMemory<byte> set, ref string name, List<string> groups)
    {
        var names = new AsnReader(set, AsnEncodingRules.DER).ReadSetOf();
        while (names.HasData)
        {
            var one = names.ReadSequence();
            var type = one.ReadObjectIdentifier();
            var tag = one.PeekTag();
            var value = tag.TagClass == TagClass.Universal && (UniversalTagNumber)tag.TagValue is UniversalTagNumber.UTF8String or UniversalTagNumber.PrintableString or UniversalTagNumber.IA5String
                ? one.ReadCharacterString((UniversalTagNumber)tag.TagValue)
                : "";
            Take(type, value, ref name, groups);
        }
    }

    private static void Take(string? type, string? value, ref string name, List<string> groups)
    {
        if (type == CommonName && name.Length == 0)
        {
            name = value ?? "";
        }
        else if (type == Organization && value is { Length: > 0 })
        {
            groups.Add(value);
        }
    }
}
