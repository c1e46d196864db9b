using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using RaftKv.Protocol.Election;
using RaftKv.Protocol.Etcd;
using RaftKv.Protocol.Lock;
using RaftKv.Rpc.Health;
using RaftKv.Rpc.Reflection;
using RaftKv.Rpc.Server;
using RaftKv.Server.Api;
using RaftKv.Server.Replica;

namespace RaftKv.Server.Hosting;

/// <summary>Where clients come in: gRPC and plain HTTP on the same ports.</summary>
internal sealed class ClientPort : IAsyncDisposable
{
    private readonly ApiServices _api;
    private readonly RpcHost? _host;

    private ClientPort(ApiServices api, RpcHost? host)
    {
        _api = api;
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
        if (options.ListenClient.Count == 0)
        {
            return new ClientPort(api, host: null);
        }

        try
        {
            var host = await RpcHost.StartAsync(HostOptions(api, limits, options), cancellation).ConfigureAwait(false);
            return new ClientPort(api, host);
        }
        catch
        {
            api.Dispose();
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
    }

    private static RpcHostOptions HostOptions(ApiServices api, ApiOptions limits, RaftKvOptions options)
    {
        var host = new RpcHostOptions
        {
            Connections = new RpcConnectionLimits
            {
                MaxStreams = options.MaxConcurrentStreams,
                KeepAliveInterval = options.ClientKeepAliveInterval,
                KeepAliveTimeout = options.ClientKeepAliveTimeout,
            },
            Http = app => app.Map("/version", branch => branch.Run(http => WriteVersionAsync(http, limits))),
        };
        host.Server.Time = options.Time;
        host.Server.Loggers = options.Loggers ?? NullLoggerFactory.Instance;
        foreach (var endPoint in options.ListenClient)
        {
            host.Listen.Add(new RpcListenAddress(endPoint));
        }

        api.AddTo(host);
        host.Services.Add(new HealthService().Service);
        var announced = RpcReflection.Descriptor.Services
            .Concat(V3LockReflection.Descriptor.Services)
            .Concat(V3ElectionReflection.Descriptor.Services)
            .ToList();

        // A service that is announced but not there yet says so, method by method.
        var served = host.Services.Select(service => service.Descriptor.FullName).ToHashSet(StringComparer.Ordinal);
        foreach (var service in announced.Where(service => !served.Contains(service.FullName)))
        {
            host.Services.Add(new RpcService(service));
        }

        foreach (var service in new ReflectionService([.. announced, Grpc.Health.V1.HealthReflection.Descriptor.Services[0]]).Services)
        {
            host.Services.Add(service);
        }

        return host;
    }

    private static Task WriteVersionAsync(HttpContext http, ApiOptions limits)
    {
        http.Response.ContentType = "application/json";
        var own = JsonEncodedText.Encode(RaftKvNode.Version);
        return http.Response.WriteAsync(
            $$"""{"etcdserver":"{{limits.ApiVersion}}","etcdcluster":"{{limits.ClusterVersion}}.0","storage":"{{limits.StorageVersion}}","raftkv":"{{own}}"}""",
            http.RequestAborted);
    }
}
