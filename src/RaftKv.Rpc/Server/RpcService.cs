using System.Buffers;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace RaftKv.Rpc.Server;

/// <summary>Answers one request with one response. After <see cref="RpcServerCall.Fail(RpcStatus)"/> what it returns is ignored.</summary>
public delegate ValueTask<TResponse> UnaryHandler<in TRequest, TResponse>(TRequest request, RpcServerCall call);

/// <summary>
/// Answers one request with one response, both as bytes. The request is lent until the returned task completes; the
/// response is whatever was written by then. Decide on failure before writing: written bytes cannot be taken back.
/// </summary>
public delegate ValueTask UnaryBytesHandler(ReadOnlySequence<byte> request, IBufferWriter<byte> response, RpcServerCall call);

/// <summary>Answers a stream of requests with one response.</summary>
public delegate ValueTask<TResponse> ClientStreamingHandler<TRequest, TResponse>(RpcRequestStream<TRequest> requests, RpcServerCall call);

/// <summary>Answers one request with a stream of responses.</summary>
public delegate ValueTask ServerStreamingHandler<in TRequest, TResponse>(
    TRequest request, RpcResponseStream<TResponse> responses, RpcServerCall call);

/// <summary>Reads a stream of requests and writes a stream of responses, in any order of the two.</summary>
public delegate ValueTask DuplexHandler<TRequest, TResponse>(
    RpcRequestStream<TRequest> requests, RpcResponseStream<TResponse> responses, RpcServerCall call);

/// <summary>
/// A service as its descriptor declares it, with handlers bound to its methods by name. Types and shape are checked
/// against the descriptor when bound. A method that nothing is bound to answers UNIMPLEMENTED.
/// </summary>
/// <example><code>
/// var kv = new RpcService(RpcReflection.Descriptor.Services[0])
///     .Unary&lt;RangeRequest, RangeResponse&gt;("Range", (request, call) => store.RangeAsync(request, call))
///     .UnaryBytes("Put", (request, response, call) => store.PutAsync(request, response, call));
/// </code></example>
public sealed class RpcService(ServiceDescriptor descriptor)
{
    private readonly Dictionary<string, RpcEndpoint> _bound = new(StringComparer.Ordinal);

    public ServiceDescriptor Descriptor { get; } = descriptor;

    public RpcService Unary<TRequest, TResponse>(string method, UnaryHandler<TRequest, TResponse> handler, RpcMethodLimits? limits = null)
        where TRequest : IMessage<TRequest>, new()
        where TResponse : IMessage<TResponse>, new()
        => Bind(new UnaryEndpoint<TRequest, TResponse>(Typed<TRequest, TResponse>(method, RpcShape.Unary), limits, handler));

    public RpcService UnaryBytes(string method, UnaryBytesHandler handler, RpcMethodLimits? limits = null)
        => Bind(new UnaryBytesEndpoint(Untyped(method, RpcShape.Unary), limits, handler));

    public RpcService ClientStreaming<TRequest, TResponse>(
        string method, ClientStreamingHandler<TRequest, TResponse> handler, RpcMethodLimits? limits = null)
        where TRequest : IMessage<TRequest>, new()
        where TResponse : IMessage<TResponse>, new()
        => Bind(new ClientStreamingEndpoint<TRequest, TResponse>(Typed<TRequest, TResponse>(method, RpcShape.ClientStreaming), limits, handler));

    /// <summary>As <see cref="ClientStreaming"/>, with messages as bytes; each request is lent until the next is read.</summary>
    public RpcService ClientStreamingBytes(
        string method, ClientStreamingHandler<ReadOnlySequence<byte>, ReadOnlySequence<byte>> handler, RpcMethodLimits? limits = null)
        => Bind(new ClientStreamingEndpoint<ReadOnlySequence<byte>, ReadOnlySequence<byte>>(
            Untyped(method, RpcShape.ClientStreaming), limits, handler));

    public RpcService ServerStreaming<TRequest, TResponse>(
        string method, ServerStreamingHandler<TRequest, TResponse> handler, RpcMethodLimits? limits = null)
        where TRequest : IMessage<TRequest>, new()
        where TResponse : IMessage<TResponse>, new()
        => Bind(new ServerStreamingEndpoint<TRequest, TResponse>(Typed<TRequest, TResponse>(method, RpcShape.ServerStreaming), limits, handler));

    /// <summary>As <see cref="ServerStreaming"/>, with messages as bytes; the request is lent for the whole call.</summary>
    public RpcService ServerStreamingBytes(
        string method, ServerStreamingHandler<ReadOnlySequence<byte>, ReadOnlySequence<byte>> handler, RpcMethodLimits? limits = null)
        => Bind(new ServerStreamingEndpoint<ReadOnlySequence<byte>, ReadOnlySequence<byte>>(
            Untyped(method, RpcShape.ServerStreaming), limits, handler));

    public RpcService Duplex<TRequest, TResponse>(string method, DuplexHandler<TRequest, TResponse> handler, RpcMethodLimits? limits = null)
        where TRequest : IMessage<TRequest>, new()
        where TResponse : IMessage<TResponse>, new()
        => Bind(new DuplexEndpoint<TRequest, TResponse>(Typed<TRequest, TResponse>(method, RpcShape.Duplex), limits, handler));

    /// <summary>As <see cref="Duplex"/>, with messages as bytes; each request is lent until the next is read.</summary>
    public RpcService DuplexBytes(
        string method, DuplexHandler<ReadOnlySequence<byte>, ReadOnlySequence<byte>> handler, RpcMethodLimits? limits = null)
        => Bind(new DuplexEndpoint<ReadOnlySequence<byte>, ReadOnlySequence<byte>>(Untyped(method, RpcShape.Duplex), limits, handler));

    /// <summary>Every method of the descriptor, bound or not.</summary>
    internal IEnumerable<RpcEndpoint> Endpoints()
    {
        foreach (var method in Descriptor.Methods)
        {
            yield return _bound.TryGetValue(method.Name, out var endpoint)
                ? endpoint
                : new UnboundEndpoint(new RpcMethod(Descriptor.FullName, method.Name, RpcMethod.ShapeOf(method)));
        }
    }

    private RpcService Bind(RpcEndpoint endpoint)
    {
        if (!_bound.TryAdd(endpoint.Method.Name, endpoint))
        {
            throw new ArgumentException($"{endpoint.Method.Path} is bound already.");
        }

        return this;
    }

    private RpcMethod<TRequest, TResponse> Typed<TRequest, TResponse>(string method, RpcShape shape)
        where TRequest : IMessage<TRequest>, new()
        where TResponse : IMessage<TResponse>, new()
        => RpcMethod.Of<TRequest, TResponse>(Find(method, shape));

    private RpcMethod<ReadOnlySequence<byte>, ReadOnlySequence<byte>> Untyped(string method, RpcShape shape)
        => RpcMethod.OfBytes(Find(method, shape));

    private MethodDescriptor Find(string name, RpcShape shape)
    {
        var method = Descriptor.FindMethodByName(name)
            ?? throw new ArgumentException($"Service {Descriptor.FullName} has no method '{name}'.", nameof(name));
        var declared = RpcMethod.ShapeOf(method);
        return declared == shape
            ? method
            : throw new ArgumentException($"{method.FullName} is {declared}, and cannot be bound as {shape}.", nameof(name));
    }
}
