using Microsoft.Extensions.DependencyInjection;

namespace RaftKv.Client.Tests;

public sealed class ServiceTests
{
    [Fact]
    public async Task Clients_are_made_once_by_name_and_go_with_the_application()
    {
        var services = new ServiceCollection()
            .AddRaftKvClient(_ => new RaftKvClientOptions { Endpoints = [new Uri("http://127.0.0.1:1")] })
            .AddRaftKvClient("other", _ => new RaftKvClientOptions { Endpoints = [new Uri("http://127.0.0.1:2")] })
            .AddRaftKvClient("broken", _ => new RaftKvClientOptions());
        var provider = services.BuildServiceProvider();
        var client = provider.GetRequiredService<RaftKvClient>();
        Assert.Same(client, provider.GetRequiredService<RaftKvClient>());
        var other = provider.GetRequiredKeyedService<RaftKvClient>("other");
        Assert.Equal(2, other.Maintenance.Endpoints[0].Port);
        Assert.Throws<ArgumentException>(() => provider.GetRequiredKeyedService<RaftKvClient>("broken"));
        await provider.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(
            async () => await client.GetAsync("k", cancellation: TestContext.Current.CancellationToken));
    }
}
