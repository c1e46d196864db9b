using Microsoft.Extensions.Configuration;
using RaftKv.Client;

namespace RaftKv.Extensions.Configuration;

/// <summary>Settings out of the store.</summary>
public static class RaftKvConfigurationExtensions
{
    /// <summary>
    /// Adds the keys under a prefix as settings, through a client of their own. What changes in the store changes here, and
    /// <c>IOptionsMonitor</c> and reload tokens are told.
    /// </summary>
    /// <example><code>
    /// builder.Configuration.AddRaftKv(
    ///     new RaftKvClientOptions { Endpoints = [new("http://127.0.0.1:2379")] },
    ///     new RaftKvConfigurationOptions { Prefix = "shop/prod/", LastGoodFile = "settings.json" });
    /// </code></example>
    /// <exception cref="ArgumentException">The client's options cannot work; the text says why.</exception>
    /// <exception cref="TimeoutException">The store is away, there is no last good file, and the settings are not optional.</exception>
    public static IConfigurationBuilder AddRaftKv(
        this IConfigurationBuilder builder, RaftKvClientOptions client, RaftKvConfigurationOptions options)
    {
        ArgumentNullException.ThrowIfNull(client);
        return builder.AddRaftKv(options, () => RaftKvClient.Connect(client), ownsClient: true);
    }

    /// <summary>Adds the keys under a prefix as settings, through a client that there is. It stays the caller's.</summary>
    /// <example><code>
    /// builder.Configuration.AddRaftKv(client, new RaftKvConfigurationOptions { Prefix = "shop/prod/" });
    /// </code></example>
    /// <exception cref="TimeoutException">The store is away, there is no last good file, and the settings are not optional.</exception>
    public static IConfigurationBuilder AddRaftKv(this IConfigurationBuilder builder, RaftKvClient client, RaftKvConfigurationOptions options)
    {
        ArgumentNullException.ThrowIfNull(client);
        return builder.AddRaftKv(options, () => client, ownsClient: false);
    }

    private static IConfigurationBuilder AddRaftKv(
        this IConfigurationBuilder builder, RaftKvConfigurationOptions options, Func<RaftKvClient> connect, bool ownsClient)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(options);
        return builder.Add(new Source(options, connect, ownsClient));
    }

    private sealed class Source(RaftKvConfigurationOptions options, Func<RaftKvClient> connect, bool ownsClient) : IConfigurationSource
    {
        public IConfigurationProvider Build(IConfigurationBuilder builder) => new RaftKvConfigurationProvider(options, connect, ownsClient);
    }
}
