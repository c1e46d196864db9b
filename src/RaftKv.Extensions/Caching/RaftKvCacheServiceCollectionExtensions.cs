using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.DependencyInjection;
using RaftKv.Client;

namespace RaftKv.Extensions.Caching;

/// <summary>The cache among an application's services.</summary>
public static class RaftKvCacheServiceCollectionExtensions
{
    /// <summary>Adds <see cref="RaftKvCache"/> as the application's <see cref="IDistributedCache"/>, over its <see cref="RaftKvClient"/>.</summary>
    /// <example><code>builder.Services.AddRaftKvCache();</code></example>
    public static IServiceCollection AddRaftKvCache(this IServiceCollection services, RaftKvCacheOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        return services.AddSingleton<IDistributedCache>(provider => new RaftKvCache(provider.GetRequiredService<RaftKvClient>(), options));
    }
}
