using System.Net;
using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Rpc.Client;

namespace RaftKv.Server.Tests.Hosting;

/// <summary>A member's client port as clients use it, over a socket, once for each call.</summary>
internal sealed class ClientCalls(RaftKvNode node) : IAsyncDisposable
{
    // Nothing is tried again, so the one connection may take as long as it does on a busy machine.
    private readonly RpcChannel _channel = new(new RpcChannelOptions
    {
        Addresses = [node.ClientEndPoints[0]],
        ConnectTimeout = TimeSpan.FromMinutes(1),
        RetryAttempts = 1,
        MaxReceiveMessageBytes = int.MaxValue,
    });

    /// <summary>What a member of <see cref="SmallCluster"/> needs so that it has such a port.</summary>
    public static RaftKvOptions WithPort(RaftKvOptions options) => options with { ListenClient = [new IPEndPoint(IPAddress.Loopback, 0)] };

    /// <exception cref="RpcException">Refused.</exception>
    public async Task<TResponse> CallAsync<TRequest, TResponse>(string service, string name, TRequest request)
        where TRequest : class, IMessage<TRequest>, new()
        where TResponse : class, IMessage<TResponse>, new()
    {
        var method = RpcMethod.Of<TRequest, TResponse>(
            RpcReflection.Descriptor.Services.Single(one => one.Name == service).FindMethodByName(name));
        return await _channel.UnaryAsync(method, request, new RpcCallOptions { CancellationToken = TestContext.Current.CancellationToken });
    }

    public Task<PutResponse> PutAsync(string key, ByteString value)
        => CallAsync<PutRequest, PutResponse>("KV", "Put", new PutRequest { Key = ByteString.CopyFromUtf8(key), Value = value });

    public async Task<ByteString?> GetAsync(string key, bool isSerializable = false)
    {
        var response = await CallAsync<RangeRequest, RangeResponse>(
            "KV", "Range", new RangeRequest { Key = ByteString.CopyFromUtf8(key), Serializable = isSerializable });
        return response.Kvs is [var only] ? only.Value : null;
    }

    /// <summary>Again and again while a cluster is about to agree upon a leader, or a member is not ready.</summary>
    public static async Task<T> SurelyAsync<T>(Func<Task<T>> call)
    {
        while (true)
        {
            try
            {
                return await call();
            }
            catch (RpcException refused) when (refused.Code is RpcStatusCode.Unavailable or RpcStatusCode.DeadlineExceeded)
            {
                await Task.Delay(20, TestContext.Current.CancellationToken);
            }
        }
    }

    public ValueTask DisposeAsync() => _channel.DisposeAsync();
}
