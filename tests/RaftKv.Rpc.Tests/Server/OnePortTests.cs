using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc.Server;

namespace RaftKv.Rpc.Tests.Server;

/// <summary>gRPC over HTTP/2 and plain HTTP/1.1 on the same port, without and with TLS.</summary>
public sealed class OnePortTests
{
    private const string Range = "/etcdserverpb.KV/Range";

    [Fact]
    public async Task A_plain_port_serves_calls_and_plain_HTTP_by_either_version()
    {
        await using var host = await RpcHost.StartAsync(Options(tls: null), TestContext.Current.CancellationToken);
        using var raw = new RawCall();

        await ServesBothAsync(raw, host.Address());
    }

    [Fact]
    public async Task The_preface_may_arrive_byte_by_byte()
    {
        await using var host = await RpcHost.StartAsync(Options(tls: null), TestContext.Current.CancellationToken);
        using var socket = new TcpClient { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, host.Address().Port, TestContext.Current.CancellationToken);
        var stream = socket.GetStream();

        foreach (var b in "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray())
        {
            await stream.WriteAsync(new[] { b }, TestContext.Current.CancellationToken);
        }

        await stream.WriteAsync(new byte[] { 0, 0, 0, 4, 0, 0, 0, 0, 0 }, TestContext.Current.CancellationToken); // Empty SETTINGS.
        var header = new byte[9];
        await stream.ReadExactlyAsync(header, TestContext.Current.CancellationToken);

        Assert.Equal(4, header[3]); // SETTINGS: it is HTTP/2.
    }

    [Theory]
    [InlineData("PRI * HTTP/1.1\r\n\r\n")]
    [InlineData("PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n")]
    [InlineData("P")]
    [InlineData("")]
    [InlineData("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")]
    public async Task What_is_not_the_preface_is_left_to_HTTP_1(string bytes)
    {
        await using var host = await RpcHost.StartAsync(Options(tls: null), TestContext.Current.CancellationToken);
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, host.Address().Port, TestContext.Current.CancellationToken);
        var stream = socket.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(bytes), TestContext.Current.CancellationToken);
        socket.Client.Shutdown(SocketShutdown.Send);

        using var reader = new StreamReader(stream);
        var answer = await reader.ReadToEndAsync(TestContext.Current.CancellationToken);

        Assert.True(answer.Length == 0 || answer.StartsWith("HTTP/1.1 ", StringComparison.Ordinal), answer);
        using var raw = new RawCall();
        await ServesBothAsync(raw, host.Address());
    }

    [Fact]
    public async Task A_TLS_port_serves_both_by_ALPN()
    {
        using var authority = TestAuthority.Create();
        await using var host = await RpcHost.StartAsync(
            Options(new RpcServerTls { Certificate = authority.Issue("localhost", server: true) }), TestContext.Current.CancellationToken);
        using var raw = new RawCall(Trusting(authority));

        await ServesBothAsync(raw, host.Address());
    }

    [Fact]
    public async Task A_required_client_certificate_must_come_from_the_authority()
    {
        using var authority = TestAuthority.Create();
        using var stranger = TestAuthority.Create();
        string? seen = null;
        var options = Options(
            new RpcServerTls
            {
                Certificate = authority.Issue("localhost", server: true),
                RequireClientCertificate = true,
                ClientAuthorities = [authority.Certificate],
            },
            call => seen = call.ClientCertificate?.Subject);
        await using var host = await RpcHost.StartAsync(options, TestContext.Current.CancellationToken);

        using var known = new RawCall(Trusting(authority, authority.Issue("alice", server: false)));
        using var unknown = new RawCall(Trusting(authority, stranger.Issue("mallory", server: false)));
        using var without = new RawCall(Trusting(authority));

        await ServesBothAsync(known, host.Address());
        Assert.Equal("CN=alice", seen);
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => unknown.PostAsync(host.Address(), Range, RawCall.Framed([])));
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => without.PostAsync(host.Address(), Range, RawCall.Framed([])));
    }

    [Fact]
    public async Task An_optional_client_certificate_is_seen_when_it_comes()
    {
        using var authority = TestAuthority.Create();
        var seen = new List<string?>();
        var options = Options(
            new RpcServerTls { Certificate = authority.Issue("localhost", server: true), ClientAuthorities = [authority.Certificate] },
            call => seen.Add(call.ClientCertificate?.Subject));
        await using var host = await RpcHost.StartAsync(options, TestContext.Current.CancellationToken);
        using var known = new RawCall(Trusting(authority, authority.Issue("alice", server: false)));
        using var without = new RawCall(Trusting(authority));

        await known.PostAsync(host.Address(), Range, RawCall.Framed([]));
        await without.PostAsync(host.Address(), Range, RawCall.Framed([]));

        Assert.Equal(["CN=alice", null], seen);
    }

    [Fact]
    public async Task A_port_that_is_taken_is_named()
    {
        await using var host = await RpcHost.StartAsync(Options(tls: null), TestContext.Current.CancellationToken);
        var options = Options(tls: null);
        options.Listen[0] = new RpcListenAddress(new IPEndPoint(IPAddress.Loopback, host.Address().Port));

        var taken = await Assert.ThrowsAsync<IOException>(() => RpcHost.StartAsync(options, TestContext.Current.CancellationToken));

        Assert.Contains($"{host.Address().Port}", taken.Message, StringComparison.Ordinal);
    }

    private static RpcHostOptions Options(RpcServerTls? tls, Action<RpcServerCall>? onCall = null)
    {
        var options = TestHost.Options(TestHost.Kv().Unary<RangeRequest, RangeResponse>("Range", (request, call) =>
        {
            onCall?.Invoke(call);
            return new(new RangeResponse { Count = request.Limit });
        }));
        options.Listen[0] = options.Listen[0] with { Tls = tls };
        options.Http = app => app.Map("/version", branch => branch.Run(http => http.Response.WriteAsync($"over {http.Request.Protocol}")));
        return options;
    }

    private static async Task ServesBothAsync(RawCall raw, Uri address)
    {
        var call = await raw.PostAsync(address, Range, RawCall.Framed(new RangeRequest { Limit = 4 }));
        var http1 = await raw.SendAsync(address, HttpMethod.Get, "/version", null, null, HttpVersion.Version11);
        var http2 = await raw.SendAsync(address, HttpMethod.Get, "/version", null, null, HttpVersion.Version20);

        Assert.Equal(RpcStatusCode.Ok, call.Code);
        Assert.Equal("over HTTP/1.1", Encoding.UTF8.GetString(http1.Body));
        Assert.Equal("over HTTP/2", Encoding.UTF8.GetString(http2.Body));
    }

    private static SocketsHttpHandler Trusting(TestAuthority authority, X509Certificate2? own = null) => new()
    {
        SslOptions = new SslClientAuthenticationOptions
        {
            RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null && authority.Signed(certificate),
            ClientCertificates = own is null ? null : [own],
            LocalCertificateSelectionCallback = own is null ? null : (_, _, _, _, _) => own,
        },
    };
}

/// <summary>A certificate authority that lives as long as a test.</summary>
internal sealed class TestAuthority : IDisposable
{
    private TestAuthority(X509Certificate2 certificate) => Certificate = certificate;

    public X509Certificate2 Certificate { get; }

    public static TestAuthority Create()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=Test authority", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        return new(request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(2)));
    }

    public X509Certificate2 Issue(string name, bool server)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var purpose = server ? "1.3.6.1.5.5.7.3.1" : "1.3.6.1.5.5.7.3.2";
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(purpose)], false));
        if (server)
        {
            var names = new SubjectAlternativeNameBuilder();
            names.AddDnsName(name);
            names.AddIpAddress(IPAddress.Loopback);
            request.CertificateExtensions.Add(names.Build());
        }

        using var issued = request.Create(
            Certificate, DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddDays(1), RandomNumberGenerator.GetBytes(8));
        using var withKey = issued.CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(withKey.Export(X509ContentType.Pfx), null);
    }

    public bool Signed(X509Certificate certificate)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(Certificate);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        return chain.Build(X509CertificateLoader.LoadCertificate(certificate.GetRawCertData()));
    }

    public void Dispose() => Certificate.Dispose();
}
