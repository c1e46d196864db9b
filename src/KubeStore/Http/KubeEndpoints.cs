using KubeStore.Http;
using KubeStore.Registry;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Microsoft.AspNetCore.Builder;

/// <summary>Kubernetes' REST API in an application of one's own.</summary>
public static partial class KubeEndpoints
{
    private static readonly string[] Roots = ["/api", "/apis", "/version", "/openapi", "/healthz", "/livez", "/readyz"];

    /// <summary>Serves the API of a registry, by default of the one among the application's services.</summary>
    /// <example><code>
    /// app.MapKubeStore(registry);   // kubectl --server http://… works
    /// </code></example>
    public static IEndpointConventionBuilder MapKubeStore(this IEndpointRouteBuilder app, KubeRegistry? registry = null, KubeApiOptions? options = null)
    {
        options ??= new();
        if (options.Failed is null && app.ServiceProvider.GetService<ILoggerFactory>()?.CreateLogger("KubeStore") is { } logger)
        {
            options = options with { Failed = failed => RequestFailed(logger, failed) };
        }

        var handler = new KubeHandler(registry ?? app.ServiceProvider.GetRequiredService<KubeRegistry>(), options);
        RequestDelegate handle = handler.HandleAsync;
        var all = new Many();
        foreach (var root in Roots)
        {
            all.Add(app.Map(root, handle));
            all.Add(app.Map(root + "/{**rest}", handle));
        }

        return all;
    }

    [LoggerMessage(1, LogLevel.Error, "A request failed in a way it should not have.")]
    private static partial void RequestFailed(ILogger logger, Exception failed);

    private sealed class Many : IEndpointConventionBuilder
    {
        private readonly List<IEndpointConventionBuilder> _all = [];

        public void Add(IEndpointConventionBuilder one) => _all.Add(one);

        public void Add(Action<EndpointBuilder> convention) => _all.ForEach(one => one.Add(convention));
    }
}
