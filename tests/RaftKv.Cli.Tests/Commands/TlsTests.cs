using System.Net;
using RaftKv.Cli.Tests.Commands.Etcd;
using RaftKv.Server;
using RaftKv.Server.Tls;

namespace RaftKv.Cli.Tests.Commands;

/// <summary>Commands at a member with TLS: ours, and etcdctl's with the same flags.</summary>
public sealed class TlsTests : IAsyncLifetime
{
    private readonly CertificateFolder _files = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("raftkv-cli-tls-").FullName;
    private RaftKvNode _node = null!;
    private string[] _flags = [];

    private string Endpoint => _node.ClientEndPoints[0].GetLeftPart(UriPartial.Authority);

    public async ValueTask InitializeAsync()
    {
        var (certificate, key) = _files.Server();
        var (alice, aliceKey) = _files.Client("alice");
        _node = await RaftKvNode.StartAsync(
            new RaftKvOptions
            {
                DataDirectory = Path.Join(_folder, "data"),
                ListenClient = [new ListenAddress(new IPEndPoint(IPAddress.Loopback, 0), IsTls: true)],
                ListenPeer = [],
                ClientTls = new PortTls { CertificateFile = certificate, KeyFile = key, AuthoritiesFile = _files.AuthorityFile, RequiresCertificate = true },
                PasswordCost = 4,
            },
            TestContext.Current.CancellationToken);
        _flags = ["--cacert", _files.AuthorityFile, "--cert", alice, "--key", aliceKey, "--command-timeout=1m"];
    }

    public async ValueTask DisposeAsync()
    {
        await _node.DisposeAsync();
        _files.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Etcdctl_and_ours_read_what_the_other_wrote()
    {
        var etcdctl = Etcdctl.FindOrSkip();
        string[] common = [$"--endpoints={Endpoint}", .. _flags];
        Assert.Equal("OK\n", (await Etcdctl.RunAsync(etcdctl, [.. common, "put", "theirs", "1"], [])).Output);
        Assert.Equal(new CommandRun(0, "OK\n", ""), await CommandRun.OfAsync([.. common, "put", "ours", "2"]));
        Assert.Equal(new CommandRun(0, "theirs\n1\n", ""), await CommandRun.OfAsync([.. common, "get", "theirs"]));
        Assert.Equal("ours\n2\n", (await Etcdctl.RunAsync(etcdctl, [.. common, "get", "ours"], [])).Output);

        var health = await Etcdctl.RunAsync(etcdctl, [.. common, "endpoint", "health"], []);
        Assert.Equal(0, health.Code);
        Assert.NotEqual(0, (await Etcdctl.RunAsync(etcdctl, [$"--endpoints={Endpoint}", "--cacert", _files.AuthorityFile, "--dial-timeout=1s", "--command-timeout=2s", "get", "a"], [])).Code);
    }

    [Fact]
    public async Task Etcdctl_signs_in_by_password_and_by_certificate()
    {
        var etcdctl = Etcdctl.FindOrSkip();
        string[] common = [$"--endpoints={Endpoint}", .. _flags];
        await TheirsAsync("user", "add", "root:secret");
        await TheirsAsync("user", "add", "alice", "--no-password");
        await TheirsAsync("role", "add", "r");
        await TheirsAsync("role", "grant-permission", "r", "readwrite", "a");
        await TheirsAsync("user", "grant-role", "alice", "r");
        Assert.Equal("Authentication Enabled\n", await TheirsAsync("auth", "enable"));

        Assert.Equal("OK\n", await TheirsAsync("put", "a", "1"));
        Assert.Equal("OK\n", await TheirsAsync("put", "b", "1", "--user", "root:secret"));
        Assert.Equal("b\n1\n", await TheirsAsync("get", "b", "--user", "root:secret"));
        Assert.Equal("a\n1\n", (await CommandRun.OfAsync([.. common, "get", "a"])).Output);
        Assert.Equal("Error: etcdserver: permission denied\n", (await CommandRun.OfAsync([.. common, "get", "b"])).Error);
        Assert.Equal("b\n1\n", (await CommandRun.OfAsync([.. common, "get", "b", "--user", "root:secret"])).Output);
        Assert.StartsWith("Authentication Status: true\nAuthRevision: ", (await CommandRun.OfAsync([.. common, "auth", "status", "--user", "root:secret"])).Output, StringComparison.Ordinal);

        async Task<string> TheirsAsync(params string[] arguments)
        {
            var run = await Etcdctl.RunAsync(etcdctl, [.. common, .. arguments], []);
            Assert.True(run.Code == 0, run.Error);
            return run.Output;
        }
    }

    [Fact]
    public async Task Files_may_be_named_by_the_environment()
    {
        var environment = new Dictionary<string, string>
        {
            ["ETCDCTL_CACERT"] = _files.AuthorityFile,
            ["ETCDCTL_CERT"] = _files.Path("alice.crt"),
            ["RAFTKV_KEY"] = _files.Path("alice.key"),
        };
        Assert.Equal(new CommandRun(0, "OK\n", ""), await CommandRun.OfAsync([$"--endpoints={Endpoint}", "put", "a", "1"], environment: environment));
    }

    [Fact]
    public async Task An_endpoint_without_a_scheme_is_one_with_TLS_where_certificates_are_given()
        => Assert.Equal(
            new CommandRun(0, "OK\n", ""), await CommandRun.OfAsync([$"--endpoints={_node.ClientEndPoints[0].Authority}", .. _flags, "put", "a", "1"]));

    [Fact]
    public async Task Loads_run_behind_TLS()
    {
        var run = await CommandRun.OfAsync([$"--endpoints={Endpoint}", .. _flags, "bench", "put", "--total=40", "--clients=4", "-w", "json"]);
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Contains("\"operations\":40", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_is_not_believed_is_named_with_the_reason()
    {
        using var other = CertificateFolder.NewAuthority("Somebody else");
        var elsewhere = _files.Write("other-ca.crt", other.ExportCertificatePem());
        var run = await CommandRun.OfAsync([$"--endpoints={Endpoint}", "--cacert", elsewhere, "--dial-timeout=1m", "get", "a"]);
        Assert.Equal(1, run.Code);
        Assert.Contains($"no member can be reached at {Endpoint} (--endpoints)", run.Error, StringComparison.Ordinal);
        Assert.Contains(
            "the server is not believed: its certificate 'CN=server'", run.Error, StringComparison.Ordinal);
        Assert.Contains("no authority that is trusted here has signed it (its issuer is 'CN=Test authority')", run.Error, StringComparison.Ordinal);

        Assert.Equal(0, (await CommandRun.OfAsync([$"--endpoints={Endpoint}", "--insecure-skip-tls-verify", .. _flags[2..], "get", "a"])).Code);
    }

    [Fact]
    public async Task A_client_that_is_not_believed_is_told_so()
    {
        using var other = CertificateFolder.NewAuthority("Somebody else");
        var (mallory, key) = _files.Client("mallory", other);
        foreach (var own in (string[][])[[], ["--cert", mallory, "--key", key]])
        {
            var run = await CommandRun.OfAsync([$"--endpoints={Endpoint}", "--cacert", _files.AuthorityFile, .. own, "--dial-timeout=1m", "get", "a"]);
            Assert.Equal(1, run.Code);
            Assert.Contains("certificate", run.Error, StringComparison.Ordinal);
            Assert.Contains(Endpoint, run.Error, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("--cacert: /nowhere/ca.crt does not exist.", "--cacert", "/nowhere/ca.crt")]
    [InlineData("--cert and --key go together: a certificate is of no use without its key.", "--cert", "x.crt")]
    [InlineData("--cert: x.crt does not exist.", "--cert", "x.crt", "--key", "x.key")]
    public async Task A_file_that_cannot_be_used_is_named_before_anybody_is_asked(string says, params string[] flags)
        => Assert.Equal(new CommandRun(128, "", $"Error: {says}\n"), await CommandRun.OfAsync([$"--endpoints={Endpoint}", .. flags, "get", "a"]));

    [Fact]
    public async Task A_key_of_another_certificate_or_an_expired_one_is_named()
    {
        var (alice, _) = _files.Client("alice2");
        var (_, bobKey) = _files.Client("bob");
        var (old, oldKey) = _files.Issue("old", days: -1);
        var mixed = await CommandRun.OfAsync([$"--endpoints={Endpoint}", "--cert", alice, "--key", bobKey, "get", "a"]);
        Assert.Equal(new CommandRun(128, "", $"Error: --key: the key in {bobKey} does not belong to the certificate in {alice}.\n"), mixed);
        var expired = await CommandRun.OfAsync([$"--endpoints={Endpoint}", "--cert", old, "--key", oldKey, "get", "a"]);
        Assert.Equal(128, expired.Code);
        Assert.StartsWith($"Error: --cert: the certificate in {old} expired on ", expired.Error, StringComparison.Ordinal);
    }
}
