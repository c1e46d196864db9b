using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace RaftKv.Rpc.Tls;

/// <summary>Whether a certificate is believed, and in words why not.</summary>
internal static class CertificateJudge
{
    private const string CommonName = "2.5.4.3";

    private static readonly string[] ServerUse = ["1.3.6.1.5.5.7.3.1"];
    private static readonly string[] ClientUse = ["1.3.6.1.5.5.7.3.2"];

    /// <summary>What a chain has to hold against. A new one for each connection: building a chain adds to it.</summary>
    /// <param name="authorities">Null for the machine's.</param>
    /// <param name="isOfServer">What the certificate has to be made for.</param>
    public static X509ChainPolicy NewPolicy(X509Certificate2Collection? authorities, bool isOfServer)
    {
        var policy = new X509ChainPolicy
        {
            RevocationMode = X509RevocationMode.NoCheck, // By the lists that the operator has given.
            DisableCertificateDownloads = true,
        };
        foreach (var use in isOfServer ? ServerUse : ClientUse)
        {
            policy.ApplicationPolicy.Add(new System.Security.Cryptography.Oid(use));
        }

        if (authorities is not null)
        {
            policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            policy.CustomTrustStore.AddRange(authorities);
        }

        return policy;
    }

    /// <summary>What a handshake has found out, in words; null if nothing is wrong.</summary>
    /// <param name="certificate">Of the other end; null if it has shown none.</param>
    /// <param name="chain">From it to an authority, as far as there is one.</param>
    /// <param name="errors">What the handshake found.</param>
    /// <param name="host">Who was meant to be reached; null for one that has connected to here.</param>
    public static string? Problem(X509Certificate2? certificate, X509Chain? chain, SslPolicyErrors errors, string? host)
    {
        if (certificate is null || errors.HasFlag(SslPolicyErrors.RemoteCertificateNotAvailable))
        {
            return "it shows no certificate";
        }

        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateChainErrors))
        {
            return $"its certificate {Named(certificate)} is not accepted: {Words(certificate, chain)}";
        }

        return errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch)
            ? $"its certificate {Named(certificate)} is not for '{host}', but for {Hosts(certificate)}"
            : null;
    }

    /// <summary>Whether a certificate is for one of these hosts.</summary>
    public static bool IsForOneOf(X509Certificate2 certificate, IReadOnlyList<string> hosts)
        => hosts.Any(host => certificate.MatchesHostname(host, allowWildcards: true, allowCommonName: false));

    /// <summary>The common name; empty if it has none.</summary>
    public static string CommonNameOf(X509Certificate2 certificate)
    {
        // As in Go, the last one counts where there are more.
        var name = "";
        foreach (var part in certificate.SubjectName.EnumerateRelativeDistinguishedNames(reversed: false))
        {
            if (!part.HasMultipleElements && part.GetSingleElementType().Value == CommonName)
            {
                name = part.GetSingleElementValue() ?? "";
            }
        }

        return name;
    }

    public static string Named(X509Certificate2 certificate)
        => $"'{(certificate.Subject.Length > 0 ? certificate.Subject : "without a name")}' (serial {certificate.SerialNumber})";

    /// <summary>The hosts that a certificate is for.</summary>
    public static string Hosts(X509Certificate2 certificate)
    {
        if (certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().FirstOrDefault() is not { } names)
        {
            return "no host at all (it has no subject alternative names)";
        }

        string[] all = [.. names.EnumerateDnsNames(), .. names.EnumerateIPAddresses().Select(address => address.ToString())];
        return all.Length > 0 ? string.Join(", ", all) : "no host at all";
    }

    private static string Words(X509Certificate2 certificate, X509Chain? chain)
    {
        var found = chain?.ChainStatus.Aggregate(X509ChainStatusFlags.NoError, (all, one) => all | one.Status) ?? X509ChainStatusFlags.PartialChain;
        if (found.HasFlag(X509ChainStatusFlags.NotTimeValid))
        {
            var worst = chain!.ChainElements
                .FirstOrDefault(element => element.ChainElementStatus.Any(status => status.Status.HasFlag(X509ChainStatusFlags.NotTimeValid)))?.Certificate
                ?? certificate;
            var whose = worst.Equals(certificate) ? "it" : $"{Named(worst)} above it";
            return worst.NotAfter.ToUniversalTime() < chain.ChainPolicy.VerificationTime.ToUniversalTime()
                ? $"{whose} expired on {KeyPair.Day(worst.NotAfter)}"
                : $"{whose} is not valid before {KeyPair.Day(worst.NotBefore)}";
        }

        if ((found & (X509ChainStatusFlags.UntrustedRoot | X509ChainStatusFlags.PartialChain)) != 0)
        {
            return $"no authority that is trusted here has signed it (its issuer is '{certificate.Issuer}')";
        }

        if (found.HasFlag(X509ChainStatusFlags.NotValidForUsage))
        {
            return "it is made for another use (its extended key usage says for what)";
        }

        return found.HasFlag(X509ChainStatusFlags.NotSignatureValid)
            ? "its signature is wrong"
            : string.Join("; ", chain!.ChainStatus.Select(status => status.StatusInformation.Trim().TrimEnd('.')));
    }
}
