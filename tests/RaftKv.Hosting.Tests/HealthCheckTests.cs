using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using RaftKv.Client;

namespace RaftKv.Hosting.Tests;

public sealed class HealthCheckTests : IDisposable
{
    private readonly Folder _folder = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_member_is_healthy_when_it_is_ready_and_says_who_leads()
    {
        await using var application = new HostedApplication(_folder.Path);
        await application.StartAsync();
        await application.Server.WaitUntilReadyAsync(Stop);
        var report = await application.CheckAsync();
        Assert.Equal(HealthStatus.Healthy, report.Status);
        var self = report.Entries["raftkv-server"].Data["member"];
        Assert.Equal(self, report.Entries["raftkv-server"].Data["leader"]);
        Assert.Equal(self, report.Entries["raftkv"].Data["leader"]);
        await application.StopAsync();
        Assert.Equal(HealthStatus.Unhealthy, (await application.CheckAsync()).Entries["raftkv-server"].Status);
    }

    [Fact]
    public async Task A_member_that_does_not_run_yet_is_not_healthy()
    {
        await using var application = new HostedApplication(
            _folder.Path, build: builder => builder.Services.Configure<HealthCheckServiceOptions>(
                options => options.Registrations.Remove(options.Registrations.Single(check => check.Name == "raftkv"))));
        var report = await application.CheckAsync();
        Assert.Equal("The member does not run yet.", report.Entries["raftkv-server"].Description);
        Assert.Equal(HealthStatus.Unhealthy, report.Status);
    }

    [Fact]
    public async Task A_member_without_room_is_degraded_and_still_gets_traffic()
    {
        var settings = HostedApplication.Quick();
        settings["RaftKv:QuotaBytes"] = "1";
        await using var application = new HostedApplication(_folder.Path, settings);
        await application.StartAsync();
        await Assert.ThrowsAsync<NoSpaceException>(async () => await application.Client.PutAsync("k", "v", cancellation: Stop));
        var report = await application.CheckAsync();
        Assert.Equal(HealthStatus.Degraded, report.Entries["raftkv-server"].Status);
        Assert.Equal("NoSpace", report.Entries["raftkv-server"].Data["alarms"]);
        Assert.Equal(HealthStatus.Degraded, report.Entries["raftkv"].Status);
        await application.StopAsync();
    }

    [Fact]
    public async Task A_client_of_nobody_is_unhealthy()
    {
        var services = new ServiceCollection().AddLogging();
        services.AddRaftKvClient("away", _ => new RaftKvClientOptions
        {
            Endpoints = [new Uri("http://127.0.0.1:1")],
            Timeout = TimeSpan.FromMilliseconds(200),
        });
        services.AddHealthChecks().AddRaftKv("away", client: "away", failureStatus: HealthStatus.Degraded);
        await using var provider = services.BuildServiceProvider();
        var report = await provider.GetRequiredService<HealthCheckService>().CheckHealthAsync(Stop);
        Assert.Equal(HealthStatus.Degraded, report.Entries["away"].Status);
        Assert.IsAssignableFrom<RaftKvException>(report.Entries["away"].Exception);
    }

    [Fact]
    public async Task A_web_application_answers_its_probes()
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = _folder.Path });
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        builder.Services.AddRaftKvServer(options =>
        {
            options.HeartbeatInterval = TimeSpan.FromMilliseconds(10);
            options.ElectionTimeout = TimeSpan.FromMilliseconds(100);
        });
        builder.Services.AddHealthChecks().AddRaftKvServer(tags: ["ready"]);
        await using var app = builder.Build();
        app.MapHealthChecks("/readyz");
        app.MapGet("/greeting", async (RaftKvClient client) => (await client.GetAsync("greeting"))?.ValueText ?? "none");
        await app.StartAsync(Stop);
        await app.Services.GetRequiredService<RaftKvServer>().WaitUntilReadyAsync(Stop);
        using var http = new HttpClient { BaseAddress = new Uri(app.Urls.Single()) };
        Assert.Equal("Healthy", await http.GetStringAsync(new Uri("/readyz", UriKind.Relative), Stop));
        Assert.Equal("none", await http.GetStringAsync(new Uri("/greeting", UriKind.Relative), Stop));
        await app.StopAsync(Stop);
        Assert.True(Directory.Exists(Path.Join(_folder.Path, "default.raftkv")));
    }
}
