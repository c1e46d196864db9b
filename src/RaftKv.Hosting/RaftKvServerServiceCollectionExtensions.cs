using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using RaftKv.Client;

namespace RaftKv.Hosting;

/// <summary>A member among an application's services.</summary>
public static class RaftKvServerServiceCollectionExtensions
{
    /// <summary>
    /// Makes the application a member of a RaftKv cluster, or the whole of one. Adds <see cref="RaftKvServer"/>, which starts
    /// and stops with the host, and a <see cref="RaftKvClient"/> of it that needs no socket, unless there is one already.
    /// Options that cannot work stop the start of the host.
    /// </summary>
    /// <example><code>
    /// builder.Services.AddRaftKvServer(options => options.DataDirectory = "data");
    /// app.MapGet("/greeting", async (RaftKvClient client) => (await client.GetAsync("greeting"))?.ValueText);
    /// </code></example>
    public static IServiceCollection AddRaftKvServer(this IServiceCollection services, Action<RaftKvServerOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        var options = services.AddOptions<RaftKvServerOptions>().ValidateOnStart();
        if (configure is not null)
        {
            options.Configure(configure);
        }

        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<RaftKvServerOptions>, ServerOptionsCheck>());
        if (services.All(service => service.ServiceType != typeof(RaftKvServer)))
        {
            services.AddSingleton<RaftKvServer>();
            services.AddHostedService(provider => provider.GetRequiredService<RaftKvServer>());
        }

        services.TryAddSingleton(provider =>
        {
            var server = provider.GetRequiredService<RaftKvServer>();
            return RaftKvClient.Over(server.Channel, new RaftKvClientOptions
            {
                ElectionTimeout = server.Options.ElectionTimeout,
                Loggers = provider.GetService<ILoggerFactory>(),
                Time = server.Options.Time,
            });
        });
        return services;
    }

    /// <summary>The same, with options from configuration. A key that is none of them is a mistake, and stops the start.</summary>
    /// <example><code>builder.Services.AddRaftKvServer(builder.Configuration.GetSection("RaftKv"));</code></example>
    public static IServiceCollection AddRaftKvServer(
        this IServiceCollection services, IConfiguration configuration, Action<RaftKvServerOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configuration);
        services.AddOptions<RaftKvServerOptions>().Bind(configuration, binder => binder.ErrorOnUnknownConfiguration = true);
        return services.AddRaftKvServer(configure);
    }
}
