using RaftKv.Rpc.Client;

namespace RaftKv.Client.Calls;

/// <summary>
/// The connections: one each to a member for prompt calls, for watches, and for bulk, so that a large answer holds up
/// neither a keep-alive nor an event.
/// </summary>
internal sealed class Channels : IAsyncDisposable
{
    private readonly bool _isOwner;

    private Channels(RpcChannel prompt, RpcChannel watch, RpcChannel bulk, bool isOwner)
    {
        Prompt = prompt;
        Watch = watch;
        Bulk = bulk;
        _isOwner = isOwner;
    }

    public RpcChannel Prompt { get; }

    public RpcChannel Watch { get; }

    public RpcChannel Bulk { get; }

    public static Channels Open(RaftKvClientOptions options)
    {
        var shared = new RpcChannelOptions
        {
            Addresses = options.Endpoints,
            ConnectTimeout = options.ConnectTimeout,
            MaxReceiveMessageBytes = options.MaxReceiveMessageBytes,
            Tls = options.Tls,
            Time = options.Time,
            Chance = options.Chance,

            // Who is asked again when is decided above; this keeps a storm of connections away from one that is down.
            Eviction = new RpcBackOff(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(1)),
        };

        // Connections come up with the first call on them.
        return new(new RpcChannel(shared), new RpcChannel(shared), new RpcChannel(shared), isOwner: true);
    }

    public static Channels Over(RpcChannel channel) => new(channel, channel, channel, isOwner: false);

    /// <summary>Lets calls go to these addresses, and no others.</summary>
    public void UpdateAddresses(IReadOnlyList<Uri> addresses)
    {
        Prompt.UpdateAddresses(addresses);
        Watch.UpdateAddresses(addresses);
        Bulk.UpdateAddresses(addresses);
    }

    public async ValueTask DisposeAsync()
    {
        if (_isOwner)
        {
            await Prompt.DisposeAsync().ConfigureAwait(false);
            await Watch.DisposeAsync().ConfigureAwait(false);
            await Bulk.DisposeAsync().ConfigureAwait(false);
        }
    }
}
