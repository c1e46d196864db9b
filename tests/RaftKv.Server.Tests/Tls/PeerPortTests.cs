using System.Net;
using RaftKv.Rpc.Client;
using RaftKv.Server.Replica;
using RaftKv.Server.Tests.Hosting;
using RaftKv.Server.Tests.Peers;
using RaftKv.Server.Tls;
using RaftKv.Storage.State;

namespace RaftKv.Server.Tests.Tls;

/// <summary>Members that talk to each other with TLS: all that they do without, and who is turned away.</summary>
public sealed class PeerPortTests : IDisposable
{
    private readonly CertificateFolder _files = new();
    private readonly CollectedLog _log = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _log.Dispose();
        _files.Dispose();
    }

    [Fact]
    public async Task Three_members_agree_behind_TLS_and_a_fourth_joins_them()
    {
        await using var cluster = await StartAsync(3, Mutual());
        Assert.All(cluster.Running, node => Assert.Equal("https", node.PeerEndPoints[0].Scheme));
        for (var i = 0; i < 30; i++)
        {
            await SmallCluster.PutAsync(cluster[i % 3], $"k{i}", $"v{i}");
            Assert.Equal($"v{i}", await SmallCluster.GetAsync(cluster[(i + 1) % 3], $"k{i}"));
        }

        var index = await cluster.JoinAsync();
        await TestMember.Until(() => cluster[index].Member.Members.Count == 4);
        Assert.Equal("v7", await SmallCluster.GetAsync(cluster[index], "k7"));
    }

    [Fact]
    public async Task What_members_ask_the_leader_goes_through_TLS_too()
    {
        await using var cluster = await StartAsync(3, Mutual());
        await cluster[0].WaitUntilReadyAsync(Stop);
        var grant = new Storage.State.Commands.LeaseGrantCommand(77, 60);
        var id = cluster[0].Member.NextRequestId();
        var answer = await cluster[0].Member.ProposeAsync(CommandEnvelope.Encode(id, Caller.Nobody, grant), id, Stop);
        Assert.Equal(StateError.None, answer.Error);
        foreach (var node in cluster.Running)
        {
            Assert.Equal(60, await node.Member.RenewLeaseAsync(77, Stop));
        }
    }

    [Fact]
    public async Task A_member_that_was_away_for_long_is_sent_the_state_through_TLS()
    {
        await using var cluster = await StartAsync(3, Mutual(), options => options with
        {
            Applier = new() { CheckpointEntries = 20, KeptEntries = 5 },
        });
        await SmallCluster.PutAsync(cluster[0], "before", "1");
        await cluster.StopAsync(2);
        var value = new string('x', 5_000);
        for (var i = 0; i < 200; i++)
        {
            await SmallCluster.PutAsync(cluster[i % 2], $"k{i}", value);
        }

        // A leader serves those who were away for a moment from its memory.
        for (var i = 0; i < 2; i++)
        {
            await cluster.StopAsync(i);
            await cluster.StartAsync(i);
        }

        await cluster.StartAsync(2);
        Assert.Equal(value, await SmallCluster.GetAsync(cluster[2], "k199"));

        // Who receives it can serve before who sent it has heard so.
        await TestMember.Until(() => cluster[0].Peers.Concat(cluster[1].Peers).Sum(peer => peer.SnapshotsDelivered) == 1);
    }

    [Fact]
    public async Task Large_writes_go_both_ways_at_once()
    {
        await using var cluster = await StartAsync(3, Mutual());
        var value = new string('y', 900_000);
        await Task.WhenAll(Enumerable.Range(0, 12).Select(i => SmallCluster.PutAsync(cluster[i % 3], $"k{i}", value)));
        for (var i = 0; i < 12; i++)
        {
            Assert.Equal(value.Length, (await SmallCluster.GetAsync(cluster[(i + 2) % 3], $"k{i}"))!.Length);
        }
    }

    [Fact]
    public async Task The_peer_port_answers_plain_HTTP_behind_TLS()
    {
        await using var cluster = await StartAsync(1, Mutual());
        using var http = new HttpClient(new SocketsHttpHandler
        {
            SslOptions = new RpcClientTls { Authorities = [_files.Authority], Certificate = _files.InMemory(_files.Client("ops")) }.ToOptions(),
        });
        var url = new Uri($"https://127.0.0.1:{cluster[0].PeerEndPoints[0].Port}");
        for (var i = 0; i < 3; i++)
        {
            Assert.Contains("\"etcdserver\"", await http.GetStringAsync(new Uri(url, "/version"), Stop), StringComparison.Ordinal);
            Assert.Contains("\"name\":\"m0\"", await http.GetStringAsync(new Uri(url, "/members"), Stop), StringComparison.Ordinal);
        }

        using var stranger = await http.GetAsync(new Uri(url, "/elsewhere"), Stop);
        Assert.Equal(HttpStatusCode.BadRequest, stranger.StatusCode);
    }

    [Fact]
    public async Task A_member_whose_certificate_is_not_believed_is_kept_out_until_it_has_another()
    {
        using var other = CertificateFolder.NewAuthority("Somebody else");
        var wrong = _files.Server("wrong", other);
        var cluster = new SmallCluster(3, options => WithPeerTls(options, options.Name == "m2"
            ? Mutual() with { CertificateFile = wrong.Certificate, KeyFile = wrong.Key }
            : Mutual()));
        await using (cluster)
        {
            await Task.WhenAll(cluster.StartAsync(0), cluster.StartAsync(1), cluster.StartAsync(2));
            await SmallCluster.PutAsync(cluster[0], "k", "v");
            await Logged("Refused", "There is no TLS connection: its certificate 'CN=wrong'", "no authority that is trusted here has signed it (its issuer is 'CN=Somebody else')");
            Assert.All(cluster[0].Peers.Where(peer => peer.Id == cluster[2].Member.Self), peer => Assert.False(peer.IsConnected));

            _files.Issue("wrong", hosts: ["127.0.0.1", "localhost"]);
            await TestMember.Until(() => cluster[0].Peers.All(peer => peer.IsConnected));
            Assert.Equal("v", await SmallCluster.GetAsync(cluster[2], "k"));
        }
    }

    [Fact]
    public async Task A_member_that_believes_nobody_here_says_whom_it_met()
    {
        using var other = CertificateFolder.NewAuthority("Somebody else");
        var lonely = _files.Write("other-ca.crt", other.ExportCertificatePem());
        var cluster = new SmallCluster(2, options => WithPeerTls(options, options.Name == "m1" ? Mutual() with { AuthoritiesFile = lonely } : Mutual()));
        await using (cluster)
        {
            await Task.WhenAll(cluster.StartAsync(0), cluster.StartAsync(1));
            await Logged("CannotConnect", "There is no TLS connection: its certificate 'CN=member'", "no authority that is trusted here has signed it");
        }
    }

    [Fact]
    public async Task A_certificate_for_another_address_is_refused_by_both_ends()
    {
        var away = _files.Issue("away", hosts: ["192.0.2.7"]);
        var cluster = new SmallCluster(2, options => WithPeerTls(options, options.Name == "m1"
            ? Mutual() with { CertificateFile = away.Certificate, KeyFile = away.Key }
            : Mutual()));
        await using (cluster)
        {
            await Task.WhenAll(cluster.StartAsync(0), cluster.StartAsync(1));
            await Logged("CannotConnect", "its certificate 'CN=away'", "is not for '127.0.0.1', but for 192.0.2.7");
            await Logged("Refused", "its certificate 'CN=away'", "is for 192.0.2.7, and it connects from 127.0.0.1");
        }
    }

    [Fact]
    public async Task A_client_certificate_of_its_own_may_be_for_no_address_at_all()
    {
        var dial = _files.Issue("dialer", uses: [CertificateFolder.ClientUse]);
        await using var cluster = await StartAsync(3, Mutual() with { DialCertificateFile = dial.Certificate, DialKeyFile = dial.Key, AllowedNames = ["dialer"] });
        await SmallCluster.PutAsync(cluster[0], "k", "v");
        Assert.Equal("v", await SmallCluster.GetAsync(cluster[2], "k"));
        Assert.Equal(["--peer-cert-file", "--peer-client-cert-file", "--peer-trusted-ca-file"], cluster[0].Certificates.Select(one => one.Use));
    }

    [Fact]
    public async Task A_common_name_that_is_not_allowed_is_told_with_those_that_are()
    {
        var cluster = new SmallCluster(2, options => WithPeerTls(options, Mutual() with { AllowedNames = ["kv", "store"] }));
        await using (cluster)
        {
            await Task.WhenAll(cluster.StartAsync(0), cluster.StartAsync(1));
            await Logged("Refused", "has the common name 'member', and only kv, store may come in");
        }
    }

    [Fact]
    public async Task Members_that_make_their_own_certificates_find_together()
    {
        await using var cluster = await StartAsync(3, new PortTls { IsAutomatic = true });
        await SmallCluster.PutAsync(cluster[0], "k", "v");
        Assert.Equal("v", await SmallCluster.GetAsync(cluster[2], "k"));
        Assert.True(File.Exists(Path.Join(cluster.DataPath(0), "fixtures", "peer", "cert.pem")));
    }

    [Fact]
    public async Task Certificates_and_authorities_of_members_are_replaced_while_they_write()
    {
        using var next = CertificateFolder.NewAuthority("The next authority");
        await using var cluster = await StartAsync(3, Mutual());
        using var done = new CancellationTokenSource();
        var puts = 0;
        var writing = Task.Run(
            async () =>
            {
                while (!done.IsCancellationRequested)
                {
                    try
                    {
                        await SmallCluster.PutAsync(cluster[0], "k", $"{puts + 1}");
                        puts++;
                    }
                    catch (RequestRefusedException)
                    {
                        // Leadership may move when a member stops.
                    }
                }
            },
            Stop);
        await TestMember.Until(() => Volatile.Read(ref puts) >= 20);
        _files.Write("ca.crt", File.ReadAllText(_files.AuthorityFile) + next.ExportCertificatePem());
        _files.Server("member", next);
        await RestartAsync(2);
        await RestartAsync(1);
        _files.Write("ca.crt", next.ExportCertificatePem());
        await RestartAsync(2);
        await done.CancelAsync();
        await writing;
        Assert.Equal($"{puts}", await SmallCluster.GetAsync(cluster[2], "k"));

        // One that connects anew meets the files as they are now; the others never stop.
        async Task RestartAsync(int index)
        {
            await cluster.StopAsync(index);
            await cluster.StartAsync(index);
            await TestMember.Until(() => cluster[0].Peers.All(peer => peer.IsConnected) && cluster[index].Peers.All(peer => peer.IsConnected));
            var seen = Volatile.Read(ref puts);
            await TestMember.Until(() => Volatile.Read(ref puts) >= seen + 20);
        }
    }

    [Fact]
    public async Task One_without_TLS_cannot_talk_to_one_with_it_and_both_go_on()
    {
        await using var cluster = await StartAsync(1, Mutual());
        using var socket = new System.Net.Sockets.TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, cluster[0].PeerEndPoints[0].Port, Stop);
        await socket.GetStream().WriteAsync("GET /version HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray(), Stop);
        await Logged("Refused", "There is no TLS connection");
        await SmallCluster.PutAsync(cluster[0], "k", "v");
    }

    private PortTls Mutual()
    {
        var (certificate, key) = File.Exists(_files.Path("member.crt")) ? (_files.Path("member.crt"), _files.Path("member.key")) : _files.Server("member");
        return new PortTls { CertificateFile = certificate, KeyFile = key, AuthoritiesFile = _files.AuthorityFile };
    }

    private RaftKvOptions WithPeerTls(RaftKvOptions options, PortTls tls) => options with
    {
        ListenPeer = [new ListenAddress(options.ListenPeer[0].EndPoint, IsTls: true)],
        AdvertisePeerUrls = [Https(options.AdvertisePeerUrls[0])],
        InitialCluster = [.. options.InitialCluster.Select(member => (member.Name, Https(member.PeerUrl)))],
        PeerTls = tls,
        Loggers = _log,
    };

    private static Uri Https(Uri url) => new UriBuilder(url) { Scheme = "https" }.Uri;

    private Task<SmallCluster> StartAsync(int members, PortTls tls, Func<RaftKvOptions, RaftKvOptions>? change = null)
        => SmallCluster.StartAsync(members, options => (change ?? (one => one))(WithPeerTls(options, tls)));

    private Task Logged(params string[] parts)
        => TestMember.Until(() => _log.Lines.Any(line => parts.All(part => line.Contains(part, StringComparison.Ordinal))), string.Join(" … ", parts));
}
