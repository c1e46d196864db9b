using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using RaftKv.Rpc.Client;
using RaftKv.Rpc.InProcess;
using RaftKv.Rpc.Reflection;
using RaftKv.Rpc.Server;
using RaftKv.Server.Api;
using RaftKv.Server.Gateway;
using RaftKv.Server.Metrics;
using RaftKv.Server.Tls;
using RaftKv.Server.Tokens;
using RaftKv.Storage.Files;

namespace RaftKv.Server.Hosting;

/// <summary>Where clients come in: gRPC and plain HTTP on the same ports, and channels of this process without one.</summary>
internal sealed class ClientPort : IAsyncDisposable
{
    private readonly ApiServices _api;
    private readonly ITokens _tokens;
    private readonly MemberHealth _health;
    private readonly RpcInProcessServer _inProcess;
    private readonly JsonGateway? _gateway;
    private readonly Hosts _hosts;

    private ClientPort(
        ApiServices api, ITokens tokens, MemberHealth health, RpcInProcessServer inProcess, JsonGateway? gateway, Hosts hosts)
    {
        _api = api;
        _tokens = tokens;
        _health = health;
        _inProcess = inProcess;
        _gateway = gateway;
        _hosts = hosts;
    }

    public IReadOnlyList<Uri> EndPoints => _hosts.Clients?.EndPoints ?? [];

    /// <summary>Where plain HTTP is served, if that is not where clients come in.</summary>
    public IReadOnlyList<Uri> HttpEndPoints => _hosts.Http?.EndPoints ?? [];

    public IReadOnlyList<Uri> MetricsEndPoints => _hosts.Metrics?.EndPoints ?? [];

    /// <exception cref="IOException">An address is taken or cannot be listened on; the text names it.</exception>
    public static async Task<ClientPort> OpenAsync(
        RunningMember member, RaftKvOptions options, NodeMetrics metrics, MemberCertificates certificates, CancellationToken cancellation)
    {
        var limits = new ApiOptions
        {
            MaxRequestBytes = options.MaxRequestBytes,
            MaxTxnOperations = options.MaxTxnOps,
            QuotaBytes = options.EffectiveQuotaBytes,
            MaxPendingWriteBytes = options.MaxPendingWriteBytes,
            MaxPendingReads = options.MaxPendingReads,
            MaxPendingReadBytes = options.MaxPendingReadBytes,
            SlowCall = options.SlowCall,
            ElectionTimeout = options.ElectionTimeout,
            MaxLearners = options.MaxLearners,
            WatchProgressInterval = options.WatchProgressInterval,
            PasswordCost = options.PasswordCost,
            ApiVersion = RaftKvNode.EtcdVersion,
        };
        ITokens tokens = options.Jwt is { } jwt
            ? new JwtTokens(member, certificates.Tokens!, jwt.TimeToLive, options.Time)
            : new SimpleTokens(member, member.Tokens);
        var tls = certificates.Client;
        var api = ApiServices.Create(member, limits, options.Time, tokens, tls?.KnowsUsers == true);
        metrics.Gate = api.Gate;
        var health = new MemberHealth(member, limits, options.Time, metrics.Health);
        var served = HostOptions(api, member, health, metrics, options, tls);
        var inProcess = new RpcInProcessServer(served.Server, served.Services);
        var hasHttp = served.Listen.Count > 0 || options.ListenClientHttp.Count > 0;
        var gateway = options.HasGateway && hasHttp
            ? new JsonGateway(inProcess, served, new AllowedOrigins(options.AllowedOrigins), options.MaxRequestBytes)
            : null;
        var endpoints = served.Http;
        served.Http = app =>
        {
            AllowedHosts.Require(app, options.AllowedHosts);
            endpoints?.Invoke(app);
        };
        var hosts = new Hosts();
        try
        {
            if (options.ListenClientHttp.Count > 0)
            {
                hosts.Http = await RpcHost.StartAsync(HttpHost(served.Http, options, tls), cancellation).ConfigureAwait(false);
                served.Http = null;
            }

            hosts.Clients = served.Listen.Count > 0 ? await RpcHost.StartAsync(served, cancellation).ConfigureAwait(false) : null;
            hosts.Metrics = options.ListenMetrics.Count > 0
                ? await RpcHost.StartAsync(MetricsHost(health, metrics, options, tls), cancellation).ConfigureAwait(false)
                : null;
            return new ClientPort(api, tokens, health, inProcess, gateway, hosts);
        }
        catch
        {
            await hosts.DisposeAsync().ConfigureAwait(false);
            if (gateway is not null)
            {
                await gateway.DisposeAsync().ConfigureAwait(false);
            }

            inProcess.Dispose();
            api.Dispose();
            (tokens as IDisposable)?.Dispose();
            health.Dispose();
            throw;
        }
    }

    public RpcChannelOptions InProcessChannelOptions() => _inProcess.ChannelOptions();

    public HttpMessageHandler NewHandler() => _inProcess.NewHandler();

    public async ValueTask DisposeAsync()
    {
        _inProcess.Dispose();
        await _hosts.DisposeAsync().ConfigureAwait(false);
        if (_gateway is not null)
        {
            await _gateway.DisposeAsync().ConfigureAwait(false);
        }

        _api.Dispose();
        (_tokens as IDisposable)?.Dispose();
        _health.Dispose();
    }

    private static ILogger LogOf(RaftKvOptions options) => (options.Loggers ?? NullLoggerFactory.Instance).CreateLogger("raftkv");

    private static void SayThatSlow(ILogger log, RpcServerCall call, TimeSpan took)
    {
        var stages = call.Remark as CallStages ?? new CallStages();
        Log.SlowCall(
            log,
            call.Method.Path,
            Math.Round(took.TotalMilliseconds, 1),
            stages.Slowest(took),
            stages.Text(took),
            call.Status.Code.ToString(),
            call.Peer?.ToString() ?? "this process");
    }

    private static RpcHostOptions NewHost(RaftKvOptions options, IReadOnlyList<ListenAddress> addresses, TlsPort? tls)
    {
        var host = new RpcHostOptions();
        host.Server.Time = options.Time;
        host.Server.Loggers = options.Loggers ?? NullLoggerFactory.Instance;
        foreach (var address in addresses)
        {
            host.Listen.Add(new RpcListenAddress(address.EndPoint) { Handshake = address.IsTls ? tls!.ServerOptions : null });
        }

        return host;
    }

    private static RpcHostOptions HttpHost(Action<IApplicationBuilder> endpoints, RaftKvOptions options, TlsPort? tls)
    {
        var host = NewHost(options, options.ListenClientHttp, tls);
        host.Http = endpoints;
        host.Connections = new RpcConnectionLimits { MaxConnections = options.MaxConnections };
        return host;
    }

    private static RpcHostOptions MetricsHost(MemberHealth health, NodeMetrics metrics, RaftKvOptions options, TlsPort? tls)
    {
        var host = NewHost(options, options.ListenMetrics, tls);
        host.Http = app =>
        {
            health.Map(app);
            MetricsEndpoint.Map(app, metrics);
            if (options.LogLevels is { } levels)
            {
                LogLevelEndpoint.Map(app, levels, LogOf(options), isForOperators: true);
            }
        };
        return host;
    }

    private static RpcHostOptions HostOptions(ApiServices api, RunningMember member, MemberHealth health, NodeMetrics metrics, RaftKvOptions options, TlsPort? tls)
    {
        var host = NewHost(options, options.ListenClient, tls);
        host.Connections = new RpcConnectionLimits
        {
            MaxStreams = options.MaxConcurrentStreams,
            MaxConnections = options.MaxConnections,
            KeepAliveInterval = options.ClientKeepAliveInterval,
            KeepAliveTimeout = options.ClientKeepAliveTimeout,
        };
        host.Server.Observer = metrics.Calls;
        var log = LogOf(options);
        host.Server.Explains = trouble => trouble switch
        {
            // Asked again it goes to a member that has it, or finds it here when it was mended.
            StorageException problem => member.ReportUnreadable(problem) ? ApiErrors.OutOfService : ApiErrors.Unreadable,
            _ => null,
        };
        host.Server.SlowAfter = options.SlowCall;
        host.Server.SlowCall = (call, took) => SayThatSlow(log, call, took);
        host.Http = app =>
        {
            MetricsEndpoint.Map(app, metrics);
            if (options.LogLevels is { } levels)
            {
                LogLevelEndpoint.Map(app, levels, log, isForOperators: false);
            }
        };
        api.AddTo(host);
        health.AddTo(host);
        foreach (var service in new ReflectionService([.. host.Services.Select(service => service.Descriptor)]).Services)
        {
            host.Services.Add(service);
        }

        return host;
    }

    /// <summary>What listens.</summary>
    private sealed class Hosts : IAsyncDisposable
    {
        public RpcHost? Clients { get; set; }

        public RpcHost? Http { get; set; }

        public RpcHost? Metrics { get; set; }

        public async ValueTask DisposeAsync()
        {
            foreach (var host in (RpcHost?[])[Clients, Http, Metrics])
            {
                if (host is not null)
                {
                    await host.DisposeAsync().ConfigureAwait(false);
                }
            }
        }
    }
}
