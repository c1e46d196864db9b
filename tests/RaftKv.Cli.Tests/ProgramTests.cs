using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using RaftKv.Cli.Serve;
using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Storage.Files;
using RaftKv.Storage.Wal;

namespace RaftKv.Cli.Tests;

/// <summary>The program as its users meet it: a process with arguments, output and an exit code.</summary>
public sealed class ProgramTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("raftkv-cli-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_member_says_who_it_is_answers_where_it_says_and_stops_when_told()
    {
        var log = Path.Join(_folder, "alice.log");
        using var member = Start(
        [
            .. Alone("alice"), "--data-dir", Path.Join(_folder, "alice"), "--listen-metrics-urls", "http://127.0.0.1:0",
            "--auto-compaction-mode", "revision", "--auto-compaction-retention", "1000", "--corrupt-check-time", "0s",
            "--log-outputs", log, "--log-format", "json",
        ]);
        try
        {
            var lines = new List<string>();
            while (!lines.Any(line => line.Contains("ready", StringComparison.Ordinal)))
            {
                lines.Add(await member.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken)
                    ?? throw new InvalidOperationException(await member.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken)));
            }

            Assert.Contains("member 'alice'", lines[0], StringComparison.Ordinal);
            Assert.Contains(lines, line => line.Contains(Path.Join(_folder, "alice"), StringComparison.Ordinal));
            Assert.Contains("ready, leader in term", lines[^1], StringComparison.Ordinal);
            var clients = lines.Single(line => line.Contains("clients", StringComparison.Ordinal));
            var address = clients[clients.IndexOf("http://", StringComparison.Ordinal)..];

            using var http = new HttpClient();
            var version = await http.GetStringAsync(new Uri($"{address}/version"), TestContext.Current.CancellationToken);
            Assert.Contains("\"etcdserver\":\"3.6.", version, StringComparison.Ordinal);

            var metrics = lines.Single(line => line.Contains("metrics", StringComparison.Ordinal));
            var page = await http.GetStringAsync(
                new Uri($"{metrics[metrics.IndexOf("http://", StringComparison.Ordinal)..]}/metrics"), TestContext.Current.CancellationToken);
            Assert.Contains("\netcd_server_is_leader 1\n", page, StringComparison.Ordinal);

            using var interrupt = Process.Start("kill", ["-INT", member.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
            await member.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.Equal(0, member.ExitCode);
            Assert.All(
                await File.ReadAllLinesAsync(log, TestContext.Current.CancellationToken),
                line => Assert.StartsWith("{\"level\":", line, StringComparison.Ordinal));
            Assert.Empty(await member.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
            Assert.Contains("stopping", await member.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        }
        finally
        {
            if (!member.HasExited)
            {
                member.Kill();
                await member.WaitForExitAsync(CancellationToken.None);
            }
        }
    }

    [Fact]
    public async Task A_member_and_its_clients_talk_with_TLS_when_flags_say_so()
    {
        using var files = new CertificateFolder();
        var (certificate, key) = files.Server();
        var (alice, aliceKey) = files.Client("alice");
        using var member = Start(
            "--data-dir", Path.Join(_folder, "tls"),
            "--listen-client-urls", "https://127.0.0.1:0",
            "--listen-peer-urls", "https://127.0.0.1:0",
            "--cert-file", certificate,
            "--key-file", key,
            "--trusted-ca-file", files.AuthorityFile,
            "--client-cert-auth",
            "--peer-auto-tls",
            "--tls-min-version=TLS1.3");
        try
        {
            var clients = "";
            while (await member.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
            {
                clients = line.Contains("clients", StringComparison.Ordinal) ? line[line.IndexOf("https://", StringComparison.Ordinal)..] : clients;
                if (line.Contains("ready", StringComparison.Ordinal))
                {
                    break;
                }
            }

            string[] tls = ["--cacert", files.AuthorityFile, "--cert", alice, "--key", aliceKey];
            Assert.Equal((0, "OK\n", ""), await RunAsync([$"--endpoints={clients}", .. tls, "put", "a", "1"]));
            Assert.Equal((0, "a\n1\n", ""), await RunAsync([$"--endpoints={clients}", .. tls, "get", "a"]));
        }
        finally
        {
            member.Kill();
            await member.WaitForExitAsync(CancellationToken.None);
        }
    }

    [Theory]
    [InlineData("--listen-client-urls")]
    [InlineData("--listen-peer-urls")]
    public async Task A_port_that_is_taken_is_one_line_that_says_what_to_do(string flag)
    {
        using var holder = new TcpListener(IPAddress.Loopback, 0);
        holder.Start();
        var port = ((IPEndPoint)holder.LocalEndpoint).Port;
        var other = flag == "--listen-client-urls" ? "--listen-peer-urls" : "--listen-client-urls";

        var (code, _, error) = await RunAsync(flag, $"http://127.0.0.1:{port}", other, "http://127.0.0.1:0", "--data-dir", _folder);

        Assert.Equal(1, code);
        Assert.Contains($"127.0.0.1:{port}", error, StringComparison.Ordinal);
        Assert.Contains(flag, error, StringComparison.Ordinal);
        Assert.Single(error.Trim().Split('\n'));
    }

    [Theory]
    [InlineData("does not name this member, 'default'", "--peers", "a=http://127.0.0.1:1,b=http://127.0.0.1:2")]
    [InlineData("names no member and its URL", "--peers", "http://127.0.0.1:1")]
    [InlineData("must be new or existing", "--initial-cluster-state", "old")]
    [InlineData("at least five heartbeat intervals", "--election-timeout", "200")]
    [InlineData("--discovery is not there: it is for etcd's public discovery service", "--discovery", "https://discovery.example/abc")]
    [InlineData("--discovery-token and --discovery-endpoints go together", "--discovery-token", "abc")]
    [InlineData("--initial-cluster and --discovery-srv both say who founds the cluster", "--discovery-srv", "example.com", "--initial-cluster", "default=http://localhost:2380")]
    [InlineData("'not an endpoint' is no endpoint", "--discovery-token", "abc", "--discovery-endpoints", "not an endpoint")]
    [InlineData("--log-outputs names none", "--enable-log-rotation")]
    [InlineData("no number in it may be negative", "--enable-log-rotation", "--log-outputs", "/dev/null", "--log-rotation-config-json", "{\"maxage\": -1}")]
    [InlineData("write it as collector.example:4317", "--enable-distributed-tracing", "--distributed-tracing-address", "http://x/y")]
    [InlineData("it must be from 0 to 1000000", "--enable-distributed-tracing", "--distributed-tracing-sampling-rate", "1000001")]
    [InlineData("--max-request-bytes is 40000000; it must be at most", "--max-request-bytes", "40000000")]
    [InlineData("--unsafe-no-fsync is not there", "--unsafe-no-fsync")]
    [InlineData("--cert-file and --key-file go together", "--cert-file", "server.crt")]
    [InlineData("--peer-cert-file: nowhere.crt does not exist.", "--peer-cert-file", "nowhere.crt", "--peer-key-file", "nowhere.key")]
    [InlineData("asks for TLS, but there is no certificate: give --cert-file and --key-file, or --auto-tls.", "--listen-client-urls", "https://127.0.0.1:0")]
    [InlineData("no version is left", "--tls-min-version", "TLS1.3", "--tls-max-version", "TLS1.2")]
    [InlineData("--tls-min-version is 'TLS1.1'; it must be TLS1.2 or TLS1.3.", "--tls-min-version", "TLS1.1")]
    [InlineData("'TLS_NULL_WITH_HOPE', which is no cipher suite", "--cipher-suites", "TLS_NULL_WITH_HOPE")]
    [InlineData("exclude each other", "--peer-trusted-ca-file", "ca.crt", "--peer-cert-allowed-cn", "a", "--peer-cert-allowed-hostname", "b")]
    [InlineData("--auth-token is 'paper'", "--auth-token", "paper")]
    [InlineData("has 'colour=red' in it", "--auth-token", "jwt,sign-method=RS256,colour=red")]
    [InlineData("names no key for jwt", "--auth-token", "jwt,sign-method=RS256")]
    [InlineData("--bcrypt-cost is 40", "--bcrypt-cost", "40")]
    [InlineData("which one clients shall use", "--listen-client-urls", "http://0.0.0.0:0")]
    [InlineData("is no duration", "--grpc-keepalive-interval", "soon")]
    [InlineData("must be debug, info, warn or error", "--log-level", "loud")]
    [InlineData("--max-txn-ops is 0", "--max-txn-ops", "0")]
    [InlineData("must be json or console", "--log-format", "xml")]
    [InlineData("must be basic or extensive", "--metrics", "all")]
    [InlineData("must be periodic or revision", "--auto-compaction-mode", "hourly")]
    [InlineData("must be a number of revisions", "--auto-compaction-mode", "revision", "--auto-compaction-retention", "1h")]
    [InlineData("--log-outputs", "--log-outputs", "/nowhere/at/all.log")]
    [InlineData("names no port", "--advertise-client-urls", "https://db.example")]
    public async Task A_flag_that_cannot_be_followed_is_one_line_that_says_why(string says, params string[] flags)
    {
        var (code, _, error) = await RunAsync([.. flags, "--data-dir", Path.Join(_folder, "data")]);

        Assert.Equal(1, code);
        Assert.Contains(says, error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Join(_folder, "data")));
    }

    [Fact]
    public async Task A_folder_of_something_else_is_not_touched()
    {
        await File.WriteAllTextAsync(Path.Join(_folder, "thesis.txt"), "mine", TestContext.Current.CancellationToken);

        var (code, _, error) = await RunAsync([.. Alone("x"), "--data-dir", _folder]);

        Assert.Equal(1, code);
        Assert.Contains(_folder, error, StringComparison.Ordinal);
        Assert.Equal(["thesis.txt"], Directory.GetFileSystemEntries(_folder).Select(Path.GetFileName));
    }

    [Fact]
    public async Task A_flag_may_be_in_the_environment_but_not_in_both_places()
    {
        var (_, _, alone) = await RunWithAsync(("ETCD_HEARTBEAT_INTERVAL", "0"), "--data-dir", _folder);
        var (_, _, both) = await RunWithAsync(("ETCD_HEARTBEAT_INTERVAL", "0"), "--data-dir", _folder, "--heartbeat-interval", "100");

        Assert.Contains("heartbeat interval is 0", alone, StringComparison.Ordinal);
        Assert.Contains("ETCD_HEARTBEAT_INTERVAL", both, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--listen-client-url", "http://127.0.0.1:0")]
    [InlineData("--listen-client-urls", "http://example.com:2379")]
    [InlineData("sevre")]
    [InlineData("--data-dri=x")]
    [InlineData("wla", "dump")]
    [InlineData("dev", "--membres", "3")]
    public async Task A_mistake_on_the_command_line_is_named(params string[] arguments)
    {
        var (code, _, error) = await RunAsync(arguments);

        Assert.NotEqual(0, code);
        Assert.Contains(arguments[^1].Contains("example", StringComparison.Ordinal) ? "example.com" : arguments.First(word => word != "dev").Split('=')[0], error, StringComparison.Ordinal);
        Assert.Equal(2, error.TrimEnd().Split('\n').Length);
    }

    [Fact]
    public async Task Help_tells_commands_and_every_flag_once_in_lines_that_fit_a_terminal()
    {
        var (code, output, error) = await RunAsync("--help");

        Assert.Equal((0, ""), (code, error));
        var lines = output.Split('\n');
        Assert.All(lines, line => Assert.InRange(line.Length, 0, 120));
        Assert.Contains("\nTLS between members\n", output, StringComparison.Ordinal);
        Assert.DoesNotContain("\nOther\n", output, StringComparison.Ordinal);
        Assert.Contains(lines, line => line.StartsWith("  get ", StringComparison.Ordinal));
        var raftkv = new System.CommandLine.RootCommand();
        ServeCommand.AddTo(raftkv);
        Assert.All(
            raftkv.Options.Where(flag => !flag.Hidden && flag is not (System.CommandLine.Help.HelpOption or System.CommandLine.VersionOption)),
            flag => Assert.Single(lines, line => line.TrimEnd().StartsWith($"  {flag.Name} ", StringComparison.Ordinal) || line.TrimEnd() == $"  {flag.Name}" || line.StartsWith($"  {flag.Name},", StringComparison.Ordinal)));

        var (_, dev, _) = await RunAsync("dev", "--help");
        Assert.Contains("--members", dev, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_version_is_told()
    {
        var (code, output, _) = await RunAsync("version");

        Assert.Equal(0, code);
        Assert.StartsWith("raftkv version: ", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_log_is_dumped_and_verified_and_damage_is_named()
    {
        var log = Path.Combine(_folder, "wal");
        Directory.CreateDirectory(log);
        WriteLog(log);

        var (dumped, records, _) = await RunAsync("wal", "dump", log);
        var (verified, summary, _) = await RunAsync("wal", "verify", log);

        Assert.Equal((0, 0), (dumped, verified));
        Assert.Contains("entry 1/2 Command, 5 bytes", records, StringComparison.Ordinal);
        Assert.Contains("up to 1/2", summary, StringComparison.Ordinal);

        // Damage in an append that a later one proves was durable.
        var segment = Directory.GetFiles(log).Order().First();
        var bytes = await File.ReadAllBytesAsync(segment, TestContext.Current.CancellationToken);
        var at = bytes.AsSpan().IndexOf("first"u8);
        bytes[at] ^= 1;
        await File.WriteAllBytesAsync(segment, bytes, TestContext.Current.CancellationToken);

        var (code, _, error) = await RunAsync("wal", "verify", log);

        Assert.Equal(1, code);
        Assert.Contains(Path.GetFileName(segment), error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_that_is_not_there_is_named()
    {
        var (code, _, error) = await RunAsync("wal", "verify", Path.Combine(_folder, "nowhere"));

        Assert.Equal(1, code);
        Assert.Contains("nowhere", error, StringComparison.Ordinal);
    }

    private static string[] Alone(string name)
        => ["--name", name, "--listen-client-urls", "http://127.0.0.1:0", "--listen-peer-urls", "http://127.0.0.1:0"];

    private static void WriteLog(string directory)
    {
        using var log = WriteAheadLog.Create(new PhysicalFileSystem(), directory, identity: 42);
        log.Append(new WalBatch
        {
            HardState = new HardState(1, new NodeId(7), 0),
            Entries = [new Entry(1, 1, EntryKind.Command, "first"u8.ToArray())],
        });
        log.Append(new WalBatch { Entries = [new Entry(1, 2, EntryKind.Command, "later"u8.ToArray())] });
    }

    private static Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments)
        => RunWithAsync(variable: null, arguments);

    private static async Task<(int Code, string Output, string Error)> RunWithAsync(
        (string Name, string Value)? variable, params string[] arguments)
    {
        using var program = Start(variable, arguments);
        var output = program.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var error = program.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await program.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (program.ExitCode, await output, await error);
    }

    private static Process Start(params string[] arguments) => Start(variable: null, arguments);

    private static Process Start((string Name, string Value)? variable, string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [typeof(ServeCommand).Assembly.Location, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
        };
        if (variable is { } set)
        {
            start.Environment[set.Name] = set.Value;
        }

        return Process.Start(start)!;
    }
}
