using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Rpc.Client;
using RaftKv.Server.Bootstrap;
using RaftKv.Server.Tests.Hosting;
using RaftKv.Server.Tests.Peers;
using RaftKv.Server.Tls;

namespace RaftKv.Server.Tests.Tls;

/// <summary>The client port with TLS: who is let in, what those are told who are not, and files that are replaced.</summary>
public sealed class ClientPortTests : IDisposable
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
    public async Task Grpc_and_json_are_served_behind_TLS_to_those_who_believe_the_authority()
    {
        await using var cluster = await StartAsync(_files.Server());
        var url = cluster[0].ClientEndPoints[0];
        Assert.Equal("https", url.Scheme);
        await PutAsync(url, "k", "v");

        using var http = new HttpClient(new SocketsHttpHandler { SslOptions = Believing().ToOptions() });
        Assert.Equal("""{"health":"true","reason":""}""", await http.GetStringAsync(new Uri(url, "/health"), Stop));
        using var answer = await http.PostAsync(new Uri(url, "/v3/kv/range"), new StringContent("""{"key":"aw=="}"""), Stop);
        Assert.Contains("\"value\":\"dg==\"", await answer.Content.ReadAsStringAsync(Stop), StringComparison.Ordinal);

        var refused = await RefusedAsync(url, new RpcClientTls());
        Assert.Contains("no TLS connection", refused.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Members_tell_clients_their_address_with_https()
    {
        await using var cluster = await StartAsync(_files.Server());
        await TestMember.Until(() => cluster[0].Member.Members is [{ HasStarted: true }]);
        Assert.All(cluster[0].Member.Members[0].ClientUrls, url => Assert.StartsWith("https://127.0.0.1:", url, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_plain_address_beside_one_with_TLS_stays_plain()
    {
        var (certificate, key) = _files.Server();
        await using var cluster = await SmallCluster.StartAsync(1, options => options with
        {
            ListenClient = [new IPEndPoint(IPAddress.Loopback, 0), Address()],
            ClientTls = new PortTls { CertificateFile = certificate, KeyFile = key },
            Loggers = _log,
        });
        Assert.Equal(["http", "https"], cluster[0].ClientEndPoints.Select(url => url.Scheme));
        await PutAsync(cluster[0].ClientEndPoints[0], "k", "v");
        await PutAsync(cluster[0].ClientEndPoints[1], "k", "v");
        Assert.Contains(_log.Lines, line => line.Contains("is without TLS", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Who_shows_no_certificate_or_a_wrong_one_is_not_let_in_and_the_log_says_why()
    {
        using var stranger = CertificateFolder.NewAuthority("Somebody else");
        await using var cluster = await StartAsync(_files.Server(), tls => tls with { AuthoritiesFile = _files.AuthorityFile });
        var url = cluster[0].ClientEndPoints[0];
        await PutAsync(url, "k", "v", _files.Client("alice"));

        await RefusedAsync(url, Believing());
        await Logged("shows no certificate");
        await RefusedAsync(url, Believing(_files.Client("mallory", stranger)));
        await Logged("'CN=mallory'", "no authority that is trusted here has signed it (its issuer is 'CN=Somebody else')");
        await RefusedAsync(url, Believing(_files.Issue("old", uses: [CertificateFolder.ClientUse], days: -1)));
        await Logged("'CN=old'", "it expired on ");
        await RefusedAsync(url, Believing(_files.Issue("server-only", uses: [CertificateFolder.ServerUse])));
        await Logged("'CN=server-only'", "it is made for another use");
    }

    [Fact]
    public async Task Only_certificates_of_allowed_hosts_get_in()
    {
        await using var cluster = await StartAsync(
            _files.Server(), tls => tls with { AuthoritiesFile = _files.AuthorityFile, AllowedHosts = ["app.example", "other.example"] });
        var url = cluster[0].ClientEndPoints[0];
        await PutAsync(url, "k", "v", _files.Issue("app", hosts: ["app.example"]));
        await PutAsync(url, "k", "v", _files.Issue("wild", hosts: ["*.example"]));
        await RefusedAsync(url, Believing(_files.Issue("third", hosts: ["third.example"])));
        await Logged("'CN=third'", "is for third.example, and only app.example, other.example may come in");
    }

    [Fact]
    public async Task A_revoked_certificate_is_refused_from_the_moment_that_the_list_says_so()
    {
        var alice = _files.Client("alice");
        await using var cluster = await StartAsync(
            _files.Server(), tls => tls with { AuthoritiesFile = _files.AuthorityFile, RevocationsFile = _files.WriteRevocations() });
        var url = cluster[0].ClientEndPoints[0];
        await PutAsync(url, "k", "v", alice);

        await using var before = ChannelTo(url, Believing(alice));
        await PutAsync(before, "k", "v");
        _files.Revoke(alice.Certificate);
        await RefusedAsync(url, Believing(alice));
        await Logged("'CN=alice'", "was revoked");
        await PutAsync(url, "k", "v", _files.Client("bob"));
        await PutAsync(before, "k", "v"); // Connections that are there stay.
    }

    [Fact]
    public async Task Certificate_and_authorities_are_replaced_while_a_hundred_clients_work()
    {
        using var next = CertificateFolder.NewAuthority("The next authority");
        var alice = _files.Client("alice");
        await using var cluster = await StartAsync(_files.Server(), tls => tls with { AuthoritiesFile = _files.AuthorityFile });
        var url = cluster[0].ClientEndPoints[0];
        using var done = new CancellationTokenSource();
        var calls = new int[100];
        var tls = Believing(alice);
        var workers = new Task[calls.Length];
        for (var i = 0; i < workers.Length; i++)
        {
            // One after the other: a hundred handshakes at once take a small machine longer than a connection may.
            var channel = ChannelTo(url, tls);
            await PutAsync(channel, $"k{i}", "v");
            workers[i] = WorkAsync(i, channel);
        }

        async Task WorkAsync(int i, RpcChannel channel)
        {
            while (!done.IsCancellationRequested)
            {
                await PutAsync(channel, $"k{i}", "v");
                Interlocked.Increment(ref calls[i]);
                await Task.Delay(1, CancellationToken.None);
            }

            await channel.DisposeAsync();
        }

        // Each of them, on the connection that it has had from the start.
        async Task AllGoOn()
        {
            var seen = (int[])calls.Clone();
            await TestMember.Until(() => workers.Any(worker => worker.IsFaulted) || calls.Zip(seen).All(one => one.First >= one.Second + 2), "all go on");
            Assert.All(workers, worker => Assert.False(worker.IsFaulted, worker.Exception?.ToString()));
        }

        await AllGoOn();

        // First both authorities are believed, then there is the new certificate, then the old authority goes.
        var old = File.ReadAllText(_files.AuthorityFile);
        _files.Write("ca.crt", old + next.ExportCertificatePem());
        await PutAsync(url, "k", "v", alice);
        await AllGoOn();
        _files.Server(authority: next);
        var believers = new RpcClientTls { Authorities = [next], Certificate = _files.InMemory(_files.Client("bob", next)) };
        await using (var channel = ChannelTo(url, believers))
        {
            await PutAsync(channel, "k", "v");
        }

        await AllGoOn();
        _files.Write("ca.crt", next.ExportCertificatePem());
        await RefusedAsync(url, believers with { Certificate = _files.InMemory(alice) });
        await AllGoOn();
        await done.CancelAsync();
        await Task.WhenAll(workers); // No call failed, no connection was cut.
        await Logged("has changed; new connections use it");
    }

    [Fact]
    public async Task A_broken_replacement_leaves_the_old_certificate_in_place_and_is_told_once()
    {
        await using var cluster = await StartAsync(_files.Server());
        var url = cluster[0].ClientEndPoints[0];
        _files.Write("server.crt", "no certificate");
        for (var i = 0; i < 3; i++)
        {
            await PutAsync(url, "k", "v");
        }

        Assert.Single(_log.Lines, line => line.Contains("--cert-file", StringComparison.Ordinal) && line.Contains("is not PEM", StringComparison.Ordinal));
        File.Delete(_files.Path("server.key"));
        await PutAsync(url, "k", "v");
        Assert.Contains(_log.Lines, line => line.Contains("What was read before goes on being used", StringComparison.Ordinal));
        _files.Server();
        await PutAsync(url, "k", "v");
        await Logged("has changed; new connections use it");
    }

    [Fact]
    public async Task Its_certificates_are_known_with_their_last_day()
    {
        await using var cluster = await StartAsync(_files.Server(), tls => tls with { AuthoritiesFile = _files.AuthorityFile });
        var certificates = cluster[0].Certificates;
        Assert.Equal(["--cert-file", "--trusted-ca-file"], certificates.Select(one => one.Use));
        Assert.Equal("CN=server", certificates[0].Subject);
        Assert.InRange(certificates[0].NotAfter, DateTimeOffset.UtcNow, DateTimeOffset.UtcNow.AddDays(2));
        Assert.Contains(_log.Lines, line => line.Contains("the certificate 'CN=server'", StringComparison.Ordinal) && line.Contains("expires on", StringComparison.Ordinal));
        Assert.Equal(certificates, cluster[0].Member.Certificates);

        // And to whoever asks over HTTP.
        using var http = new HttpClient(new SocketsHttpHandler { SslOptions = Believing(_files.Client("probe")).ToOptions() });
        var url = cluster[0].ClientEndPoints[0];
        var page = await http.GetStringAsync(new Uri(url, "/metrics"), Stop);
        Assert.Contains(
            $"raftkv_certificate_expiry_seconds{{use=\"--cert-file\",file=\"{_files.Path("server.crt")}\",subject=\"CN=server\"}} {certificates[0].NotAfter.ToUnixTimeSeconds()}\n",
            page,
            StringComparison.Ordinal);
        Assert.Contains("[+]certificates ok\n", await http.GetStringAsync(new Uri(url, "/readyz?verbose"), Stop), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_member_makes_its_own_certificate_when_asked_and_keeps_it()
    {
        await using var cluster = await SmallCluster.StartAsync(
            1, options => options with { ListenClient = [Address()], ClientTls = new PortTls { IsAutomatic = true }, SelfSignedYears = 3 });
        var file = Path.Join(cluster.DataPath(0), "fixtures", "client", "cert.pem");
        using var made = X509Certificate2.CreateFromPem(await File.ReadAllTextAsync(file, Stop));
        Assert.InRange(made.NotAfter.ToUniversalTime(), DateTime.UtcNow.AddYears(3).AddDays(-2), DateTime.UtcNow.AddYears(3).AddDays(2));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file.Replace("cert.pem", "key.pem", StringComparison.Ordinal)));
        }

        await using (var channel = ChannelTo(cluster[0].ClientEndPoints[0], new RpcClientTls { Authorities = [made] }))
        {
            await PutAsync(channel, "k", "v");
        }

        await cluster.StopAsync(0);
        await cluster.StartAsync(0);
        Assert.Equal(made.ExportCertificatePem() + "\n", await File.ReadAllTextAsync(file, Stop));
    }

    [Theory]
    [InlineData(SslProtocols.Tls12, SslProtocols.Tls13)]
    [InlineData(SslProtocols.Tls13, SslProtocols.Tls12)]
    public async Task Only_the_versions_that_are_asked_for_are_spoken(SslProtocols spoken, SslProtocols other)
    {
        var (certificate, key) = _files.Server();
        await using var cluster = await SmallCluster.StartAsync(1, options => options with
        {
            ListenClient = [Address()],
            ClientTls = new PortTls { CertificateFile = certificate, KeyFile = key },
            TlsVersions = spoken,
        });
        await using (var channel = ChannelTo(cluster[0].ClientEndPoints[0], Believing() with { Customize = options => options.EnabledSslProtocols = spoken }))
        {
            await PutAsync(channel, "k", "v");
        }

        await RefusedAsync(cluster[0].ClientEndPoints[0], Believing() with { Customize = options => options.EnabledSslProtocols = other });
    }

    [Fact]
    public async Task Only_the_cipher_suites_that_are_asked_for_are_used()
    {
        var (certificate, key) = _files.Server();
        await using var cluster = await SmallCluster.StartAsync(1, options => options with
        {
            ListenClient = [Address()],
            ClientTls = new PortTls { CertificateFile = certificate, KeyFile = key },
            TlsVersions = SslProtocols.Tls12,
            CipherSuites = ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"],
        });
        using var socket = new System.Net.Sockets.TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, cluster[0].ClientEndPoints[0].Port, Stop);
        await using var stream = new SslStream(socket.GetStream());
        var options = Believing().ToOptions();
        options.TargetHost = "localhost";
        await stream.AuthenticateAsClientAsync(options, Stop);
        Assert.Equal(TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, stream.NegotiatedCipherSuite);
    }

    [Fact]
    public async Task What_is_wrong_with_a_file_is_said_before_the_member_starts()
    {
        var (certificate, key) = _files.Server();
        var (_, otherKey) = _files.Server("other");
        var (expired, expiredKey) = _files.Issue("expired", days: -1);
        _files.Write("text.txt", "hello");
        _files.Write("crl.txt", File.ReadAllText(certificate));
        File.WriteAllBytes(_files.Path("der.crt"), _files.Authority.RawData);
        using (var secret = System.Security.Cryptography.RSA.Create(2048))
        {
            _files.Write("locked.key", secret.ExportEncryptedPkcs8PrivateKeyPem("password", new(System.Security.Cryptography.PbeEncryptionAlgorithm.Aes128Cbc, System.Security.Cryptography.HashAlgorithmName.SHA256, 1000)));
        }

        await FailsAsync(new PortTls { CertificateFile = "/nowhere/a.crt", KeyFile = key }, "--cert-file: /nowhere/a.crt does not exist.");
        await FailsAsync(new PortTls { CertificateFile = _files.Path("text.txt"), KeyFile = key }, "text.txt is not PEM: it has no '-----BEGIN CERTIFICATE-----' in it.");
        await FailsAsync(new PortTls { CertificateFile = _files.Path("der.crt"), KeyFile = key }, "der.crt is not PEM, but looks like DER: convert it with 'openssl x509 -inform der'.");
        await FailsAsync(new PortTls { CertificateFile = key, KeyFile = key }, "holds no certificate, but PRIVATE KEY.");
        await FailsAsync(new PortTls { CertificateFile = certificate, KeyFile = certificate }, "--key-file: ", "holds no private key, but CERTIFICATE.");
        await FailsAsync(new PortTls { CertificateFile = certificate, KeyFile = _files.Path("text.txt") }, "is not PEM: it has no '-----BEGIN PRIVATE KEY-----' in it.");
        await FailsAsync(new PortTls { CertificateFile = certificate, KeyFile = _files.Path("locked.key") }, "is protected by a password");
        await FailsAsync(new PortTls { CertificateFile = certificate, KeyFile = otherKey }, "--key-file: the key in", "does not belong to the certificate in");
        await FailsAsync(new PortTls { CertificateFile = expired, KeyFile = expiredKey }, "--cert-file: the certificate in", "expired on");
        await FailsAsync(new PortTls { CertificateFile = certificate, KeyFile = key, AuthoritiesFile = "/nowhere/ca.crt" }, "--trusted-ca-file: /nowhere/ca.crt does not exist.");
        await FailsAsync(
            new PortTls { CertificateFile = certificate, KeyFile = key, AuthoritiesFile = _files.AuthorityFile, RevocationsFile = _files.Path("crl.txt") },
            "--client-crl-file: ", "holds no revocation list");
        await FailsAsync(new PortTls { CertificateFile = certificate }, "--cert-file and --key-file go together: one of them is missing.");
        await FailsAsync(new PortTls(), "asks for TLS, but there is no certificate: give --cert-file and --key-file, or --auto-tls.");
        await FailsAsync(
            new PortTls { CertificateFile = certificate, KeyFile = key, RevocationsFile = _files.WriteRevocations() },
            "add --client-cert-auth, or --trusted-ca-file");
    }

    [Fact]
    public void A_cipher_suite_nobody_knows_is_named()
    {
        var problem = Assert.Single(new RaftKvOptions { CipherSuites = ["TLS_RSA_WITH_NOTHING"] }.Problems());
        Assert.Contains("'TLS_RSA_WITH_NOTHING'", problem, StringComparison.Ordinal);
        Assert.Single(new RaftKvOptions { CipherSuites = ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"], TlsVersions = SslProtocols.Tls13 }.Problems());
    }

    private static ListenAddress Address() => new(new IPEndPoint(IPAddress.Loopback, 0), IsTls: true);

    // Nothing is tried again, so the one connection may take as long as it does on a busy machine.
    private static RpcChannel ChannelTo(Uri url, RpcClientTls tls)
        => new(new RpcChannelOptions { Addresses = [url], Tls = tls, RetryAttempts = 1, ConnectTimeout = TimeSpan.FromMinutes(1) });

    private static async Task PutAsync(RpcChannel channel, string key, string value)
    {
        var put = RpcMethod.Of<PutRequest, PutResponse>(
            RpcReflection.Descriptor.Services.Single(service => service.Name == "KV").FindMethodByName("Put"));
        await channel.UnaryAsync(
            put,
            new PutRequest { Key = ByteString.CopyFromUtf8(key), Value = ByteString.CopyFromUtf8(value) },
            new RpcCallOptions { CancellationToken = Stop });
    }

    private Task<SmallCluster> StartAsync((string Certificate, string Key) pair, Func<PortTls, PortTls>? change = null)
        => SmallCluster.StartAsync(1, options => options with
        {
            ListenClient = [Address()],
            ClientTls = (change ?? (tls => tls))(new PortTls { CertificateFile = pair.Certificate, KeyFile = pair.Key }),
            Loggers = _log,
        });

    private RpcClientTls Believing((string Certificate, string Key)? own = null) => new()
    {
        Authorities = [_files.Authority],
        Certificate = own is { } files ? _files.InMemory(files) : null,
    };

    private async Task PutAsync(Uri url, string key, string value, (string Certificate, string Key)? own = null)
    {
        await using var channel = ChannelTo(url, url.Scheme == "https" ? Believing(own) : new RpcClientTls());
        await PutAsync(channel, key, value);
    }

    private static async Task<RpcStatus> RefusedAsync(Uri url, RpcClientTls tls)
    {
        await using var channel = ChannelTo(url, tls);
        var refused = await Assert.ThrowsAsync<RpcException>(() => PutAsync(channel, "k", "v"));
        Assert.Equal(RpcStatusCode.Unavailable, refused.Code);
        return refused.Status;
    }

    private Task Logged(params string[] parts)
        => TestMember.Until(() => _log.Lines.Any(line => parts.All(part => line.Contains(part, StringComparison.Ordinal))), string.Join(" … ", parts));

    private static async Task FailsAsync(PortTls tls, params string[] parts)
    {
        var refused = await Assert.ThrowsAsync<BootstrapException>(() => SmallCluster.StartAsync(1, options => options with { ListenClient = [Address()], ClientTls = tls }));
        Assert.All(parts, part => Assert.Contains(part, refused.Message, StringComparison.Ordinal));
    }
}
