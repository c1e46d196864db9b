using System.Buffers;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace RaftKv.Rpc;

/// <summary>The four shapes a call can have.</summary>
public enum RpcShape
{
    Unary,
    ClientStreaming,
    ServerStreaming,
    Duplex,
}

/// <summary>A method by its name on the wire and its shape.</summary>
public class RpcMethod
{
    public RpcMethod(string service, string name, RpcShape shape)
    {
        ArgumentException.ThrowIfNullOrEmpty(service);
        ArgumentException.ThrowIfNullOrEmpty(name);
        Service = service;
        Name = name;
        Shape = shape;
        Path = $"/{service}/{name}";
    }

    /// <summary>Full name of the service, e.g. "etcdserverpb.KV".</summary>
    public string Service { get; }

    public string Name { get; }

    public RpcShape Shape { get; }

    /// <summary>"/service/name", as it stands in the :path of a request.</summary>
    public string Path { get; }

    public override string ToString() => Path;

    /// <summary>The method a descriptor describes, with the codecs of its generated messages.</summary>
    /// <example><code>var range = RpcMethod.Of&lt;RangeRequest, RangeResponse&gt;(kv.FindMethodByName("Range"));</code></example>
    /// <exception cref="ArgumentException">The descriptor's messages are other types.</exception>
    public static RpcMethod<TRequest, TResponse> Of<TRequest, TResponse>(MethodDescriptor descriptor)
        where TRequest : IMessage<TRequest>, new()
        where TResponse : IMessage<TResponse>, new()
    {
        CheckType(descriptor, "takes", descriptor.InputType, typeof(TRequest));
        CheckType(descriptor, "returns", descriptor.OutputType, typeof(TResponse));
        return new(
            descriptor.Service.FullName, descriptor.Name, ShapeOf(descriptor), MessageCodec.Of<TRequest>(), MessageCodec.Of<TResponse>());
    }

    /// <summary>The method a descriptor describes, with messages left as bytes.</summary>
    public static RpcMethod<ReadOnlySequence<byte>, ReadOnlySequence<byte>> OfBytes(MethodDescriptor descriptor)
        => new(descriptor.Service.FullName, descriptor.Name, ShapeOf(descriptor), MessageCodec.Bytes, MessageCodec.Bytes);

    internal static RpcShape ShapeOf(MethodDescriptor descriptor) => (descriptor.IsClientStreaming, descriptor.IsServerStreaming) switch
    {
        (false, false) => RpcShape.Unary,
        (true, false) => RpcShape.ClientStreaming,
        (false, true) => RpcShape.ServerStreaming,
        (true, true) => RpcShape.Duplex,
    };

    private static void CheckType(MethodDescriptor method, string verb, MessageDescriptor declared, Type given)
    {
        if (declared.ClrType != given)
        {
            throw new ArgumentException($"{method.FullName} {verb} {declared.FullName}, but was given {given.Name}.");
        }
    }
}

/// <summary>A method with its message types: what a client needs to call it.</summary>
public sealed class RpcMethod<TRequest, TResponse>(
    string service,
    string name,
    RpcShape shape,
    MessageCodec<TRequest> requestCodec,
    MessageCodec<TResponse> responseCodec)
    : RpcMethod(service, name, shape)
{
    public MessageCodec<TRequest> RequestCodec { get; } = requestCodec;

    public MessageCodec<TResponse> ResponseCodec { get; } = responseCodec;
}
