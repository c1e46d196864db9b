using System.Net;
using RaftKv.Cli.Commands;
using RaftKv.Cli.Discovery;
using RaftKv.Server;
using RaftKv.Server.Bootstrap;

namespace RaftKv.Cli.Tests.Discovery;

/// <summary>Members and endpoints that DNS knows.</summary>
public sealed class SrvLookupTests : IAsyncLifetime
{
    private readonly FakeDns _dns = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private SrvLookup Lookup => new([_dns.EndPoint]);

    public ValueTask InitializeAsync() => default;

    public ValueTask DisposeAsync() => _dns.DisposeAsync();

    [Fact]
    public async Task Records_come_in_the_order_in_which_they_are_to_be_used()
    {
        _dns.Records["_etcd-client._tcp.example.com"] =
        [
            new("c.example.com", 2379, Priority: 20, Weight: 0), new("a.example.com", 2379, 10, 5), new("b.example.com", 23790, 10, 90),
        ];

        var found = await Lookup.FindAsync("_etcd-client._tcp.Example.com", Stop);

        Assert.Equal([("b.example.com", 23790), ("a.example.com", 2379), ("c.example.com", 2379)], found.Select(one => (one.Target, one.Port)));
    }

    [Fact]
    public async Task A_name_that_is_not_there_has_no_records()
        => Assert.Empty(await Lookup.FindAsync("_etcd-client._tcp.nowhere.example", Stop));

    [Fact]
    public async Task An_answer_that_does_not_fit_a_datagram_is_asked_for_by_a_connection()
    {
        _dns.Cuts = true;
        _dns.Records["many.example"] = [.. Enumerable.Range(0, 60).Select(i => new SrvRecord($"member-{i}.example", i, 0, 100 - i))];

        var found = await Lookup.FindAsync("many.example", Stop);

        Assert.Equal(60, found.Count);
        Assert.Equal("member-59.example", found[^1].Target);
        Assert.Equal(1, _dns.Connections);
    }

    [Fact]
    public async Task The_next_server_is_asked_when_one_cannot_tell()
    {
        await using var broken = new FakeDns { Spoils = answer => [.. answer[..3], (byte)((answer[3] & 0xf0) | 2), .. answer[4..]] };
        _dns.Records["a.example"] = [new("b.example", 1, 0, 0)];

        Assert.Single(await new SrvLookup([broken.EndPoint, _dns.EndPoint]).FindAsync("a.example", Stop));
        var failure = await Assert.ThrowsAsync<DnsFailure>(() => new SrvLookup([broken.EndPoint]).FindAsync("a.example", Stop));
        Assert.Contains("code 2", failure.Message, StringComparison.Ordinal);
        Assert.Contains(broken.EndPoint.ToString(), failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_answer_that_is_cut_anywhere_is_a_failure_and_nothing_worse()
    {
        _dns.Records["a.example"] = [new("b.example", 1, 0, 0), new("c.example", 1, 0, 0)];
        byte[]? whole = null;
        _dns.Spoils = answer => whole = answer;
        await Lookup.FindAsync("a.example", Stop);

        // Behind the question, and before all is there.
        for (var length = 27; length < whole!.Length; length++)
        {
            var cut = whole[..length];
            Assert.Throws<DnsFailure>(() => DnsMessage.Records(cut, 27));
        }

        var chance = new Random(1);
        for (var i = 0; i < 2000; i++)
        {
            var spoilt = (byte[])whole.Clone();
            spoilt[chance.Next(27, spoilt.Length)] = (byte)chance.Next(256);
            try
            {
                _ = DnsMessage.Records(spoilt, 27);
            }
            catch (DnsFailure)
            {
                // That is how it should be told.
            }
        }
    }

    [Theory]
    [InlineData("a..b")]
    [InlineData("")]
    [InlineData("a.1234567890123456789012345678901234567890123456789012345678901234.b")]
    public async Task What_can_be_no_name_is_not_asked_for(string name)
        => Assert.Contains("is no name", (await Assert.ThrowsAsync<DnsFailure>(() => Lookup.FindAsync(name, Stop))).Message, StringComparison.Ordinal);

    [Fact]
    public async Task Founding_members_are_found_and_oneself_among_them()
    {
        _dns.Records["_etcd-server._tcp.example.com"] = [new("127.0.0.1", 2380, 0, 9), new("127.0.0.1", 2480, 0, 8), new("127.0.0.1", 2580, 0, 7)];

        var found = await new SrvDiscovery(Lookup, "example.com", "", "me", "tok").FindAsync([new("http://127.0.0.1:2480")], Stop);

        Assert.Equal("tok", found.ClusterToken);
        Assert.Equal(
            [("0", new Uri("http://127.0.0.1:2380")), ("me", new Uri("http://127.0.0.1:2480")), ("1", new Uri("http://127.0.0.1:2580"))], found.Members);
    }

    [Fact]
    public async Task Those_with_tls_and_with_a_name_of_their_own_are_found()
    {
        _dns.Records["_etcd-server-ssl-blue._tcp.example.com"] = [new("127.0.0.1", 2380, 0, 9)];

        var found = await new SrvDiscovery(Lookup, "example.com", "blue", "me", "tok").FindAsync([new("https://127.0.0.1:2380")], Stop);

        Assert.Equal([("me", new Uri("https://127.0.0.1:2380"))], found.Members);
    }

    [Fact]
    public async Task Who_is_not_among_them_or_finds_none_is_told()
    {
        var none = await Assert.ThrowsAsync<BootstrapException>(
            () => new SrvDiscovery(Lookup, "example.com", "", "me", "tok").FindAsync([new("http://127.0.0.1:2480")], Stop));
        Assert.Contains("_etcd-server-ssl._tcp.example.com or _etcd-server._tcp.example.com", none.Message, StringComparison.Ordinal);

        _dns.Records["_etcd-server._tcp.example.com"] = [new("127.0.0.1", 2380, 0, 9)];
        var stranger = await Assert.ThrowsAsync<BootstrapException>(
            () => new SrvDiscovery(Lookup, "example.com", "", "me", "tok").FindAsync([new("http://127.0.0.1:2480")], Stop));
        Assert.Contains("none of them is this one", stranger.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Commands_find_their_endpoints_in_dns()
    {
        _dns.Records["_etcd-client._tcp.example.com"] = [new("127.0.0.1", 9, 0, 9)];
        using var error = new StringWriter();
        using var output = new MemoryStream();
        var console = new ClientConsole(new MemoryStream(), output, error, new Dictionary<string, string>()) { Dns = () => Lookup };

        Assert.NotEqual(0, await ClientProgram.RunAsync(["get", "k", "--discovery-srv", "example.com"], console, Stop));
        Assert.Contains("127.0.0.1:9", error.ToString(), StringComparison.Ordinal);

        error.GetStringBuilder().Clear();
        Assert.Equal(1, await ClientProgram.RunAsync(["get", "k", "-d", "example.com", "--insecure-discovery=false"], console, Stop));
        Assert.Contains("--insecure-discovery is false", error.ToString(), StringComparison.Ordinal);

        error.GetStringBuilder().Clear();
        Assert.Equal(1, await ClientProgram.RunAsync(["get", "k", "-d", "example.net"], console, Stop));
        Assert.Contains("no SRV records of _etcd-client-ssl._tcp.example.net or _etcd-client._tcp.example.net", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_member_that_finds_itself_alone_in_dns_founds_its_cluster()
    {
        var port = FreePorts.Find(1)[0];
        _dns.Records["_etcd-server._tcp.example.com"] = [new("127.0.0.1", port, 0, 9)];
        var folder = Directory.CreateTempSubdirectory("raftkv-srv-").FullName;
        var options = new RaftKvOptions
        {
            Name = "me",
            DataDirectory = Path.Join(folder, "me"),
            ListenClient = [],
            ListenPeer = [new IPEndPoint(IPAddress.Loopback, port)],
            AdvertisePeerUrls = [new($"http://127.0.0.1:{port}")],
            Discovers = new SrvDiscovery(Lookup, "example.com", "", "me", "tok").FindAsync,
        };
        await using (var node = await RaftKvNode.StartAsync(options, Stop))
        {
            await node.WaitUntilReadyAsync(Stop);
            Assert.Equal("me", Assert.Single(node.Member.Members).Name);
        }

        // Once founded, nobody is asked any more.
        _dns.Records.Clear();
        await using (var again = await RaftKvNode.StartAsync(options, Stop))
        {
            await again.WaitUntilReadyAsync(Stop);
        }

        Directory.Delete(folder, recursive: true);
    }
}
