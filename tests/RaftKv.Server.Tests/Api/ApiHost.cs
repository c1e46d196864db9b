using System.Net;
using Google.Protobuf;
using RaftKv.Protocol.Election;
using RaftKv.Protocol.Etcd;
using RaftKv.Protocol.Lock;
using RaftKv.Rpc;
using RaftKv.Rpc.Client;
using RaftKv.Rpc.Server;
using RaftKv.Server.Api;

namespace RaftKv.Server.Tests.Api;

/// <summary>All services of a member on a port of its own, and a channel to them.</summary>
internal sealed class ApiHost : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly ApiServices _services;
    private readonly MemberHealth _health;
    private readonly RpcHost _host;

    private ApiHost(LoneMember member, ManualTime time, ApiServices services, MemberHealth health, RpcHost host)
    {
        Member = member;
        Time = time;
        _services = services;
        _health = health;
        _host = host;
        Channel = new RpcChannel(new RpcChannelOptions { Addresses = [host.EndPoints[0]], RetryAttempts = 1 });
    }

    public LoneMember Member { get; }

    public ManualTime Time { get; }

    public RpcChannel Channel { get; }

    public OverloadGate Gate => _services.Gate;

    public Uri Address => _host.EndPoints[0];

    public static async Task<ApiHost> StartAsync(ApiOptions? options = null, ICallerSource? callers = null)
    {
        var time = new ManualTime();
        var member = new LoneMember(time);
        var services = ApiServices.Create(member, options ?? new ApiOptions(), time, callers);
        var server = new RpcHostOptions { StopTimeout = TimeSpan.FromSeconds(2) };
        server.Listen.Add(new RpcListenAddress(new IPEndPoint(IPAddress.Loopback, 0)));
        services.AddTo(server);
        var health = new MemberHealth(member, options ?? new ApiOptions(), time);
        health.AddTo(server);
        return new ApiHost(member, time, services, health, await RpcHost.StartAsync(server));
    }

    /// <summary>Calls a unary method by "Service/Method", and expects an answer.</summary>
    public async Task<TResponse> CallAsync<TResponse>(string method, IMessage request, params (string Key, string Value)[] metadata)
        where TResponse : IMessage<TResponse>, new()
    {
        var bytes = await UnaryAsync(method, request, metadata);
        var response = new TResponse();
        response.MergeFrom(bytes);
        return response;
    }

    /// <summary>Calls a unary method, and expects to be refused.</summary>
    public async Task<RpcStatus> RefusedAsync(string method, IMessage request, params (string Key, string Value)[] metadata)
        => (await Assert.ThrowsAsync<RpcException>(() => UnaryAsync(method, request, metadata))).Status;

    /// <summary>Calls a unary method with any bytes.</summary>
    public async Task<RpcStatus> StatusOfBytesAsync(string method, byte[] request)
    {
        try
        {
            await UnaryAsync(method, request, []);
            return RpcStatus.Ok;
        }
        catch (RpcException refused)
        {
            return refused.Status;
        }
    }

    public RpcServerStreamingCall<TResponse> Stream<TRequest, TResponse>(
        string method, TRequest request, params (string Key, string Value)[] metadata)
        where TRequest : IMessage<TRequest>, new()
        where TResponse : IMessage<TResponse>, new()
        => Channel.ServerStreaming(RpcMethod.Of<TRequest, TResponse>(Find(method)), request, Options(metadata));

    public RpcDuplexCall<TRequest, TResponse> Duplex<TRequest, TResponse>(string method, params (string Key, string Value)[] metadata)
        where TRequest : IMessage<TRequest>, new()
        where TResponse : IMessage<TResponse>, new()
        => Channel.Duplex(RpcMethod.Of<TRequest, TResponse>(Find(method)), Options(metadata));

    /// <summary>Puts a key, and tells the revision.</summary>
    public async Task<long> PutAsync(string key, string value = "", long lease = 0)
        => (await CallAsync<PutResponse>("KV/Put", new PutRequest { Key = Bytes(key), Value = Bytes(value), Lease = lease }))
            .Header.Revision;

    public Task<RangeResponse> GetAsync(string key) => CallAsync<RangeResponse>("KV/Range", new RangeRequest { Key = Bytes(key) });

    public static ByteString Bytes(string text) => ByteString.CopyFrom(text, System.Text.Encoding.Latin1);

    /// <summary>Stops serving, with calls under way.</summary>
    public Task StopAsync() => _host.StopAsync(TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        await Channel.DisposeAsync();
        await _host.DisposeAsync();
        _services.Dispose();
        _health.Dispose();
        Member.Dispose();
    }

    private static RpcCallOptions Options((string Key, string Value)[] metadata)
    {
        var sent = new RpcMetadata();
        foreach (var (key, value) in metadata)
        {
            sent.Add(key, value);
        }

        return new RpcCallOptions { Metadata = sent, Timeout = Patience, CancellationToken = TestContext.Current.CancellationToken };
    }

    private static Google.Protobuf.Reflection.MethodDescriptor Find(string method)
    {
        var parts = method.Split('/');
        return RpcReflection.Descriptor.Services
            .Concat(V3LockReflection.Descriptor.Services)
            .Concat(V3ElectionReflection.Descriptor.Services)
            .Single(service => service.Name == parts[0])
            .FindMethodByName(parts[1]);
    }

    private Task<byte[]> UnaryAsync(string method, IMessage request, (string Key, string Value)[] metadata)
        => UnaryAsync(method, request.ToByteArray(), metadata);

    private async Task<byte[]> UnaryAsync(string method, byte[] request, (string Key, string Value)[] metadata)
    {
        var response = await Channel.UnaryAsync(
            RpcMethod.OfBytes(Find(method)), new System.Buffers.ReadOnlySequence<byte>(request), Options(metadata));
        return System.Buffers.BuffersExtensions.ToArray(response);
    }
}
