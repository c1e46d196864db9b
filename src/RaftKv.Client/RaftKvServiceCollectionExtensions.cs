using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace RaftKv.Client;

/// <summary>Clients among an application's services.</summary>
public static class RaftKvServiceCollectionExtensions
{
    /// <summary>
    /// Adds the application's client, made when it is first asked for and disposed of with the application. It logs where the
    /// application does, unless its options say otherwise.
    /// </summary>
    /// <example><code>
    /// builder.Services.AddRaftKvClient(_ => new RaftKvClientOptions { Endpoints = [new("http://127.0.0.1:2379")] });
    /// app.MapGet("/greeting", async (RaftKvClient client) => (await client.GetAsync("greeting"))?.ValueText);
    /// </code></example>
    /// <exception cref="ArgumentException">When it is asked for: the options cannot work; the text says why.</exception>
    public static IServiceCollection AddRaftKvClient(this IServiceCollection services, Func<IServiceProvider, RaftKvClientOptions> options)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(options);
        services.TryAddSingleton(provider => Connect(provider, options));
        return services;
    }

    /// <summary>Adds a client by a name, for applications with several clusters. It is a keyed service.</summary>
    /// <example><code>
    /// builder.Services.AddRaftKvClient("jobs", _ => new RaftKvClientOptions { Endpoints = [new("http://10.0.0.7:2379")] });
    /// app.MapGet("/jobs", ([FromKeyedServices("jobs")] RaftKvClient client) => ...);
    /// </code></example>
    public static IServiceCollection AddRaftKvClient(
        this IServiceCollection services, string name, Func<IServiceProvider, RaftKvClientOptions> options)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(options);
        services.TryAddKeyedSingleton(name, (provider, _) => Connect(provider, options));
        return services;
    }

    private static RaftKvClient Connect(IServiceProvider provider, Func<IServiceProvider, RaftKvClientOptions> options)
    {
        var given = options(provider);
        return RaftKvClient.Connect(given with { Loggers = given.Loggers ?? provider.GetService<ILoggerFactory>() });
    }
}
