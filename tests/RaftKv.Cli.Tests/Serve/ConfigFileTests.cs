using System.Collections;
using System.CommandLine;
using RaftKv.Cli.Serve;
using RaftKv.Server;

namespace RaftKv.Cli.Tests.Serve;

/// <summary>Members' settings in a file.</summary>
public sealed class ConfigFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("raftkv-cli-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Everything_may_be_said_in_yaml()
    {
        var (options, warnings) = Read("""
            # A member of three.
            name: 'b'
            data-dir: /var/lib/b
            listen-client-urls: http://127.0.0.1:3379
            listen-peer-urls: "http://127.0.0.1:3380"
            initial-cluster: a=http://127.0.0.1:2380,b=http://127.0.0.1:3380
            initial-cluster-token: tok
            initial-cluster-state: 'existing'
            heartbeat-interval: 50
            election-timeout: 700
            watch-progress-notify-interval: 5000000000
            enable-grpc-gateway: false
            quota-backend-bytes: 0
            advertise-client-urls:
            """);

        Assert.Empty(warnings);
        Assert.Equal(("b", "/var/lib/b", "tok", true, false), (options.Name, options.DataDirectory, options.ClusterToken, options.JoinsExistingCluster, options.HasGateway));
        Assert.Equal([("a", new Uri("http://127.0.0.1:2380")), ("b", new Uri("http://127.0.0.1:3380"))], options.InitialCluster);
        Assert.Equal(TimeSpan.FromSeconds(5), options.WatchProgressInterval);
        Assert.Equal(TimeSpan.FromMilliseconds(700), options.ElectionTimeout);
    }

    [Fact]
    public void Json_is_as_good()
    {
        var (options, _) = Read("""{"name": "a", "max-txn-ops": 7, "cors": ["http://x", "http://y"]}""");

        Assert.Equal(("a", 7), (options.Name, options.MaxTxnOps));
        Assert.Equal(["http://x", "http://y"], options.AllowedOrigins);
    }

    [Fact]
    public void Sections_and_settings_of_etcds_own_files_are_known()
    {
        var (options, warnings) = Read("""
            name: 'default'
            wal-dir:
            snapshot-count: 10000
            max-snapshots: 5
            discovery:
            discovery-fallback: 'proxy'
            strict-reconfig-check: false
            enable-pprof: true
            client-transport-security:
              cert-file:
              client-cert-auth: false
              auto-tls: false
            peer-transport-security:
              key-file:
              auto-tls: false
            log-level: debug
            log-outputs: [stderr]
            force-new-cluster: false
            auto-compaction-mode: periodic
            """);

        Assert.Equal("default", options.Name);
        Assert.DoesNotContain(warnings, warning => warning.Contains("is no setting", StringComparison.Ordinal));
    }

    [Fact]
    public void A_setting_that_is_not_known_is_left_out_and_named_with_its_place()
    {
        var (options, warnings) = Read("name: a\nelection-timeot: 500\n");

        Assert.Equal("a", options.Name);
        Assert.Equal([$"{Path.Join(_folder, "raftkv.yml")}:2:1: 'election-timeot' is no setting (did you mean 'election-timeout'?); it is left out."], warnings);
    }

    [Theory]
    [InlineData("name: a\n  data-dir: b\n", ":2:")]
    [InlineData("name: a\nlisten-client-urls: [http://127.0.0.1:1,\n", ":3:")]
    [InlineData("name: \"a\n", ":1:")]
    [InlineData("- a\n- b\n", ":1:1: there must be settings")]
    [InlineData("just words\n", ":1:1: there must be settings")]
    [InlineData("name: a\nname: b\n", ":2:1: name is set twice")]
    [InlineData("name: a\npeers: a=http://127.0.0.1:1\ninitial-cluster: a=http://127.0.0.1:2\n", ":3:1: peers is set twice, first as 'peers' at 2:1")]
    [InlineData("name: [[a]]\n", ":1:8: the value of 'name' must be plain text")]
    [InlineData("name: &x a\ndata-dir: *x\n", ":2:11: the value of 'data-dir' must be plain text")]
    [InlineData("name: a\n---\nname: b\n", ":2:1: a second document begins here")]
    [InlineData("a: {a: {a: {a: {a: {a: {a: {a: {a: {a: b}}}}}}}}}\n", "deep")]
    [InlineData("heartbeat-interval: often\n", ":1:1: heartbeat-interval: ")]
    [InlineData("listen-client-urls: 127.0.0.1\n", ":1:1: listen-client-urls: '127.0.0.1' is no address")]
    public void What_is_wrong_is_named_with_its_place(string text, string says)
    {
        var failure = Assert.Throws<FlagException>(() => Read(text));

        Assert.Contains($"{Path.Join(_folder, "raftkv.yml")}", failure.Message, StringComparison.Ordinal);
        Assert.Contains(says, failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', failure.Message);
    }

    [Fact]
    public void A_file_that_is_not_there_is_named()
    {
        var failure = Assert.Throws<FlagException>(() => Parse(["--config-file", Path.Join(_folder, "nothing.yml")], []));

        Assert.Contains("nothing.yml", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_empty_file_says_nothing()
    {
        Assert.Equal("default", Read("").Options.Name);
        Assert.Equal("default", Read("# nothing\n").Options.Name);
    }

    [Fact]
    public void Flags_and_the_environment_are_ignored_beside_a_file()
    {
        var file = Path.Join(_folder, "raftkv.yml");
        File.WriteAllText(file, "name: a\n");

        var (flagged, warnings) = Parse(["--config-file", file, "--name", "b"], new Hashtable { ["ETCD_NAME"] = "c" });
        var (fromEnvironment, _) = Parse([], new Hashtable { ["ETCD_CONFIG_FILE"] = file });

        Assert.Equal(["--name is ignored: with --config-file, the file says everything."], warnings);
        Assert.Equal(("a", "a"), (flagged.Name, fromEnvironment.Name));
    }

    [Theory]
    [InlineData(0, "good, for member 'a'", "name: a\n")]
    [InlineData(0, "warning: ", "name: a\nsomething: else\n")]
    [InlineData(1, "must be new or existing", "name: a\ninitial-cluster-state: old\n")]
    [InlineData(1, ":2:", "name: a\n: : :\n")]
    public void A_file_is_checked_without_a_member(int code, string says, string text)
    {
        var file = Path.Join(_folder, "raftkv.yml");
        File.WriteAllText(file, text);
        var raftkv = new RootCommand();
        ServeCommand.AddTo(raftkv);
        using var output = new StringWriter();
        using var error = new StringWriter();

        var ended = raftkv.Parse(["config", "check", file]).Invoke(new InvocationConfiguration { Output = output, Error = error });

        Assert.Equal(code, ended);
        Assert.Contains(says, $"{output}{error}", StringComparison.Ordinal);
        Assert.Contains(file, $"{output}{error}", StringComparison.Ordinal);
    }

    private (RaftKvOptions Options, IReadOnlyList<string> Warnings) Read(string text)
    {
        var file = Path.Join(_folder, "raftkv.yml");
        File.WriteAllText(file, text);
        return Parse(["--config-file", file], []);
    }

    private static (RaftKvOptions Options, IReadOnlyList<string> Warnings) Parse(string[] arguments, Hashtable environment)
    {
        var raftkv = new RootCommand();
        var flags = new ServeFlags();
        foreach (var flag in flags.All.Concat(OtherFlags.All))
        {
            raftkv.Options.Add(flag);
        }

        var (parsed, warnings) = ServeArguments.Read(raftkv, flags, raftkv.Parse(arguments), environment);
        return (flags.Read(parsed), warnings);
    }
}
