using System.Net;
using RaftKv.Rpc.Client;
using RaftKv.Server;

namespace RaftKv.Client.Tests;

/// <summary>A member on its own in this process, and a client of it without a socket. For others it listens if asked to.</summary>
internal sealed class TestNode : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("raftkv-client-").FullName;
    private RaftKvNode? _node;
    private RpcChannel? _channel;

    public RaftKvClient Client { get; private set; } = null!;

    public RaftKvNode Node => _node!;

    public RpcChannel Channel => _channel!;

    public static async Task<TestNode> StartAsync(
        RaftKvClientOptions? options = null, bool listens = false, Func<RaftKvOptions, RaftKvOptions>? change = null)
    {
        var test = new TestNode();
        test._node = await RaftKvNode.StartAsync(
            (change ?? (one => one))(new RaftKvOptions
            {
                Name = "alone",
                DataDirectory = Path.Join(test._folder, "data"),
                ListenClient = listens ? [new IPEndPoint(IPAddress.Loopback, 0)] : [],
                ListenPeer = [new IPEndPoint(IPAddress.Loopback, 0)],
                HeartbeatInterval = TimeSpan.FromMilliseconds(10),
                ElectionTimeout = TimeSpan.FromMilliseconds(100),
                PasswordCost = 4,
            }),
            TestContext.Current.CancellationToken);
        await test._node.WaitUntilReadyAsync(TestContext.Current.CancellationToken);
        test._channel = test._node.OpenChannel();
        test.Client = RaftKvClient.Over(test._channel, options);
        return test;
    }

    public async ValueTask DisposeAsync()
    {
        await Client.DisposeAsync();
        await _channel!.DisposeAsync();
        await _node!.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}
