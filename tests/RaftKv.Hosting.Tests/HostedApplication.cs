using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using RaftKv.Client;

namespace RaftKv.Hosting.Tests;

/// <summary>An application with a member in it, in a folder of its own.</summary>
internal sealed class HostedApplication : IAsyncDisposable
{
    private readonly IHost _host;

    public HostedApplication(string folder, Dictionary<string, string?>? settings = null, Action<HostApplicationBuilder>? build = null)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { ContentRootPath = folder });
        builder.Configuration.AddInMemoryCollection(settings ?? Quick());
        builder.Services.AddLogging();
        builder.Services.AddRaftKvServer(builder.Configuration.GetSection("RaftKv"));
        builder.Services.AddHealthChecks().AddRaftKvServer().AddRaftKv();
        build?.Invoke(builder);
        _host = builder.Build();
    }

    public IServiceProvider Services => _host.Services;

    public RaftKvClient Client => Services.GetRequiredService<RaftKvClient>();

    public RaftKvServer Server => Services.GetRequiredService<RaftKvServer>();

    /// <summary>A member that leads soon.</summary>
    public static Dictionary<string, string?> Quick() => new()
    {
        ["RaftKv:DataDirectory"] = "data",
        ["RaftKv:HeartbeatInterval"] = "00:00:00.010",
        ["RaftKv:ElectionTimeout"] = "00:00:00.100",
    };

    public Task StartAsync() => _host.StartAsync(TestContext.Current.CancellationToken);

    public Task StopAsync() => _host.StopAsync(TestContext.Current.CancellationToken);

    public Task WaitForEndAsync() => _host.WaitForShutdownAsync(TestContext.Current.CancellationToken);

    public Task<HealthReport> CheckAsync()
        => Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(TestContext.Current.CancellationToken);

    public ValueTask DisposeAsync() => ((IAsyncDisposable)_host).DisposeAsync();
}

/// <summary>A folder that goes with its test.</summary>
internal sealed class Folder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("raftkv-hosting-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
