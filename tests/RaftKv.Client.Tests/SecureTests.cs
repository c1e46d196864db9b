using System.Net;
using System.Security.Cryptography;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc.Client;
using RaftKv.Server;
using RaftKv.Server.Tls;
using RaftKv.Server.Tokens;

namespace RaftKv.Client.Tests;

/// <summary>Clients that have to prove who they are: by certificates that are replaced, and by passwords.</summary>
public sealed class SecureTests : IDisposable
{
    private readonly CertificateFolder _files = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _files.Dispose();

    [Fact]
    public async Task A_client_follows_its_files_when_the_authority_changes()
    {
        using var next = CertificateFolder.NewAuthority("The next authority");
        var (certificate, key) = _files.Server();
        var (own, ownKey) = _files.Client("app");
        await using var node = await TestNode.StartAsync(change: options => options with
        {
            ListenClient = [new ListenAddress(new IPEndPoint(IPAddress.Loopback, 0), IsTls: true)],
            ClientTls = new PortTls { CertificateFile = certificate, KeyFile = key, AuthoritiesFile = _files.AuthorityFile },
        });
        var tls = new RpcClientTls { Files = RpcClientTlsFiles.Open(_files.AuthorityFile, own, ownKey) };
        await using (var client = ClientOf(node, tls))
        {
            await client.PutAsync("k", "1", cancellation: Stop);
        }

        _files.Write("ca.crt", next.ExportCertificatePem());
        _files.Server(authority: next);
        _files.Client("app", next);
        await using (var client = ClientOf(node, tls))
        {
            Assert.Equal("1", (await client.GetAsync("k", cancellation: Stop))!.ValueText);
        }
    }

    [Fact]
    public async Task A_file_that_is_broken_leaves_what_was_there_and_is_told()
    {
        var (certificate, key) = _files.Server();
        await using var node = await TestNode.StartAsync(change: options => options with
        {
            ListenClient = [new ListenAddress(new IPEndPoint(IPAddress.Loopback, 0), IsTls: true)],
            ClientTls = new PortTls { CertificateFile = certificate, KeyFile = key },
        });
        var problems = new List<string>();
        var tls = new RpcClientTls { Files = RpcClientTlsFiles.Open(_files.AuthorityFile, "", "", problem => problems.Add(problem.Message)) };
        _files.Write("ca.crt", "nothing");
        await using var client = ClientOf(node, tls);
        await client.PutAsync("k", "1", cancellation: Stop);
        Assert.Contains("ca.crt is not PEM", Assert.Single(problems), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_is_not_believed_is_named_with_the_reason()
    {
        using var other = CertificateFolder.NewAuthority("Somebody else");
        var (certificate, key) = _files.Server("server", other);
        await using var node = await TestNode.StartAsync(change: options => options with
        {
            ListenClient = [new ListenAddress(new IPEndPoint(IPAddress.Loopback, 0), IsTls: true)],
            ClientTls = new PortTls { CertificateFile = certificate, KeyFile = key },
        });
        await using var channel = new RpcChannel(new RpcChannelOptions
        {
            Addresses = [node.Node.ClientEndPoints[0]],
            RetryAttempts = 1,
            Tls = new RpcClientTls { Authorities = [_files.Authority] },
        });
        var refused = await Assert.ThrowsAsync<Rpc.RpcException>(async () => await channel.UnaryAsync(EtcdMethods.Range, new RangeRequest { Key = Google.Protobuf.ByteString.CopyFromUtf8("k") }));
        Assert.Contains(
            "no TLS connection: the server is not believed: its certificate 'CN=server'", refused.Status.Detail, StringComparison.Ordinal);
        Assert.Contains("no authority that is trusted here has signed it (its issuer is 'CN=Somebody else')", refused.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_goes_on_when_authentication_is_turned_on_behind_its_back()
    {
        await using var node = await TestNode.StartAsync(new RaftKvClientOptions { UserName = "root", Password = "secret" });
        await node.Client.PutAsync("k", "1", cancellation: Stop); // It was told that no token is needed.
        await EnableAsync(node.Channel);
        await node.Client.PutAsync("k", "2", cancellation: Stop);
        Assert.Equal("2", (await node.Client.GetAsync("k", cancellation: Stop))!.ValueText);
    }

    [Fact]
    public async Task Calls_and_watches_go_on_when_signed_tokens_become_old()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var keyFile = _files.Write("tokens.key", key.ExportPkcs8PrivateKeyPem());
        await using var node = await TestNode.StartAsync(
            new RaftKvClientOptions { UserName = "root", Password = "secret" },
            change: options => options with { Jwt = new JwtOptions { Method = "ES256", PrivateKeyFile = keyFile } });
        await EnableAsync(node.Channel);
        await node.Client.PutAsync("k", "1", cancellation: Stop);
        for (var i = 0; i < 5; i++)
        {
            await RoleAsync(node.Channel, $"role{i}");
            await node.Client.PutAsync("k", $"{i}", cancellation: Stop);
            await RoleAsync(node.Channel, $"other{i}");
            await using var watcher = await node.Client.StartWatchAsync(KeyRange.Key("k"), new WatchOptions { StartRevision = 1 }, Stop);
            await foreach (var batch in watcher)
            {
                if (batch.Events.Count > 0)
                {
                    break;
                }
            }
        }
    }

    private static RaftKvClient ClientOf(TestNode node, RpcClientTls tls)
        => RaftKvClient.Connect(new RaftKvClientOptions { Endpoints = [node.Node.ClientEndPoints[0]], Tls = tls });

    private static async Task EnableAsync(RpcChannel channel)
    {
        await channel.UnaryAsync(EtcdMethods.UserAdd, new AuthUserAddRequest { Name = "root", Password = "secret" });
        await channel.UnaryAsync(EtcdMethods.UserGrantRole, new AuthUserGrantRoleRequest { User = "root", Role = "root" });
        await channel.UnaryAsync(EtcdMethods.AuthEnable, new AuthEnableRequest());
    }

    private static async Task RoleAsync(RpcChannel channel, string name)
    {
        var token = await channel.UnaryAsync(EtcdMethods.Authenticate, new AuthenticateRequest { Name = "root", Password = "secret" });
        await channel.UnaryAsync(
            EtcdMethods.RoleAdd, new AuthRoleAddRequest { Name = name }, new RpcCallOptions { Metadata = new Rpc.RpcMetadata { { "token", token.Token } } });
    }
}
