using System.Net.Sockets;
using System.Text;
using RaftKv.Cli.Tests.Commands;

namespace RaftKv.Cli.Tests.Serve;

/// <summary>What operators set a member up with, tried on the program.</summary>
public sealed class OperationTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("raftkv-ops-").FullName;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task The_log_may_lie_on_a_disk_of_its_own()
    {
        var (data, wal) = (Path.Join(_folder, "data"), Path.Join(_folder, "wal"));
        await using (var member = await MemberProcess.StartAloneAsync(data, "--wal-dir", wal))
        {
            Assert.Equal(0, (await CommandRun.OfAsync("--endpoints", member.Clients, "put", "k", "v")).Code);
            Assert.NotEmpty(Directory.GetFiles(wal));
            Assert.False(Directory.Exists(Path.Join(data, "wal")));
            Assert.Equal(0, await member.StopAsync());
        }

        await using (var again = await MemberProcess.StartAloneAsync(data, "--wal-dir", wal))
        {
            Assert.Equal("k\nv\n", (await CommandRun.OfAsync("--endpoints", again.Clients, "get", "k")).Output);
            Assert.Equal(0, await again.StopAsync());
        }

        // Without it, the member has lost its log, and must not begin anew.
        await using var without = MemberProcess.Start(null, "--data-dir", data, "--listen-client-urls", "http://127.0.0.1:0", "--listen-peer-urls", "http://127.0.0.1:0");
        Assert.Equal(1, await without.EndsAsync());
    }

    [Fact]
    public async Task A_folder_of_something_else_does_not_become_a_log()
    {
        var wal = Directory.CreateDirectory(Path.Join(_folder, "photos")).FullName;
        await File.WriteAllTextAsync(Path.Join(wal, "cat.jpg"), "meow", Stop);
        await using var member = MemberProcess.Start(
            null, "--data-dir", Path.Join(_folder, "data"), "--wal-dir", wal, "--listen-client-urls", "http://127.0.0.1:0", "--listen-peer-urls", "http://127.0.0.1:0");
        Assert.Equal(1, await member.EndsAsync());
        Assert.Contains("it holds cat.jpg (--wal-dir)", member.Errors, StringComparison.Ordinal);
        Assert.Equal(["cat.jpg"], Directory.GetFileSystemEntries(wal).Select(Path.GetFileName));
    }

    [Fact]
    public async Task Plain_http_may_have_addresses_of_its_own()
    {
        await using var member = await MemberProcess.StartAloneAsync(Path.Join(_folder, "data"), "--listen-client-http-urls", "http://127.0.0.1:0");
        var http = member.Told("http");
        Assert.NotEqual(member.Clients, http);
        Assert.Equal(0, (await CommandRun.OfAsync("--endpoints", member.Clients, "put", "k", "v")).Code);

        using var client = new HttpClient();
        Assert.Equal("""{"health":"true","reason":""}""", await client.GetStringAsync(new Uri($"{http}/health"), Stop));
        Assert.Contains("etcd_server_has_leader 1", await client.GetStringAsync(new Uri($"{http}/metrics"), Stop), StringComparison.Ordinal);
        using var range = await client.PostAsync(new Uri($"{http}/v3/kv/range"), new StringContent("""{"key":"aw=="}"""), Stop);
        Assert.Contains("\"value\":\"dg==\"", await range.Content.ReadAsStringAsync(Stop), StringComparison.Ordinal);

        // And where clients come in there is gRPC alone; nor is there any where plain HTTP is.
        using var health = await client.GetAsync(new Uri($"{member.Clients}/health"), Stop);
        Assert.Equal(System.Net.HttpStatusCode.NotFound, health.StatusCode);
        Assert.NotEqual(0, (await CommandRun.OfAsync("--endpoints", http, "--dial-timeout=100ms", "get", "k")).Code);
        Assert.Equal(0, await member.StopAsync());
    }

    [Fact]
    public async Task Systemd_is_told_when_the_member_is_ready_and_when_it_stops()
    {
        var path = Path.Join(_folder, "notify");
        using var systemd = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        systemd.Bind(new UnixDomainSocketEndPoint(path));
        await using var member = MemberProcess.Start(
            new Dictionary<string, string> { ["NOTIFY_SOCKET"] = path },
            "--data-dir", Path.Join(_folder, "data"), "--listen-client-urls", "http://127.0.0.1:0", "--listen-peer-urls", "http://127.0.0.1:0");
        await member.ReadyAsync();
        Assert.Equal("READY=1", await ReceiveAsync());
        Assert.Equal(0, await member.StopAsync());
        Assert.Equal("STOPPING=1", await ReceiveAsync());

        async Task<string> ReceiveAsync()
        {
            var room = new byte[100];
            return Encoding.UTF8.GetString(room, 0, await systemd.ReceiveAsync(room, Stop));
        }
    }

    [Fact]
    public async Task Founding_members_meet_in_another_cluster()
    {
        await using var meeting = await MemberProcess.StartAloneAsync(Path.Join(_folder, "meeting"));
        await CommandRun.OfAsync("--endpoints", meeting.Clients, "put", "/_etcd/registry/tok/_config/size", "2");

        string[] Flags(string name, int port) =>
        [
            "--name", name, "--data-dir", Path.Join(_folder, name), "--listen-client-urls", "http://127.0.0.1:0",
            "--listen-peer-urls", $"http://127.0.0.1:{port}", "--initial-advertise-peer-urls", $"http://127.0.0.1:{port}",
            "--discovery-token", "tok", "--discovery-endpoints", meeting.Clients,
        ];
        var ports = FreePorts.Find(3);
        await using var a = MemberProcess.Start(null, Flags("a", ports[0]));
        await using var b = MemberProcess.Start(null, Flags("b", ports[1]));
        await Task.WhenAll(a.ReadyAsync(), b.ReadyAsync());

        var members = (await CommandRun.OfAsync("--endpoints", a.Clients, "member", "list")).Output;
        Assert.Contains($", started, a, http://127.0.0.1:{ports[0]}, ", members, StringComparison.Ordinal);
        Assert.Contains($", started, b, http://127.0.0.1:{ports[1]}, ", members, StringComparison.Ordinal);

        // A third one comes too late.
        await using var c = MemberProcess.Start(null, Flags("c", ports[2]));
        Assert.Equal(1, await c.EndsAsync());
        Assert.Contains("all 2 places are taken", c.Errors, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Join(_folder, "c", "MEMBER")));
    }
}
