namespace RaftKv.Server.Tls;

/// <summary>
/// How one of a member's ports proves itself, and whom it lets in. All files are PEM. They are looked at again with every
/// connection, so a new certificate takes effect without a restart; one that cannot be used leaves the old one in place.
/// </summary>
/// <example><code>
/// ClientTls = new PortTls { CertificateFile = "server.crt", KeyFile = "server.key", AuthoritiesFile = "ca.crt" }
/// </code></example>
public sealed record PortTls
{
    /// <summary>The certificate, and behind it those between it and the authority.</summary>
    public string CertificateFile { get; init; } = "";

    public string KeyFile { get; init; } = "";

    /// <summary>The authorities whose certificates are accepted. Who connects has to have one, then.</summary>
    public string AuthoritiesFile { get; init; } = "";

    /// <summary>Whether who connects has to have a certificate, even where no authorities are named: then the machine's
    /// are believed.</summary>
    public bool RequiresCertificate { get; init; }

    /// <summary>Whether who has no certificate at all is let in beside those who have a good one.</summary>
    public bool AllowsNoCertificate { get; init; }

    /// <summary>Certificates that are not accepted any more: lists, PEM or DER.</summary>
    public string RevocationsFile { get; init; } = "";

    /// <summary>Hosts, one of which a certificate has to be for. Empty: any.</summary>
    public IReadOnlyList<string> AllowedHosts { get; init; } = [];

    /// <summary>Common names, one of which a certificate has to have. Empty: any.</summary>
    public IReadOnlyList<string> AllowedNames { get; init; } = [];

    /// <summary>What this member proves itself with where it is the one that connects; <see cref="CertificateFile"/> if
    /// nothing is said.</summary>
    public string DialCertificateFile { get; init; } = "";

    public string DialKeyFile { get; init; } = "";

    /// <summary>Whether a certificate is made that nobody has signed, if none is given: connections are encrypted, and
    /// nobody knows with whom.</summary>
    public bool IsAutomatic { get; init; }

    /// <summary>Whether the address that somebody connects from may be another than the certificate's.</summary>
    public bool SkipsAddressCheck { get; init; }

    /// <summary>Whether there is anything to prove oneself with, or to believe others by.</summary>
    internal bool IsGiven
        => IsAutomatic || RequiresCertificate || CertificateFile.Length > 0 || AuthoritiesFile.Length > 0 || DialCertificateFile.Length > 0;

    /// <summary>Whether who connects is asked for a certificate.</summary>
    public bool AsksForCertificate => RequiresCertificate || AuthoritiesFile.Length > 0;

    /// <summary>Everything wrong with these settings.</summary>
    /// <param name="flags">What stands before the names of the flags: "peer-", or nothing.</param>
    /// <param name="revocationsFlag">The flag of <see cref="RevocationsFile"/>.</param>
    /// <param name="listen">Where this port listens.</param>
    internal IEnumerable<string> Problems(string flags, string revocationsFlag, IEnumerable<ListenAddress> listen)
    {
        var certificate = $"--{flags}cert-file";
        var key = $"--{flags}key-file";
        if (CertificateFile.Length > 0 != KeyFile.Length > 0)
        {
            yield return $"{certificate} and {key} go together: one of them is missing.";
        }

        if (DialCertificateFile.Length > 0 != DialKeyFile.Length > 0)
        {
            yield return $"--{flags}client-cert-file and --{flags}client-key-file go together: one of them is missing.";
        }

        if (AllowedNames.Count > 0 && AllowedHosts.Count > 0)
        {
            yield return "Allowed common names and allowed host names exclude each other: give one of the two.";
        }

        if (!AsksForCertificate && (RevocationsFile.Length > 0 || AllowedNames.Count > 0 || AllowedHosts.Count > 0))
        {
            yield return $"{revocationsFlag} and allowed names say which certificates are accepted, but none is asked for: add --{flags}client-cert-auth, or --{flags}trusted-ca-file.";
        }

        if (CertificateFile.Length == 0 && !IsAutomatic && listen.FirstOrDefault(address => address.IsTls) is { } tls)
        {
            yield return $"{tls} asks for TLS, but there is no certificate: give {certificate} and {key}, or --{flags}auto-tls.";
        }
    }
}
