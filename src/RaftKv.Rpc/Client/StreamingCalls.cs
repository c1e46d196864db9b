namespace RaftKv.Rpc.Client;

/// <summary>A call with one request and a stream of responses.</summary>
/// <example><code>
/// await using var call = channel.ServerStreaming(method, request);
/// await foreach (var response in call.Responses) { ... }
/// </code></example>
public sealed class RpcServerStreamingCall<TResponse> : IAsyncDisposable
{
    internal RpcServerStreamingCall(RpcResponseReader<TResponse> responses) => Responses = responses;

    public RpcResponseReader<TResponse> Responses { get; }

    /// <inheritdoc cref="RpcResponseReader{T}.HeadersAsync"/>
    public ValueTask<RpcMetadata> HeadersAsync() => Responses.HeadersAsync();

    /// <inheritdoc cref="RpcResponseReader{T}.DisposeAsync"/>
    public ValueTask DisposeAsync() => Responses.DisposeAsync();
}

/// <summary>A call with a stream of requests and one response.</summary>
/// <example><code>
/// await using var call = channel.ClientStreaming(method);
/// await call.Requests.WriteAsync(part);
/// var response = await call.ResponseAsync();
/// </code></example>
public sealed class RpcClientStreamingCall<TRequest, TResponse> : IAsyncDisposable
{
    private readonly RpcResponseReader<TResponse> _response;

    internal RpcClientStreamingCall(RpcRequestWriter<TRequest> requests, RpcResponseReader<TResponse> response)
    {
        Requests = requests;
        _response = response;
    }

    public RpcRequestWriter<TRequest> Requests { get; }

    /// <inheritdoc cref="RpcResponseReader{T}.Status"/>
    public RpcStatus? Status => _response.Status;

    /// <inheritdoc cref="RpcResponseReader{T}.Trailers"/>
    public RpcMetadata Trailers => _response.Trailers;

    /// <summary>Completes the requests, unless that was done, and waits for the response. To be called once.</summary>
    public async ValueTask<TResponse> ResponseAsync()
    {
        await Requests.CompleteAsync().ConfigureAwait(false);
        return await _response.ReadOnlyAsync().ConfigureAwait(false);
    }

    /// <inheritdoc cref="RpcResponseReader{T}.HeadersAsync"/>
    public ValueTask<RpcMetadata> HeadersAsync() => _response.HeadersAsync();

    /// <inheritdoc cref="RpcResponseReader{T}.DisposeAsync"/>
    public ValueTask DisposeAsync()
    {
        Requests.Release();
        return _response.DisposeAsync();
    }
}

/// <summary>A call with a stream of requests and a stream of responses.</summary>
/// <example><code>
/// await using var call = channel.Duplex(method);
/// await call.Requests.WriteAsync(first);
/// await foreach (var response in call.Responses) { await call.Requests.WriteAsync(next); }
/// </code></example>
public sealed class RpcDuplexCall<TRequest, TResponse> : IAsyncDisposable
{
    internal RpcDuplexCall(RpcRequestWriter<TRequest> requests, RpcResponseReader<TResponse> responses)
    {
        Requests = requests;
        Responses = responses;
    }

    public RpcRequestWriter<TRequest> Requests { get; }

    public RpcResponseReader<TResponse> Responses { get; }

    /// <inheritdoc cref="RpcResponseReader{T}.HeadersAsync"/>
    public ValueTask<RpcMetadata> HeadersAsync() => Responses.HeadersAsync();

    /// <inheritdoc cref="RpcResponseReader{T}.DisposeAsync"/>
    public ValueTask DisposeAsync()
    {
        Requests.Release();
        return Responses.DisposeAsync();
    }
}
