using System.Net;
using System.Text;
using RaftKv.Protocol.Auth;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Rpc.Client;
using RaftKv.Server.Tests.Hosting;
using RaftKv.Server.Tls;
using Type = RaftKv.Protocol.Auth.Permission.Types.Type;

namespace RaftKv.Server.Tests.Tokens;

/// <summary>Users by the common names of their certificates, and what the JSON gateway makes of credentials.</summary>
public sealed class CertificateUserTests : IDisposable
{
    private readonly CertificateFolder _files = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _files.Dispose();

    [Fact]
    public async Task A_certificate_says_who_calls_unless_a_token_does()
    {
        await using var cluster = await StartAsync(requires: true);
        await SetUpAsync(cluster);
        await using var channel = ChannelTo(cluster, _files.Client("alice"));
        var alice = new Account(channel);
        Assert.Equal(RpcStatus.Ok, await alice.PutAsync("a"));
        Assert.Equal(RpcStatusCode.PermissionDenied, (await alice.PutAsync("b")).Code);
        Assert.Equal(RpcStatus.Ok, await (await alice.SignInAsync("root", "secret")).PutAsync("b"));
        Assert.Equal(RpcStatusCode.Unauthenticated, (await new Account(channel, "made up").PutAsync("a")).Code);
        Assert.Equal(
            "auth: authentication failed, password was given for no password user",
            (await alice.StatusAsync("Auth/Authenticate", new AuthenticateRequest { Name = "alice", Password = "x" })).Detail);

        await using var other = ChannelTo(cluster, _files.Client("mallory"));
        Assert.Equal(RpcStatusCode.PermissionDenied, (await new Account(other).PutAsync("a")).Code);
    }

    [Fact]
    public async Task Where_certificates_are_believed_but_not_required_they_name_nobody()
    {
        await using var cluster = await StartAsync(requires: false);
        await SetUpAsync(cluster);
        await using var channel = ChannelTo(cluster, _files.Client("alice"));
        Assert.Equal("etcdserver: user name is empty", (await new Account(channel).PutAsync("a")).Detail);
    }

    [Fact]
    public async Task Json_calls_bring_their_token_in_a_header_and_never_a_certificate()
    {
        await using var cluster = await StartAsync(requires: true);
        await SetUpAsync(cluster);
        using var http = new HttpClient(new SocketsHttpHandler
        {
            SslOptions = new RpcClientTls { Authorities = [_files.Authority], Certificate = _files.InMemory(_files.Client("alice")) }.ToOptions(),
        })
        {
            BaseAddress = cluster[0].ClientEndPoints[0],
        };
        var (code, body) = await PostAsync("kv/put", """{"key":"YQ==","value":"YQ=="}""");
        Assert.Equal(HttpStatusCode.BadRequest, code);
        Assert.Contains("etcdserver: user name is empty", body, StringComparison.Ordinal);

        (code, body) = await PostAsync("auth/authenticate", """{"name":"root","password":"wrong"}""");
        Assert.Equal(HttpStatusCode.BadRequest, code);
        Assert.Contains("authentication failed, invalid user ID or password", body, StringComparison.Ordinal);
        (code, body) = await PostAsync("auth/authenticate", """{"name":"root","password":"secret"}""");
        Assert.Equal(HttpStatusCode.OK, code);
        var token = System.Text.Json.JsonDocument.Parse(body).RootElement.GetProperty("token").GetString()!;

        Assert.Equal(HttpStatusCode.OK, (await PostAsync("kv/put", """{"key":"YQ==","value":"YQ=="}""", token)).Code);
        Assert.Equal(HttpStatusCode.OK, (await PostAsync("kv/range", """{"key":"YQ=="}""", "Bearer " + token)).Code);
        (code, body) = await PostAsync("kv/range", """{"key":"YQ=="}""", "made up");
        Assert.Equal(HttpStatusCode.Unauthorized, code);
        Assert.Contains("etcdserver: invalid auth token", body, StringComparison.Ordinal);
        Assert.Equal("""{"health":"true","reason":""}""", await http.GetStringAsync(new Uri("/health", UriKind.Relative), Stop)); // Probes need not be anybody.

        async Task<(HttpStatusCode Code, string Body)> PostAsync(string path, string json, string? authorization = null)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, new Uri("/v3/" + path, UriKind.Relative)) { Content = new ByteArrayContent(Encoding.UTF8.GetBytes(json)) };
            if (authorization is not null)
            {
                request.Headers.TryAddWithoutValidation("Authorization", authorization);
            }

            using var answer = await http.SendAsync(request, Stop);
            return (answer.StatusCode, await answer.Content.ReadAsStringAsync(Stop));
        }
    }

    private Task<SmallCluster> StartAsync(bool requires)
    {
        var (certificate, key) = _files.Server();
        return SimpleTokenTests.StartAsync(1, options => options with
        {
            ListenClient = [new ListenAddress(new IPEndPoint(IPAddress.Loopback, 0), IsTls: true)],
            ClientTls = new PortTls { CertificateFile = certificate, KeyFile = key, AuthoritiesFile = _files.AuthorityFile, RequiresCertificate = requires },
        });
    }

    private static async Task SetUpAsync(SmallCluster cluster)
    {
        await using var channel = cluster[0].OpenChannel();
        var anybody = new Account(channel);
        await anybody.CallAsync<AuthUserAddResponse>(
            "Auth/UserAdd", new AuthUserAddRequest { Name = "alice", Options = new UserAddOptions { NoPassword = true } });
        await anybody.AllowAsync("alice", Type.Readwrite, "a");
        await anybody.EnableAsync();
    }

    private RpcChannel ChannelTo(SmallCluster cluster, (string Certificate, string Key) own) => new(new RpcChannelOptions
    {
        Addresses = [cluster[0].ClientEndPoints[0]],
        Tls = new RpcClientTls { Authorities = [_files.Authority], Certificate = _files.InMemory(own) },
    });
}
