using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using RaftKv.Rpc.Tls;
using RaftKv.Server.Hosting;

namespace RaftKv.Server.Tls;

/// <summary>
/// What one port needs for TLS: its files, as they are at the moment, and the judgement of who connects. The member uses the
/// same where it connects to others.
/// </summary>
/// <example><code>
/// var tls = TlsPort.Open(TlsPortNames.Client, settings, log);
/// listen.UseHttps(new TlsHandshakeCallbackOptions { OnConnection = one => new(tls.ServerOptions(one.Connection.RemoteEndPoint)) });
/// </code></example>
public sealed class TlsPort
{
    internal static readonly SslApplicationProtocol[] HttpProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11];

    private readonly PortTls _settings;
    private readonly SslProtocols _versions;
    private readonly CipherSuitesPolicy? _suites;
    private readonly List<SslApplicationProtocol>? _protocols;
    private readonly ILogger _log;
    private readonly string _name;
    private readonly RecentWords _told;
    private readonly ReloadedFiles<KeyPair>? _own;
    private readonly ReloadedFiles<KeyPair>? _dial;
    private readonly ReloadedFiles<X509Certificate2Collection>? _authorities;
    private readonly ReloadedFiles<RevocationLists>? _revocations;

    private TlsPort(TlsPortNames names, PortTls settings, RaftKvOptions options, IEnumerable<SslApplicationProtocol>? protocols, ILogger log)
    {
        _name = names.Port;
        _told = new RecentWords(options.Time);
        _settings = settings;
        _versions = options.TlsVersions;
        _suites = CipherSuites.PolicyOf(options.CipherSuites);
        _protocols = protocols?.ToList();
        _log = log;
        _own = Pair(names.Certificate, settings.CertificateFile, names.Key, settings.KeyFile, options.Time);
        _dial = Pair(names.DialCertificate, settings.DialCertificateFile, names.DialKey, settings.DialKeyFile, options.Time);
        _authorities = Files(
            names.Authorities, [settings.AuthoritiesFile], contents => PemCertificates.Parse(names.Authorities, settings.AuthoritiesFile, contents[0]));
        _revocations = Files(
            names.Revocations, [settings.RevocationsFile], contents => RevocationLists.Parse(names.Revocations, settings.RevocationsFile, contents[0]));
    }

    /// <summary>Whether a certificate's common name is the name of a user.</summary>
    internal bool KnowsUsers => _settings.RequiresCertificate;

    /// <summary>What this port uses, and until when.</summary>
    public IEnumerable<CertificateExpiry> Certificates
    {
        get
        {
            foreach (var pair in (ReloadedFiles<KeyPair>?[])[_own, _dial])
            {
                if (pair is not null)
                {
                    yield return Expiry(pair.Flag, pair.Path, pair.Current.Certificate);
                }
            }

            foreach (var authority in _authorities?.Current ?? [])
            {
                yield return Expiry(_authorities!.Flag, _authorities.Path, authority);
            }
        }
    }

    /// <summary>For a port that speaks HTTP, and is not a member's.</summary>
    /// <exception cref="CertificateFileException">A file cannot be used.</exception>
    public static TlsPort Open(TlsPortNames names, PortTls settings, ILogger log)
        => new(names, settings, new RaftKvOptions(), HttpProtocols, log);

    /// <summary>Reads the files, making a certificate where one is to be made; null where no TLS is asked for.</summary>
    /// <param name="names">What its flags are called.</param>
    /// <param name="settings">Which files, and what they are for.</param>
    /// <param name="options">The member's.</param>
    /// <param name="automaticFolder">Where a certificate lies that was made here.</param>
    /// <param name="hosts">What such a one is for.</param>
    /// <param name="protocols">What is spoken on the port; null to leave it open.</param>
    /// <param name="log">Told of files that cannot be used any more, and of those who are turned away.</param>
    /// <exception cref="CertificateFileException">A file cannot be used.</exception>
    internal static TlsPort? Open(
        TlsPortNames names,
        PortTls settings,
        RaftKvOptions options,
        string automaticFolder,
        IReadOnlyList<string> hosts,
        IEnumerable<SslApplicationProtocol>? protocols,
        ILogger log)
    {
        if (!settings.IsGiven)
        {
            return null;
        }

        if (settings.IsAutomatic && settings.CertificateFile.Length == 0)
        {
            var (certificate, key) = SelfSigned.Ensure(automaticFolder, hosts, options.SelfSignedYears, options.Time.GetUtcNow());
            settings = settings with { CertificateFile = certificate, KeyFile = key };
        }

        return new TlsPort(names, settings, options, protocols, log);
    }

    /// <summary>For one connection that somebody has made to here. Who is turned away by his certificate is in the log.</summary>
    public SslServerAuthenticationOptions ServerOptions(EndPoint? remote) => ServerOptions(refusal =>
    {
        if (IsNews(remote, refusal))
        {
            Log.TlsRefused(_log, _name, remote, refusal);
        }
    });

    /// <summary>Whether this is worth a line: whoever is refused tries again, and again.</summary>
    internal bool IsNews(EndPoint? remote, string refusal) => _told.IsNew($"{(remote as IPEndPoint)?.Address} {refusal}");

    /// <summary>The handshake with somebody who has connected, on a thread that may wait.</summary>
    /// <exception cref="AuthenticationException">It failed; the message says why.</exception>
    internal SslStream Accept(Stream connection, IPAddress from)
    {
        var stream = new SslStream(connection);
        string? refusal = null;
        try
        {
            stream.AuthenticateAsServer(ServerOptions(problem => refusal = problem));
            if (!_settings.SkipsAddressCheck && stream.RemoteCertificate is X509Certificate2 certificate)
            {
                refusal = AddressCheck.Problem(certificate, from);
            }

            return refusal is null ? stream : throw new AuthenticationException(refusal);
        }
        catch (AuthenticationException failed)
        {
            stream.Dispose();
            throw new AuthenticationException(refusal ?? Innermost(failed), failed);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>The handshake with somebody this member has connected to.</summary>
    /// <exception cref="AuthenticationException">It failed; the message says why.</exception>
    internal async Task<SslStream> ConnectAsync(Stream connection, string host, CancellationToken cancellation)
    {
        var stream = new SslStream(connection);
        string? refusal = null;
        try
        {
            await stream.AuthenticateAsClientAsync(ClientOptions(host, problem => refusal = problem), cancellation).ConfigureAwait(false);
            return stream;
        }
        catch (AuthenticationException failed)
        {
            await stream.DisposeAsync().ConfigureAwait(false);
            throw new AuthenticationException(refusal ?? Innermost(failed), failed);
        }
        catch
        {
            await stream.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private SslServerAuthenticationOptions ServerOptions(Action<string> onRefusal)
    {
        var options = new SslServerAuthenticationOptions
        {
            ServerCertificateContext = _own!.Current.Context,
            EnabledSslProtocols = _versions,
            CipherSuitesPolicy = _suites,
            ApplicationProtocols = _protocols,
        };
        if (_settings.AsksForCertificate)
        {
            options.ClientCertificateRequired = true;
            options.CertificateChainPolicy = CertificateJudge.NewPolicy(_authorities?.Current, isOfServer: false);

            // A session that is taken up again would not show what stands between its certificate and the authority.
            options.AllowTlsResume = false;
            options.RemoteCertificateValidationCallback = (_, certificate, chain, errors)
                => (certificate is null && _settings.AllowsNoCertificate) || IsAccepted(Problem(certificate as X509Certificate2, chain, errors), onRefusal);
        }

        return options;
    }

    private SslClientAuthenticationOptions ClientOptions(string host, Action<string> onRefusal) => new()
    {
        TargetHost = host,
        EnabledSslProtocols = _versions,
        CipherSuitesPolicy = _suites,
        ClientCertificateContext = (_dial ?? _own)?.Current.Context,
        CertificateChainPolicy = CertificateJudge.NewPolicy(_authorities?.Current, isOfServer: true),
        RemoteCertificateValidationCallback = (_, certificate, chain, errors) =>
            (_settings.IsAutomatic && _authorities is null) // Nobody vouches for anybody: that is what was asked for.
            || IsAccepted(
                CertificateJudge.Problem(certificate as X509Certificate2, chain, errors, host) ?? Revoked(chain), onRefusal),
    };

    private string? Problem(X509Certificate2? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if ((CertificateJudge.Problem(certificate, chain, errors, host: null) ?? Revoked(chain)) is { } problem)
        {
            return problem;
        }

        if (_settings.AllowedHosts.Count > 0 && !CertificateJudge.IsForOneOf(certificate!, _settings.AllowedHosts))
        {
            return $"its certificate {CertificateJudge.Named(certificate!)} is for {CertificateJudge.Hosts(certificate!)}, and only {string.Join(", ", _settings.AllowedHosts)} may come in";
        }

        return _settings.AllowedNames.Count > 0 && !_settings.AllowedNames.Contains(CertificateJudge.CommonNameOf(certificate!))
            ? $"its certificate {CertificateJudge.Named(certificate!)} has the common name '{CertificateJudge.CommonNameOf(certificate!)}', and only {string.Join(", ", _settings.AllowedNames)} may come in"
            : null;
    }

    private string? Revoked(X509Chain? chain)
    {
        if (_revocations?.Current is not { Count: > 0 } lists)
        {
            return null;
        }

        var revoked = chain?.ChainElements.FirstOrDefault(element => lists.Has(element.Certificate))?.Certificate;
        return revoked is null ? null : $"its certificate {CertificateJudge.Named(revoked)} was revoked";
    }

    private static bool IsAccepted(string? problem, Action<string> onRefusal)
    {
        if (problem is not null)
        {
            onRefusal(problem);
        }

        return problem is null;
    }

    private ReloadedFiles<KeyPair>? Pair(string certificateFlag, string certificate, string keyFlag, string key, TimeProvider time)
        => Files(
            certificateFlag,
            [certificate, key],
            contents => KeyPair.Parse(certificateFlag, certificate, contents[0], keyFlag, key, contents[1], time.GetUtcNow()));

    private ReloadedFiles<T>? Files<T>(string flag, string[] paths, Func<byte[][], T> parse)
        where T : class
        => paths[0].Length == 0
            ? null
            : new ReloadedFiles<T>(
                flag, paths, parse, broken => Log.CertificatesBroken(_log, broken.Message), _ => Log.CertificatesReplaced(_log, flag, paths[0]));

    private static CertificateExpiry Expiry(string flag, string path, X509Certificate2 certificate)
        => new(flag, path, certificate.Subject, certificate.NotAfter.ToUniversalTime());

    private static string Innermost(Exception problem)
    {
        while (problem.InnerException is { } inner)
        {
            problem = inner;
        }

        return problem.Message;
    }
}

/// <summary>What a port is called in the log, and the flags of its files in messages.</summary>
public sealed record TlsPortNames(
    string Port, string Certificate, string Key, string Authorities, string Revocations, string DialCertificate = "", string DialKey = "")
{
    public static TlsPortNames Client { get; } = new(
        "client port", "--cert-file", "--key-file", "--trusted-ca-file", "--client-crl-file", "--client-cert-file", "--client-key-file");

    public static TlsPortNames Peer { get; } = new(
        "peer port",
        "--peer-cert-file",
        "--peer-key-file",
        "--peer-trusted-ca-file",
        "--peer-crl-file",
        "--peer-client-cert-file",
        "--peer-client-key-file");
}
