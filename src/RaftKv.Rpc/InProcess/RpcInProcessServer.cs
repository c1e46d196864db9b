using RaftKv.Rpc.Server;

namespace RaftKv.Rpc.InProcess;

/// <summary>
/// Services that a channel of the same process calls without a socket: requests and responses go from hand to hand, and
/// everything else (deadlines, metadata, interceptors, limits, statuses) is as it is over the wire.
/// </summary>
/// <example><code>
/// using var server = new RpcInProcessServer(new RpcServerOptions(), [kv]);
/// await using var channel = new RpcChannel(server.ChannelOptions());
/// </code></example>
public sealed class RpcInProcessServer : IDisposable
{
    /// <summary>What a channel to it has for an address.</summary>
    public static readonly Uri Address = new("http://in-process:1");

    private readonly CancellationTokenSource _stopping = new();

    /// <param name="options">As of a server with a port.</param>
    /// <param name="services">May be on other servers, too.</param>
    public RpcInProcessServer(RpcServerOptions options, IEnumerable<RpcService> services)
    {
        // Asked for after the end, too, when the source gives it no more.
        Stopping = _stopping.Token;
        Dispatcher = new RpcDispatcher(options, services, Stopping);
    }

    internal RpcDispatcher Dispatcher { get; }

    internal CancellationToken Stopping { get; }

    /// <summary>For a channel to these services.</summary>
    public Client.RpcChannelOptions ChannelOptions() => new()
    {
        Addresses = [Address],
        InProcess = this,

        // What protects a client from a server it does not know protects nobody here.
        MaxReceiveMessageBytes = int.MaxValue,
    };

    /// <summary>What carries the calls of one channel, or of one address of it.</summary>
    public HttpMessageHandler NewHandler() => new InProcessHandler(this);

    /// <summary>Ends streams, and refuses what comes later, as UNAVAILABLE.</summary>
    public void Dispose()
    {
        _stopping.Cancel();
        _stopping.Dispose();
    }
}
