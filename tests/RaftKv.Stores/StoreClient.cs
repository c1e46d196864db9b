using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Rpc.Client;

namespace RaftKv.Stores;

/// <summary>Our client at one member of a store, with every call's failure as an answer.</summary>
public sealed class StoreClient : IAsyncDisposable
{
    // A member that was started again is asked again soon.
    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(200);

    private readonly RpcChannel _channel;
    private readonly Func<IMessage, IMessage>? _doctor;

    /// <param name="address">Where the member serves clients.</param>
    /// <param name="doctor">Changes answers, for tests that want to see a difference noticed.</param>
    public StoreClient(Uri address, Func<IMessage, IMessage>? doctor = null)
    {
        Address = address;
        _doctor = doctor;
        _channel = new RpcChannel(new RpcChannelOptions
        {
            Addresses = [address],
            MaxReceiveMessageBytes = 64 * 1024 * 1024,
            Eviction = new(ShortestPause, LongestPause),
        });
    }

    public Uri Address { get; }

    /// <summary>No answer within this time is trouble with the store, and not an answer.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Calls a unary method; a failure is an answer like any other.</summary>
    /// <exception cref="StoreException">There was no answer in time, or nobody to ask.</exception>
    public async Task<Answer> CallAsync(string verb, IMessage request, RpcMetadata? metadata = null)
    {
        var options = new RpcCallOptions { Timeout = Patience, Metadata = metadata };
        try
        {
            return Answer.Of(Doctored(await StoreMethods.Of(verb).CallAsync(_channel, request, options)));
        }
        catch (RpcException failure) when (failure.Code == RpcStatusCode.DeadlineExceeded || IsConnectionLost(failure))
        {
            throw new StoreException($"{Address}: '{verb}' was not answered: {failure.Message}", failure);
        }
        catch (RpcException failure)
        {
            return Answer.Of(failure.Status);
        }
    }

    /// <summary>As above, for callers that know the answer is a message.</summary>
    public async Task<TResponse> CallAsync<TResponse>(string verb, IMessage request)
        where TResponse : IMessage
    {
        var answer = await CallAsync(verb, request);
        return answer.Message is TResponse message
            ? message
            : throw new StoreException($"{Address}: '{verb}' was refused: {answer.Status}");
    }

    public RpcDuplexCall<WatchRequest, WatchResponse> OpenWatch(RpcMetadata? metadata = null)
        => _channel.Duplex(StoreMethods.Watch, new RpcCallOptions { Metadata = metadata });

    public RpcDuplexCall<LeaseKeepAliveRequest, LeaseKeepAliveResponse> OpenKeepAlive()
        => _channel.Duplex(StoreMethods.KeepAlive);

    /// <summary>A call whose answers are a stream.</summary>
    public RpcServerStreamingCall<TResponse> OpenStream<TRequest, TResponse>(
        RpcMethod<TRequest, TResponse> method, TRequest request, TimeSpan patience, RpcMetadata? metadata = null)
        => _channel.ServerStreaming(method, request, new RpcCallOptions { Timeout = patience, Metadata = metadata });

    /// <summary>What the doctor makes of an answer; itself, where there is none.</summary>
    public T Doctored<T>(T answer)
        where T : IMessage
        => _doctor is null ? answer : (T)_doctor(answer);

    public ValueTask DisposeAsync() => _channel.DisposeAsync();

    // etcd's own UNAVAILABLE carries its prefix; without it the connection failed.
    private static bool IsConnectionLost(RpcException failure)
        => failure.Code == RpcStatusCode.Unavailable && !failure.Status.Detail.StartsWith("etcdserver:", StringComparison.Ordinal);
}
