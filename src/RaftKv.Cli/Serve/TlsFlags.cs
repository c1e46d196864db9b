using System.CommandLine;
using System.Security.Authentication;
using RaftKv.Server;
using RaftKv.Server.Tls;

namespace RaftKv.Cli.Serve;

/// <summary>The flags of a member that are about TLS, under etcd's names.</summary>
internal sealed class TlsFlags
{
    private readonly Port _client = new(
        prefix: "", "clients", revocations: "--client-crl-file", allowedHosts: "--client-cert-allowed-hostname", allowedNames: null);

    private readonly Port _peer = new(
        prefix: "peer-", "the other members", revocations: "--peer-crl-file", allowedHosts: "--peer-cert-allowed-hostname", allowedNames: "--peer-cert-allowed-cn");

    private readonly Option<bool> _skipAddressCheck = new("--peer-skip-client-san-verification", "--experimental-peer-skip-client-san-verification")
    {
        Description = "Members may connect from other addresses than those in their certificates",
    };

    private readonly Option<int> _years = new("--self-signed-cert-validity")
    {
        Description = "How many years a certificate lasts that --auto-tls has made",
        HelpName = "YEARS",
        DefaultValueFactory = _ => 1,
    };

    private readonly Option<string> _suites = Text("--cipher-suites", "NAME,...", "What TLS 1.2 may be encrypted with [default: the system's choice]");

    private readonly Option<string> _oldest = new("--tls-min-version")
    {
        Description = "The oldest version of TLS that is spoken",
        HelpName = "TLS1.2|TLS1.3",
        DefaultValueFactory = _ => "TLS1.2",
    };

    private readonly Option<string> _newest = Text("--tls-max-version", "TLS1.2|TLS1.3", "The newest version of TLS that is spoken [default: the newest there is]");

    public IEnumerable<Option> All => [.. _client.All, .. _peer.All, _skipAddressCheck, _years, _suites, _oldest, _newest];

    /// <summary>Adds what they say to the options of a member.</summary>
    /// <exception cref="FlagException">They contradict each other, or themselves.</exception>
    public RaftKvOptions AddTo(RaftKvOptions options, ParseResult parsed) => options with
    {
        ClientTls = _client.Read(parsed),
        PeerTls = _peer.Read(parsed) with { SkipsAddressCheck = parsed.GetValue(_skipAddressCheck) },
        SelfSignedYears = parsed.GetRequiredValue(_years) is > 0 and var years
            ? years
            : throw new FlagException($"--self-signed-cert-validity is {parsed.GetRequiredValue(_years)}; it must be one year at least."),
        CipherSuites = List(parsed, _suites),
        TlsVersions = Versions(parsed.GetRequiredValue(_oldest), parsed.GetValue(_newest) ?? ""),
    };

    private static SslProtocols Versions(string oldest, string newest)
    {
        var from = Version(oldest, "--tls-min-version", 2);
        var to = Version(newest, "--tls-max-version", 3);
        if (from > to)
        {
            throw new FlagException($"--tls-min-version is {oldest} and --tls-max-version {newest}: no version is left.");
        }

        return (from == 2 ? SslProtocols.Tls12 : SslProtocols.None) | (to == 3 ? SslProtocols.Tls13 : SslProtocols.None);
    }

    private static int Version(string text, string flag, int usual) => text switch
    {
        "" => usual,
        "TLS1.2" => 2,
        "TLS1.3" => 3,
        _ => throw new FlagException($"{flag} is '{text}'; it must be TLS1.2 or TLS1.3."),
    };

    private static string[] List(ParseResult parsed, Option<string> flag)
        => (parsed.GetValue(flag) ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static Option<string> Text(string name, string value, string description) => new(name) { Description = description, HelpName = value };

    /// <summary>The flags that are there for both ports.</summary>
    private sealed class Port
    {
        private readonly Option<string> _certificate;
        private readonly Option<string> _key;
        private readonly Option<string> _authorities;
        private readonly Option<bool> _requires;
        private readonly Option<string> _dialCertificate;
        private readonly Option<string> _dialKey;
        private readonly Option<string> _revocations;
        private readonly Option<bool> _automatic;
        private readonly Option<string> _allowedHosts;
        private readonly Option<string>? _allowedNames;

        public Port(string prefix, string whom, string revocations, string allowedHosts, string? allowedNames)
        {
            _certificate = Text($"--{prefix}cert-file", "FILE", $"The certificate for {whom}, PEM, with those between it and the authority");
            _key = Text($"--{prefix}key-file", "FILE", "Its private key, PEM");
            _authorities = Text($"--{prefix}trusted-ca-file", "FILE", $"The authorities that sign the certificates of {whom}, PEM; they have to have one, then");
            _requires = new Option<bool>($"--{prefix}client-cert-auth") { Description = $"Nobody of {whom} gets in without a certificate" };
            _dialCertificate = Text($"--{prefix}client-cert-file", "FILE", "Used instead of the other one where this member is the one that connects");
            _dialKey = Text($"--{prefix}client-key-file", "FILE", "Its private key, PEM");
            _revocations = Text(revocations, "FILE", "Lists of certificates that are no good any more, PEM or DER");
            _automatic = new Option<bool>($"--{prefix}auto-tls") { Description = "Encrypt with a certificate that this member makes for itself" };
            _allowedHosts = Text(allowedHosts, "HOST,...", "Hosts; a certificate has to be for one of them");
            _allowedNames = allowedNames is null ? null : Text(allowedNames, "NAME,...", "Common names; a certificate has to have one of them");
        }

        public IEnumerable<Option> All =>
        [
            _certificate, _key, _authorities, _requires, _dialCertificate, _dialKey, _revocations, _automatic, _allowedHosts,
            .. _allowedNames is null ? Array.Empty<Option>() : [_allowedNames],
        ];

        public PortTls Read(ParseResult parsed) => new()
        {
            CertificateFile = parsed.GetValue(_certificate) ?? "",
            KeyFile = parsed.GetValue(_key) ?? "",
            AuthoritiesFile = parsed.GetValue(_authorities) ?? "",
            RequiresCertificate = parsed.GetValue(_requires),
            DialCertificateFile = parsed.GetValue(_dialCertificate) ?? "",
            DialKeyFile = parsed.GetValue(_dialKey) ?? "",
            RevocationsFile = parsed.GetValue(_revocations) ?? "",
            IsAutomatic = parsed.GetValue(_automatic),
            AllowedHosts = List(parsed, _allowedHosts),
            AllowedNames = _allowedNames is null ? [] : List(parsed, _allowedNames),
        };
    }
}
