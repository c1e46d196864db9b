using KubeStore.Storage;
using RaftKv.Testing;

namespace KubeStore.Tests.Storage;

/// <summary>The same of a client, of a cluster in this process.</summary>
public sealed class ClientStorageTests : StorageContract
{
    private RaftKvTestServer _server = null!;

    public override async ValueTask InitializeAsync()
    {
        _server = await RaftKvTestServer.StartAsync(new() { Members = 3 }, TestContext.Current.CancellationToken);
        Store = new ClientStorage(_server.Client);
    }

    public override async ValueTask DisposeAsync() => await _server.DisposeAsync();
}
