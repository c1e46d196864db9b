using KubeStore.Http;
using KubeStore.Registry;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Microsoft.AspNetCore.Builder;

/// <summary>Kubernetes' REST API in an application of one's own.</summary>
public static class KubeEndpoints
{
    private static readonly string[] Roots = ["/api", "/apis", "/version", "/openapi", "/healthz", "/livez", "/readyz"];

    /// <summary>Serves the API of a registry, by default of the one among the application's services.</summary>
    /// <example><code>
    /// app.MapKubeStore(registry);   // kubectl --server http://… works
    /// </code></example>
    public static IEndpointConventionBuilder MapKubeStore(this IEndpointRouteBuilder app, KubeRegistry? registry = null, KubeApiOptions? options = null)
    {
        var handler = new KubeHandler(registry ?? app.ServiceProvider.GetRequiredService<KubeRegistry>(), options ?? new());
        RequestDelegate handle = handler.HandleAsync;
        var all = new Many();
        foreach (var root in Roots)
        {
            all.Add(app.Map(root, handle));
            all.Add(app.Map(root + "/{**rest}", handle));
        }

        return all;
    }

    private sealed class Many : IEndpointConventionBuilder
    {
        private readonly List<IEndpointConventionBuilder> _all = [];

        public void Add(IEndpointConventionBuilder one) => _all.Add(one);

        public void Add(Action<EndpointBuilder> convention) => _all.ForEach(one => one.Add(convention));
    }
}
