using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using RaftKv.Rpc.Client;
using RaftKv.Rpc.Server;

namespace RaftKv.Rpc.Tests.Client;

/// <summary>https addresses: who is believed, and how this client proves itself.</summary>
public sealed class TlsTests
{
    private static readonly X509Certificate2 Authority = NewAuthority();
    private static readonly X509Certificate2 ServerCertificate = NewCertificate("server", "127.0.0.1");
    private static readonly X509Certificate2 ClientCertificate = NewCertificate("client", null);

    [Fact]
    public async Task A_server_signed_by_our_authority_is_believed()
    {
        await using var host = await StartAsync(requireClient: false);
        await using var channel = ChannelTo(host, new RpcClientTls { Authorities = [Authority] });

        Assert.Equal("x", EchoService.Text(await channel.UnaryAsync(EchoService.Unary, EchoService.Message("x"))));
    }

    [Fact]
    public async Task A_server_nobody_vouches_for_is_not()
    {
        await using var host = await StartAsync(requireClient: false);
        await using var channel = ChannelTo(host, new RpcClientTls());

        var failure = await Assert.ThrowsAsync<RpcException>(async () => await channel.UnaryAsync(EchoService.Unary, EchoService.Message("x")));

        Assert.Equal(RpcStatusCode.Unavailable, failure.Code);
        Assert.Contains("no TLS connection", failure.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_certificate_for_another_name_is_not_believed_unless_that_name_is_asked_for()
    {
        await using var host = await StartAsync(requireClient: false, NewCertificate("server", "kv.example"));
        await using var strict = ChannelTo(host, new RpcClientTls { Authorities = [Authority] });
        await using var named = ChannelTo(host, new RpcClientTls { Authorities = [Authority], ServerName = "kv.example" });

        await Assert.ThrowsAsync<RpcException>(async () => await strict.UnaryAsync(EchoService.Unary, EchoService.Message("x")));
        Assert.Equal("x", EchoService.Text(await named.UnaryAsync(EchoService.Unary, EchoService.Message("x"))));
    }

    [Fact]
    public async Task A_client_certificate_opens_a_server_that_asks_for_one()
    {
        await using var host = await StartAsync(requireClient: true);
        await using var known = ChannelTo(host, new RpcClientTls { Authorities = [Authority], Certificate = ClientCertificate });
        await using var unknown = ChannelTo(host, new RpcClientTls { Authorities = [Authority] });

        Assert.Equal("x", EchoService.Text(await known.UnaryAsync(EchoService.Unary, EchoService.Message("x"))));
        var failure = await Assert.ThrowsAsync<RpcException>(async () => await unknown.UnaryAsync(EchoService.Unary, EchoService.Message("x")));
        Assert.True(failure.Code is RpcStatusCode.Unavailable, $"{failure}");
    }

    private static Task<RpcHost> StartAsync(bool requireClient, X509Certificate2? certificate = null) => EchoService.StartAsync(configure: options =>
    {
        options.Listen.Clear();
        options.Listen.Add(new RpcListenAddress(new IPEndPoint(IPAddress.Loopback, 0))
        {
            Tls = new RpcServerTls
            {
                Certificate = certificate ?? ServerCertificate,
                RequireClientCertificate = requireClient,
                ClientAuthorities = requireClient ? [Authority] : [],
            },
        });
    });

    private static RpcChannel ChannelTo(RpcHost host, RpcClientTls tls) => new(new RpcChannelOptions
    {
        Addresses = [new UriBuilder(host.EndPoints[0]) { Scheme = "https" }.Uri],
        Tls = tls,
    });

    private static X509Certificate2 NewAuthority()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=test authority", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }

    private static X509Certificate2 NewCertificate(string name, string? host)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        if (host is not null)
        {
            var names = new SubjectAlternativeNameBuilder();
            if (IPAddress.TryParse(host, out var address))
            {
                names.AddIpAddress(address);
            }
            else
            {
                names.AddDnsName(host);
            }

            request.CertificateExtensions.Add(names.Build());
        }

        var serial = RandomNumberGenerator.GetBytes(8);
        using var signed = request.Create(Authority, DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddHours(1), serial);
        return signed.CopyWithPrivateKey(key);
    }
}
