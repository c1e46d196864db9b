using System.Net;
using KubeStore.Storage;
using RaftKv.Rpc.Client;
using RaftKv.Server;

namespace KubeStore.Tests.Storage;

/// <summary>The same of a member in this process.</summary>
public sealed class MemberStorageTests : StorageContract
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kubestore-").FullName;
    private RaftKvNode _node = null!;
    private RpcChannel _channel = null!;

    public override async ValueTask InitializeAsync()
    {
        _node = await RaftKvNode.StartAsync(
            new RaftKvOptions { DataDirectory = Path.Combine(_folder, "data"), ListenClient = [], ListenPeer = [new IPEndPoint(IPAddress.Loopback, 0)] },
            TestContext.Current.CancellationToken);
        await _node.WaitUntilReadyAsync(TestContext.Current.CancellationToken);
        _channel = _node.OpenChannel();
        Store = new EtcdStorage(_channel);
    }

    public override async ValueTask DisposeAsync()
    {
        await _channel.DisposeAsync();
        await _node.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}
