using System.CommandLine;
using System.Net.Security;
using RaftKv.Cli.Commands.Connection;
using RaftKv.Cli.Commands.Text;
using RaftKv.Cli.Discovery;
using RaftKv.Client;
using RaftKv.Rpc.Client;
using RaftKv.Rpc.Tls;
using RaftKv.Server;

namespace RaftKv.Cli.Serve;

/// <summary>The flags by which founding members find each other, under etcd's names.</summary>
internal sealed class DiscoveryFlags
{
    private readonly Option<string> _domain = Text("--discovery-srv", "DOMAIN", "Founding members are those that DNS knows as _etcd-server._tcp and _etcd-server-ssl._tcp of this domain");
    private readonly Option<string> _suffix = Text("--discovery-srv-name", "NAME", "They stand there with this behind: _etcd-server-NAME._tcp");
    private readonly Option<string> _token = Text("--discovery-token", "TOKEN", "Founding members meet under this name in another cluster");
    private readonly Option<string> _endpoints = Text("--discovery-endpoints", "HOST:PORT,...", "Where that cluster is, RaftKv's or etcd's");
    private readonly Option<TimeSpan> _dialTimeout = Duration("--discovery-dial-timeout", "2s", "How long to try for a connection to it");
    private readonly Option<TimeSpan> _requestTimeout = Duration("--discovery-request-timeout", "5s", "How long to wait for its answers");
    private readonly Option<TimeSpan> _keepAlive = Duration("--discovery-keepalive-time", "2s", "Taken for etcd's sake; changes nothing");
    private readonly Option<TimeSpan> _keepAliveTimeout = Duration("--discovery-keepalive-timeout", "6s", "Taken for etcd's sake; changes nothing");

    private readonly Option<bool> _insecureTransport = new("--discovery-insecure-transport")
    {
        Description = "Connect to it without TLS where no certificates are given",
        DefaultValueFactory = _ => true,
    };

    private readonly Option<bool> _skipsVerify = new("--discovery-insecure-skip-tls-verify") { Description = "Believe any certificate of it (for tests only)" };
    private readonly Option<string> _certificate = Text("--discovery-cert", "FILE", "This member's TLS certificate there, PEM");
    private readonly Option<string> _key = Text("--discovery-key", "FILE", "Its private key, PEM");
    private readonly Option<string> _authorities = Text("--discovery-cacert", "FILE", "The authorities that sign its certificates, PEM");
    private readonly Option<string> _user = Text("--discovery-user", "NAME[:PASSWORD]", "Who this member is there");
    private readonly Option<string> _password = Text("--discovery-password", "PASSWORD", "The password of --discovery-user");

    public IEnumerable<Option> All =>
    [
        _domain, _suffix, _token, _endpoints, _dialTimeout, _requestTimeout, _keepAlive, _keepAliveTimeout, _insecureTransport, _skipsVerify, _certificate,
        _key, _authorities, _user, _password,
    ];

    /// <summary>Adds what they say to the options of a member.</summary>
    /// <exception cref="FlagException">They contradict each other, or what else is said of founding members.</exception>
    public RaftKvOptions AddTo(RaftKvOptions options, ParseResult parsed)
    {
        var (domain, token, endpoints) = (Value(parsed, _domain), Value(parsed, _token), Value(parsed, _endpoints));
        if ((token.Length > 0) != (endpoints.Length > 0))
        {
            throw new FlagException("--discovery-token and --discovery-endpoints go together: one of them is missing.");
        }

        var ways = new[] { (options.InitialCluster.Count > 0, "--initial-cluster"), (domain.Length > 0, "--discovery-srv"), (token.Length > 0, "--discovery-endpoints") };
        if (ways.Count(way => way.Item1) > 1)
        {
            throw new FlagException($"{string.Join(" and ", ways.Where(way => way.Item1).Select(way => way.Item2))} both say who founds the cluster: leave one of them.");
        }

        if (domain.Length > 0)
        {
            var srv = new SrvDiscovery(SrvLookup.OfSystem(), domain, Value(parsed, _suffix), options.Name, options.ClusterToken);
            return options with { Discovers = srv.FindAsync };
        }

        if (token.Length > 0)
        {
            var store = new StoreDiscovery(Store(parsed, endpoints), token, options.Name, options.Time);
            return options with { Discovers = store.FindAsync };
        }

        return options;
    }

    private RaftKvClientOptions Store(ParseResult parsed, string endpoints)
    {
        var user = Value(parsed, _user).Split(':', 2);
        var password = Value(parsed, _password);
        var isTls = Value(parsed, _authorities).Length > 0 || Value(parsed, _certificate).Length > 0 || !parsed.GetRequiredValue(_insecureTransport);
        try
        {
            return new RaftKvClientOptions
            {
                Endpoints = [.. endpoints.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(text => Endpoint.Parse(text.Trim(), isTls).Address)],
                ConnectTimeout = parsed.GetRequiredValue(_dialTimeout),
                Timeout = parsed.GetRequiredValue(_requestTimeout),
                UserName = user[0].Length > 0 ? user[0] : null,
                Password = user[0].Length == 0 ? null : password.Length > 0 ? password : user is [_, var written] ? written : "",
                Tls = new RpcClientTls
                {
                    Files = RpcClientTlsFiles.Open(
                        Value(parsed, _authorities), Value(parsed, _certificate), Value(parsed, _key), names: ("--discovery-cacert", "--discovery-cert", "--discovery-key")),
                    Customize = parsed.GetValue(_skipsVerify) ? BelieveAny : null,
                },
            };
        }
        catch (FormatException wrong)
        {
            throw new FlagException($"--discovery-endpoints: {wrong.Message}.");
        }
        catch (CertificateFileException wrong)
        {
            throw new FlagException(wrong.Message);
        }
    }

    // What the flag asks for, and says that it is for tests only.
#pragma warning disable CA5359
    private static void BelieveAny(SslClientAuthenticationOptions options) => options.RemoteCertificateValidationCallback = (_, _, _, _) => true;
#pragma warning restore CA5359

    private static string Value(ParseResult parsed, Option<string> flag) => parsed.GetValue(flag) ?? "";

    private static Option<string> Text(string name, string value, string description) => new(name) { Description = description, HelpName = value };

    private static Option<TimeSpan> Duration(string name, string usual, string description) => new(name)
    {
        Description = description,
        HelpName = usual,
        CustomParser = DurationFlag.Parse,
        DefaultValueFactory = _ => GoDuration.Parse(usual),
    };
}
