using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using RaftKv.Rpc.Server.Http2;

namespace RaftKv.Rpc.Server;

/// <summary>What an <see cref="RpcHost"/> serves, and where.</summary>
public sealed class RpcHostOptions
{
    /// <summary>Where to listen. Port 0 lets the system choose; see <see cref="RpcHost.EndPoints"/>.</summary>
    public IList<RpcListenAddress> Listen { get; } = [];

    public IList<RpcService> Services { get; } = [];

    public RpcServerOptions Server { get; } = new();

    public RpcConnectionLimits Connections { get; set; } = new();

    /// <summary>Plain HTTP endpoints on the same ports: what is not gRPC comes here.</summary>
    public Action<IApplicationBuilder>? Http { get; set; }

    /// <summary>On stopping, how long calls in progress may take to end.</summary>
    public TimeSpan StopTimeout { get; set; } = TimeSpan.FromSeconds(5);
}

/// <summary>
/// Kestrel with our services on it. On every port, gRPC over HTTP/2 and plain HTTP/1.1 live together: by ALPN with TLS,
/// by the first bytes without.
/// </summary>
/// <example><code>
/// await using var host = await RpcHost.StartAsync(options);
/// Console.WriteLine($"listening on {host.EndPoints[0]}");
/// </code></example>
public sealed class RpcHost : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly Http2Server _http2;
    private readonly CancellationTokenSource _stopping;
    private bool _disposed;

    private RpcHost(WebApplication app, CancellationTokenSource stopping, Http2Server http2)
    {
        _http2 = http2;
        _app = app;
        _stopping = stopping;
        EndPoints = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses
            .Select(address => new Uri(address))
            .ToArray();
    }

    /// <summary>The addresses listened on, with the ports that the system chose.</summary>
    public IReadOnlyList<Uri> EndPoints { get; }

    /// <exception cref="IOException">An address is taken or cannot be listened on; the text names it.</exception>
    public static async Task<RpcHost> StartAsync(RpcHostOptions options, CancellationToken cancellation = default)
    {
        if (options.Listen.Count == 0)
        {
            throw new ArgumentException("There is no address to listen on.", nameof(options));
        }

        var stopping = new CancellationTokenSource();
        var dispatcher = new RpcDispatcher(options.Server, options.Services, stopping.Token);
        var http2 = new Http2Server(options.Connections, options.Server.RawMetadata, options.Server.Loggers) { IsBrief = dispatcher.IsBrief };
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddLogging();
        builder.Services.Replace(ServiceDescriptor.Singleton<ILoggerFactory>(new KestrelLoggers(options.Server.Loggers)));
        builder.Services.AddRouting();
        builder.Services.Configure<Microsoft.Extensions.Hosting.HostOptions>(host => host.ShutdownTimeout = options.StopTimeout);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => Configure(kestrel, options, http2));
        if (options.Listen.Any(address => address.Tls is not null || address.Handshake is not null))
        {
            builder.WebHost.UseKestrelHttpsConfiguration();
        }

        var app = builder.Build();
        try
        {
            app.Use(next => http2.App = http => dispatcher.HandleAsync(http, next));
            http2.Scopes = app.Services.GetRequiredService<IServiceScopeFactory>();
            options.Http?.Invoke(app);
            await app.StartAsync(cancellation).ConfigureAwait(false);
            return new RpcHost(app, stopping, http2);
        }
        catch
        {
            await app.DisposeAsync().ConfigureAwait(false);
            stopping.Dispose();
            http2.Dispose();
            throw;
        }
    }

    /// <summary>Refuses new calls, ends streams as UNAVAILABLE, waits for unary calls up to the stop timeout, and closes.</summary>
    public async Task StopAsync(CancellationToken cancellation = default)
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _app.StopAsync(cancellation).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        await StopAsync().ConfigureAwait(false);
        await _app.DisposeAsync().ConfigureAwait(false);
        _http2.Dispose();
        _stopping.Dispose();
    }

    private static void Configure(KestrelServerOptions kestrel, RpcHostOptions options, Http2Server http2)
    {
        kestrel.AddServerHeader = false;

        var raw = options.Server.RawMetadata;
        kestrel.RequestHeaderEncodingSelector = header => raw.Contains(header) ? Encoding.Latin1 : null;

        var limits = options.Connections;
        kestrel.Limits.MaxConcurrentConnections = limits.MaxConnections;
        kestrel.Limits.MaxRequestBodySize = null;
        kestrel.Limits.MaxRequestHeadersTotalSize = limits.MaxHeaderBytes;
        kestrel.Limits.MaxResponseBufferSize = limits.ResponseBufferBytes;

        // A watcher may rest for as long as it likes; flow control bounds what it costs.
        kestrel.Limits.MinResponseDataRate = null;

        foreach (var address in options.Listen)
        {
            kestrel.Listen(address.EndPoint, listen =>
            {
                // With TLS it is offered to clients, and never served by Kestrel: see Http2Server.
                listen.Protocols = address.Tls is null && address.Handshake is null ? HttpProtocols.Http1 : HttpProtocols.Http1AndHttp2;
                if (address.Handshake is { } handshake)
                {
                    listen.UseHttps(new TlsHandshakeCallbackOptions
                    {
                        OnConnection = context => new ValueTask<SslServerAuthenticationOptions>(handshake(context.Connection.RemoteEndPoint)),
                    });
                }
                else if (address.Tls is { } tls)
                {
                    listen.UseHttps(https => Configure(https, tls));
                }

                listen.Use(http2.Use);
            });
        }
    }

    private static void Configure(HttpsConnectionAdapterOptions https, RpcServerTls tls)
    {
        https.ServerCertificate = tls.Certificate;
        https.SslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13;
        if (!tls.RequireClientCertificate && tls.ClientAuthorities.Count == 0)
        {
            return;
        }

        https.ClientCertificateMode = tls.RequireClientCertificate
            ? ClientCertificateMode.RequireCertificate
            : ClientCertificateMode.AllowCertificate;
        if (tls.ClientAuthorities.Count > 0)
        {
            https.ClientCertificateValidation = (certificate, _, errors) => IsTrusted(certificate, errors, tls.ClientAuthorities);
        }
    }

    private static bool IsTrusted(X509Certificate2 certificate, SslPolicyErrors errors, X509Certificate2Collection authorities)
    {
        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateNotAvailable))
        {
            return false;
        }

        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(authorities);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        return chain.Build(certificate);
    }
}
