using RaftKv.Cli.Commands.Flags;
using RaftKv.Cli.Commands.Text;
using RaftKv.Cli.Discovery;

namespace RaftKv.Cli.Commands;

/// <summary>The flags that every client command takes, and the environment they may come from.</summary>
internal sealed class CommonFlags
{
    private const string EtcdPrefix = "ETCDCTL_";
    private const string OwnPrefix = "RAFTKV_";

    // Read by the watch command, or of no meaning here, but no mistake.
    private static readonly string[] OtherVariables = ["ETCDCTL_API", "ETCDCTL_WATCH_KEY", "ETCDCTL_WATCH_RANGE_END"];

    private readonly List<Flag> _all;

    public CommonFlags(FlagSet flags)
    {
        var before = flags.All.Count;
        Endpoints = flags.List("endpoints", "HOST:PORT,...", "The members to ask; the next one if one cannot be reached", "127.0.0.1:2379");
        DiscoverySrv = flags.Text("discovery-srv", "DOMAIN", "Ask the members that DNS knows as _etcd-client._tcp and _etcd-client-ssl._tcp of this domain, and not --endpoints", letter: 'd');
        DiscoverySrvName = flags.Text("discovery-srv-name", "NAME", "They stand there with this behind: _etcd-client-NAME._tcp");
        InsecureDiscovery = flags.Switch("insecure-discovery", "Also ask those that DNS knows without TLS", true);
        WriteOut = flags.Text("write-out", "FORMAT", "How answers are written: simple, fields, json, protobuf or table", "simple", 'w');
        Hex = flags.Switch("hex", "Write keys and values in hexadecimal");
        DialTimeout = flags.Duration("dial-timeout", "How long to try for a connection", TimeSpan.FromSeconds(2));
        CommandTimeout = flags.Duration("command-timeout", "How long to wait for an answer", TimeSpan.FromSeconds(5));
        KeepAliveTime = flags.Duration("keepalive-time", "A silent connection is tested after this long, 10s at least", TimeSpan.FromSeconds(2));
        KeepAliveTimeout = flags.Duration("keepalive-timeout", "An untestable connection is given up after this long", TimeSpan.FromSeconds(6));
        InsecureTransport = flags.Switch("insecure-transport", "Connect without TLS where no certificates are given", true);
        InsecureSkipTlsVerify = flags.Switch("insecure-skip-tls-verify", "Believe any server certificate (for tests only)");
        Certificate = flags.Text("cert", "FILE", "This client's TLS certificate, PEM");
        Key = flags.Text("key", "FILE", "The private key of --cert, PEM");
        Authorities = flags.Text("cacert", "FILE", "The authorities that sign the servers' certificates, PEM");
        User = flags.Text("user", "NAME[:PASSWORD]", "Who asks, where authentication is on");
        Password = flags.Text("password", "PASSWORD", "The password of --user");
        Debug = flags.Switch("debug", "Taken for etcdctl's sake; changes nothing");
        _all = [.. flags.All.Skip(before)];
    }

    public ListFlag Endpoints { get; }

    public Flag<string> DiscoverySrv { get; }

    public Flag<string> DiscoverySrvName { get; }

    public Flag<bool> InsecureDiscovery { get; }

    public Flag<string> WriteOut { get; }

    public Flag<bool> Hex { get; }

    public Flag<TimeSpan> DialTimeout { get; }

    public Flag<TimeSpan> CommandTimeout { get; }

    public Flag<TimeSpan> KeepAliveTime { get; }

    public Flag<TimeSpan> KeepAliveTimeout { get; }

    public Flag<bool> InsecureTransport { get; }

    public Flag<bool> InsecureSkipTlsVerify { get; }

    public Flag<string> Certificate { get; }

    public Flag<string> Key { get; }

    public Flag<string> Authorities { get; }

    public Flag<string> User { get; }

    public Flag<string> Password { get; }

    public Flag<bool> Debug { get; }

    public IReadOnlyList<Flag> All => _all;

    /// <summary>Takes from the environment what the command line did not give. Giving both is refused, as etcdctl does.</summary>
    /// <exception cref="CommandFailure">A variable has no value that its flag takes, or its flag is given, too.</exception>
    public void TakeEnvironment(IReadOnlyDictionary<string, string> environment, TextWriter warnings)
    {
        var known = new HashSet<string>(OtherVariables);
        foreach (var flag in _all)
        {
            var name = flag.Name.ToUpperInvariant().Replace('-', '_');
            known.Add(EtcdPrefix + name);
            foreach (var variable in (string[])[OwnPrefix + name, EtcdPrefix + name])
            {
                if (environment.TryGetValue(variable, out var text) && text.Length > 0)
                {
                    Take(flag, variable, text);
                    break;
                }
            }
        }

        foreach (var name in environment.Keys.Where(name => name.StartsWith(EtcdPrefix, StringComparison.Ordinal) && !known.Contains(name)).Order())
        {
            warnings.WriteLine($"Warning: the environment variable {name} is no setting of this program.");
        }
    }

    /// <summary>Asks DNS whom to ask, if that was wanted.</summary>
    /// <exception cref="CommandFailure">It does not tell.</exception>
    public async Task FindEndpointsAsync(Func<SrvLookup> dns, CancellationToken stop)
    {
        if (DiscoverySrv.Value.Length == 0)
        {
            return;
        }

        try
        {
            var found = await ServiceNames.FindAsync(dns(), "etcd-client", DiscoverySrv.Value, DiscoverySrvName.Value, stop);
            var good = found.Where(url => InsecureDiscovery.Value || url.Scheme == Uri.UriSchemeHttps).ToList();
            Endpoints.Replace(good.Count > 0
                ? good.Select(url => url.GetLeftPart(UriPartial.Authority))
                : throw new DnsFailure($"DNS knows members without TLS only ({string.Join(", ", found)}), and --insecure-discovery is false."));
        }
        catch (DnsFailure failure)
        {
            throw new CommandFailure(ExitCode.Error, $"--discovery-srv {DiscoverySrv.Value}: {failure.Message}", failure);
        }
    }

    private static void Take(Flag flag, string variable, string text)
    {
        if (flag.IsSet)
        {
            throw new CommandFailure(
                ExitCode.Error, $"conflicting environment variable \"{variable}\" is shadowed by --{flag.Name}: unset it, or leave the flag out");
        }

        try
        {
            flag.Set(text);
        }
        catch (FormatException wrong)
        {
            throw new CommandFailure(
                ExitCode.Error, $"the environment variable {variable} holds {GoQuoted.Of(text)}, which --{flag.Name} does not take: {wrong.Message}", wrong);
        }
    }
}
