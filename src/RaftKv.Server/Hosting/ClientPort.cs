using Microsoft.Extensions.Logging.Abstractions;
using RaftKv.Rpc.Reflection;
using RaftKv.Rpc.Server;
using RaftKv.Server.Api;
using RaftKv.Server.Replica;

namespace RaftKv.Server.Hosting;

/// <summary>Where clients come in: gRPC and plain HTTP on the same ports.</summary>
internal sealed class ClientPort : IAsyncDisposable
{
    private readonly ApiServices _api;
    private readonly MemberHealth _health;
    private readonly RpcHost? _host;

    private ClientPort(ApiServices api, MemberHealth health, RpcHost? host)
    {
        _api = api;
        _health = health;
        _host = host;
    }

    public IReadOnlyList<Uri> EndPoints => _host?.EndPoints ?? [];

    /// <exception cref="IOException">An address is taken or cannot be listened on; the text names it.</exception>
    public static async Task<ClientPort> OpenAsync(IMember member, RaftKvOptions options, CancellationToken cancellation)
    {
        var limits = new ApiOptions
        {
            MaxRequestBytes = options.MaxRequestBytes,
            MaxTxnOperations = options.MaxTxnOps,
            QuotaBytes = options.QuotaBytes == 0 ? ApiOptions.DefaultQuotaBytes : options.QuotaBytes,
            ElectionTimeout = options.ElectionTimeout,
            MaxLearners = options.MaxLearners,
            WatchProgressInterval = options.WatchProgressInterval,
            ApiVersion = RaftKvNode.EtcdVersion,
        };
        var api = ApiServices.Create(member, limits, options.Time);
        var health = new MemberHealth(member, limits, options.Time);
        if (options.ListenClient.Count == 0)
        {
            return new ClientPort(api, health, host: null);
        }

        try
        {
            var host = await RpcHost.StartAsync(HostOptions(api, health, options), cancellation).ConfigureAwait(false);
            return new ClientPort(api, health, host);
        }
        catch
        {
            api.Dispose();
            health.Dispose();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_host is not null)
        {
            await _host.DisposeAsync().ConfigureAwait(false);
        }

        _api.Dispose();
        _health.Dispose();
    }

    private static RpcHostOptions HostOptions(ApiServices api, MemberHealth health, RaftKvOptions options)
    {
        var host = new RpcHostOptions
        {
            Connections = new RpcConnectionLimits
            {
                MaxStreams = options.MaxConcurrentStreams,
                KeepAliveInterval = options.ClientKeepAliveInterval,
                KeepAliveTimeout = options.ClientKeepAliveTimeout,
            },
        };
        host.Server.Time = options.Time;
        host.Server.Loggers = options.Loggers ?? NullLoggerFactory.Instance;
        foreach (var endPoint in options.ListenClient)
        {
            host.Listen.Add(new RpcListenAddress(endPoint));
        }

        api.AddTo(host);
        health.AddTo(host);
        foreach (var service in new ReflectionService([.. host.Services.Select(service => service.Descriptor)]).Services)
        {
            host.Services.Add(service);
        }

        return host;
    }
}
