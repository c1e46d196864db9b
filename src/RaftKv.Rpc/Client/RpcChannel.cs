namespace RaftKv.Rpc.Client;

/// <summary>
/// Calls methods on the servers of one cluster. Thread-safe; make one and keep it: it owns the connections, reuses
/// them, and knows which servers answer.
/// </summary>
/// <remarks>
/// A failed call throws <see cref="RpcException"/>, a cancelled one <see cref="OperationCanceledException"/> with the
/// caller's token, one that runs while the channel is disposed <see cref="ObjectDisposedException"/>. Nothing else
/// comes out.
/// </remarks>
/// <example><code>
/// await using var channel = new RpcChannel(new RpcChannelOptions { Addresses = [new("http://127.0.0.1:2379")] });
/// var range = RpcMethod.Of&lt;RangeRequest, RangeResponse&gt;(kv.FindMethodByName("Range"));
/// var response = await channel.UnaryAsync(range, request, new RpcCallOptions { Timeout = TimeSpan.FromSeconds(2) });
/// </code></example>
public sealed class RpcChannel : IAsyncDisposable
{
    private readonly CancellationTokenSource _disposal = new();
    private int _isDisposed;

    /// <exception cref="ArgumentException">The options cannot work; the text says why.</exception>
    public RpcChannel(RpcChannelOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Check(options.Problems());
        Options = options;
        Disposal = _disposal.Token;
        AddressSet = new AddressSet(options);
    }

    /// <summary>The addresses that calls may go to now.</summary>
    public IReadOnlyList<Uri> Addresses => AddressSet.Uris;

    internal RpcChannelOptions Options { get; }

    internal AddressSet AddressSet { get; }

    internal CancellationToken Disposal { get; }

    /// <summary>
    /// Replaces the addresses. Those that stay keep their connections; calls in progress on those that go run to their end.
    /// </summary>
    /// <exception cref="ArgumentException">There is none, or one is no address.</exception>
    public void UpdateAddresses(IReadOnlyList<Uri> addresses)
    {
        ObjectDisposedException.ThrowIf(_isDisposed != 0, this);
        Check(RpcChannelOptions.AddressProblems(addresses));
        AddressSet.Replace(addresses);
        Options.Observer?.AddressesReplaced(addresses);
    }

    /// <summary>Sends one request and returns the one response.</summary>
    /// <remarks>A request in bytes must stay unchanged until the call has ended; a response in bytes is the caller's own.</remarks>
    public async ValueTask<TResponse> UnaryAsync<TRequest, TResponse>(
        RpcMethod<TRequest, TResponse> method, TRequest request, RpcCallOptions options = default)
        => (await RunUnaryAsync(method, request, options).ConfigureAwait(false)).Message;

    /// <summary>As <see cref="UnaryAsync"/>, with the headers and trailers of the response.</summary>
    public async ValueTask<RpcResponse<TResponse>> UnaryWithMetadataAsync<TRequest, TResponse>(
        RpcMethod<TRequest, TResponse> method, TRequest request, RpcCallOptions options = default)
    {
        var (message, response) = await RunUnaryAsync(method, request, options).ConfigureAwait(false);
        return new(message, ResponseStatus.Metadata(response.Headers), ResponseStatus.Trailers(response));
    }

    /// <summary>Sends one request and returns the call whose responses are a stream. The request goes out at once.</summary>
    /// <remarks>Dispose the call, or read it to its end.</remarks>
    public RpcServerStreamingCall<TResponse> ServerStreaming<TRequest, TResponse>(
        RpcMethod<TRequest, TResponse> method, TRequest request, RpcCallOptions options = default)
    {
        var content = NewContent(method, RpcShape.ServerStreaming, request, options);
        return new(NewReader(method, content, options));
    }

    /// <summary>Opens a call whose requests are a stream, and that has one response.</summary>
    /// <remarks>Dispose the call, or await its response.</remarks>
    public RpcClientStreamingCall<TRequest, TResponse> ClientStreaming<TRequest, TResponse>(
        RpcMethod<TRequest, TResponse> method, RpcCallOptions options = default)
    {
        CheckCallable(method, RpcShape.ClientStreaming);
        var content = new MessageStreamContent();
        var reader = NewReader(method, content, options);
        return new(NewWriter(method, content, reader, options), reader);
    }

    /// <summary>Opens a call whose requests and responses are streams, independent of each other.</summary>
    /// <remarks>Dispose the call, or read its responses to their end.</remarks>
    public RpcDuplexCall<TRequest, TResponse> Duplex<TRequest, TResponse>(
        RpcMethod<TRequest, TResponse> method, RpcCallOptions options = default)
    {
        CheckCallable(method, RpcShape.Duplex);
        var content = new MessageStreamContent();
        var reader = NewReader(method, content, options);
        return new(NewWriter(method, content, reader, options), reader);
    }

    /// <summary>Ends calls in progress with <see cref="ObjectDisposedException"/> and closes all connections.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
        {
            return;
        }

        await _disposal.CancelAsync().ConfigureAwait(false);
        AddressSet.Dispose();
        _disposal.Dispose();
    }

    private static void Check(IEnumerable<string> problems)
    {
        var text = string.Join(" ", problems);
        if (text.Length > 0)
        {
            throw new ArgumentException(text);
        }
    }

    private ValueTask<UnaryReply<TResponse>> RunUnaryAsync<TRequest, TResponse>(
        RpcMethod<TRequest, TResponse> method, TRequest request, in RpcCallOptions options)
    {
        var content = NewContent(method, RpcShape.Unary, request, options);
        var call = new ClientCall(this, method, content, options);
        return Options.Interceptors.Count == 0
            ? UnaryCall.RunAsync(call, method.ResponseCodec)
            : RunIntercepted(call, method.ResponseCodec);

        async ValueTask<UnaryReply<TResponse>> RunIntercepted(ClientCall call, MessageCodec<TResponse> codec)
        {
            // An interceptor may refuse the call before it runs.
            using var owned = call;
            var interception = new Interception(Options.Interceptors, call);
            return await interception.RunAsync(() => UnaryCall.RunAsync(call, codec)).ConfigureAwait(false);
        }
    }

    private MessageContent<TRequest> NewContent<TRequest, TResponse>(
        RpcMethod<TRequest, TResponse> method, RpcShape shape, TRequest request, in RpcCallOptions options)
    {
        CheckCallable(method, shape);
        return new(method.RequestCodec, request, options.GzipRequests, options.MaxSendMessageBytes ?? Options.MaxSendMessageBytes);
    }

    private RpcResponseReader<TResponse> NewReader<TRequest, TResponse>(
        RpcMethod<TRequest, TResponse> method, RequestContent content, in RpcCallOptions options)
        => new(new ClientCall(this, method, content, options), method.ResponseCodec, content as MessageStreamContent, Options.Interceptors);

    private RpcRequestWriter<TRequest> NewWriter<TRequest, TResponse>(
        RpcMethod<TRequest, TResponse> method, MessageStreamContent content, RpcResponseReader<TResponse> reader, in RpcCallOptions options)
        => new(
            reader.Lifetime,
            content,
            method.RequestCodec,
            options.MaxSendMessageBytes ?? Options.MaxSendMessageBytes,
            options.GzipRequests);

    private void CheckCallable(RpcMethod method, RpcShape shape)
    {
        ObjectDisposedException.ThrowIf(_isDisposed != 0, this);
        if (method.Shape != shape)
        {
            throw new ArgumentException($"{method.Path} is {method.Shape}, and cannot be called as {shape}.", nameof(method));
        }
    }
}
