using System.Buffers;
using System.Runtime.CompilerServices;

namespace RaftKv.Rpc.Server;

/// <summary>A method bound to its handler: what one entry of the dispatch table holds.</summary>
internal abstract class RpcEndpoint(RpcMethod method, RpcMethodLimits? limits)
{
    public RpcMethod Method { get; } = method;

    public RpcMethodLimits? Limits { get; } = limits;

    /// <summary>Reads what the method takes, runs the handler and writes what it returns.</summary>
    public abstract ValueTask RunAsync(RpcServerCall call);

    public static T Decode<T>(MessageCodec<T> codec, in ReadOnlySequence<byte> bytes)
    {
        try
        {
            return codec.Read(bytes);
        }
        catch (InvalidDataException garbage)
        {
            throw new RpcException(RpcStatusCode.Internal, $"grpc: error unmarshalling request: {garbage.Message}");
        }
    }
}

/// <summary>A method of a registered service that nothing was bound to.</summary>
internal sealed class UnboundEndpoint(RpcMethod method) : RpcEndpoint(method, null)
{
    public override ValueTask RunAsync(RpcServerCall call)
        => call.Refuse(new RpcStatus(RpcStatusCode.Unimplemented, $"method {Method.Name} not implemented"));
}

internal sealed class UnaryEndpoint<TRequest, TResponse>(
    RpcMethod<TRequest, TResponse> method, RpcMethodLimits? limits, UnaryHandler<TRequest, TResponse> handler)
    : RpcEndpoint(method, limits)
{
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public override async ValueTask RunAsync(RpcServerCall call)
    {
        if (!call.Reader.TryReadOnlyMessage())
        {
            await call.Reader.ReadOnlyMessageAsync(call.ReadCancellation).ConfigureAwait(false);
        }

        var request = Decode(method.RequestCodec, call.Reader.Message);
        call.Reader.Release();
        var response = await handler(request, call).ConfigureAwait(false);
        if (!call.Status.IsOk)
        {
            return;
        }

        call.PrepareHeaders();
        call.Writer.Write(method.ResponseCodec, response);
    }
}

internal sealed class UnaryBytesEndpoint(RpcMethod method, RpcMethodLimits? limits, UnaryBytesHandler handler)
    : RpcEndpoint(method, limits)
{
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public override async ValueTask RunAsync(RpcServerCall call)
    {
        if (!call.Reader.TryReadOnlyMessage())
        {
            await call.Reader.ReadOnlyMessageAsync(call.ReadCancellation).ConfigureAwait(false);
        }

        call.Writer.Begin();
        await handler(call.Reader.Message, call.Writer, call).ConfigureAwait(false);
        call.Reader.Release();
        if (!call.Status.IsOk)
        {
            return;
        }

        call.PrepareHeaders();
        call.Writer.End();
        await call.SendHeldAsync().ConfigureAwait(false);
    }
}

internal sealed class ClientStreamingEndpoint<TRequest, TResponse>(
    RpcMethod<TRequest, TResponse> method, RpcMethodLimits? limits, ClientStreamingHandler<TRequest, TResponse> handler)
    : RpcEndpoint(method, limits)
{
    public override async ValueTask RunAsync(RpcServerCall call)
    {
        var requests = new RpcRequestStream<TRequest>(call, method.RequestCodec);
        TResponse response;
        try
        {
            response = await handler(requests, call).ConfigureAwait(false);
        }
        finally
        {
            await requests.EndAsync().ConfigureAwait(false);
        }

        if (!call.Status.IsOk)
        {
            return;
        }

        call.PrepareHeaders();
        call.Writer.Write(method.ResponseCodec, response);
    }
}

internal sealed class ServerStreamingEndpoint<TRequest, TResponse>(
    RpcMethod<TRequest, TResponse> method, RpcMethodLimits? limits, ServerStreamingHandler<TRequest, TResponse> handler)
    : RpcEndpoint(method, limits)
{
    public override async ValueTask RunAsync(RpcServerCall call)
    {
        if (!call.Reader.TryReadOnlyMessage())
        {
            await call.Reader.ReadOnlyMessageAsync(call.ReadCancellation).ConfigureAwait(false);
        }

        var request = Decode(method.RequestCodec, call.Reader.Message);
        if (typeof(TRequest) != typeof(ReadOnlySequence<byte>))
        {
            call.Reader.Release();
        }

        await handler(request, new RpcResponseStream<TResponse>(call, method.ResponseCodec), call).ConfigureAwait(false);
    }
}

internal sealed class DuplexEndpoint<TRequest, TResponse>(
    RpcMethod<TRequest, TResponse> method, RpcMethodLimits? limits, DuplexHandler<TRequest, TResponse> handler)
    : RpcEndpoint(method, limits)
{
    public override async ValueTask RunAsync(RpcServerCall call)
    {
        var requests = new RpcRequestStream<TRequest>(call, method.RequestCodec);
        try
        {
            await handler(requests, new RpcResponseStream<TResponse>(call, method.ResponseCodec), call).ConfigureAwait(false);
        }
        finally
        {
            await requests.EndAsync().ConfigureAwait(false);
        }
    }
}
