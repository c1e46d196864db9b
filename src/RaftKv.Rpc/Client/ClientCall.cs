using System.Net;
using System.Runtime.CompilerServices;
using RaftKv.Rpc.Framing;

namespace RaftKv.Rpc.Client;

/// <summary>
/// One call on its way to a response: it picks addresses, makes attempts, and knows when another one is allowed.
/// What happens between the first byte of a response and its end is the business of the shapes built on it.
/// </summary>
internal sealed class ClientCall : IDisposable
{
    private const string UserAgent = "raftkv-rpc/0.1.0";

    private readonly RpcChannel _channel;
    private readonly RpcChannelOptions _options;
    private readonly RpcCallOptions _call;
    private readonly RequestContent _content;
    private AddressUse _use;
    private int _attempts;

    // Whether some attempt may have reached a server. Stays once it is so.
    private bool _mayBeSeen;

    public ClientCall(RpcChannel channel, RpcMethod method, RequestContent content, in RpcCallOptions options)
    {
        _channel = channel;
        _options = channel.Options;
        _call = options;
        _content = content;
        Method = method;
        Metadata = options.Metadata;
        MaxReceiveMessageBytes = options.MaxReceiveMessageBytes ?? _options.MaxReceiveMessageBytes;
        Lifetime = new CallLifetime(_options.Time, options.Timeout, options.CancellationToken, channel.Disposal);
        content.Lifetime = Lifetime;
    }

    public RpcMethod Method { get; }

    public CallLifetime Lifetime { get; }

    public int MaxReceiveMessageBytes { get; }

    public int MaxHeaderBytes => _options.MaxHeaderBytes;

    /// <summary>What interceptors see. Null where there are none.</summary>
    public RpcClientCall? Seen { get; set; }

    /// <summary>What the caller, and interceptors, send along.</summary>
    public RpcMetadata? Metadata { get; set; }

    /// <summary>
    /// Sends the request, moving from address to address while no server can have seen it. A response comes back with
    /// its headers checked; the caller disposes it.
    /// </summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<Opened> OpenAsync()
    {
        _attempts++;
        for (var moves = 0; ; moves++)
        {
            if (Lifetime.End != CallEnd.None)
            {
                return default;
            }

            if (!TryPick())
            {
                var (wait, status) = _channel.AddressSet.Outlook();
                if (!_call.WaitForReady)
                {
                    return new(null, new CallFailure(status, FailureReach.NotConnected));
                }

                await WaitForAddressAsync(wait).ConfigureAwait(false);
                continue;
            }

            CallFailure failure;
            var isFirstToBeSeen = false;
            HttpResponseMessage? response = null;
            var address = _use.Address;
            try
            {
                _content.HasResponse = false;
                _content.WasAskedFor = false;
                var request = NewRequest(address);
                if (_options.Credentials is not null)
                {
                    await AddCredentialsAsync(request).ConfigureAwait(false);
                }

                isFirstToBeSeen = !_mayBeSeen;
                _mayBeSeen = true;
                response = await address.Invoker.SendAsync(request, Lifetime.Token).ConfigureAwait(false);
                _content.HasResponse = true;
                if (ResponseStatus.IsOpening(response, MaxHeaderBytes, out failure))
                {
                    Report(default);
                    return new(response, default);
                }
            }
            catch (Exception e) when (CallFailure.IsTransport(e))
            {
                if (e is ObjectDisposedException && Lifetime.End == CallEnd.None)
                {
                    // The address was taken out of the channel between the pick and the send.
                    continue;
                }

                failure = CallFailure.Of(e, address.Uri);
            }
            catch (RpcException refusal)
            {
                // The credentials' own words.
                _use.EndedWithoutNews();
                return new(null, new CallFailure(refusal.Status, Trailers: refusal.Trailers, Cause: refusal));
            }

            response?.Dispose();
            if (isFirstToBeSeen && (failure.IsUnseen || (response is null && HasCertainlySentNothing)))
            {
                _mayBeSeen = false;
            }

            Report(failure);
            if (!MayMoveOn(failure, moves))
            {
                return new(null, failure);
            }

            _options.Observer?.AttemptFailed(Method, address.Uri, failure.Status);
        }
    }

    /// <summary>Says what an attempt taught about its address; default for an answer.</summary>
    public void Report(in CallFailure failure)
    {
        if (Lifetime.End is not (CallEnd.None or CallEnd.Finished))
        {
            // The attempt was stopped from this side, which says nothing about the other.
            _use.EndedWithoutNews();
        }
        else if (failure.Reach is FailureReach.Call)
        {
            if (_use.Answered())
            {
                _channel.AddressSet.AnnounceChange();
            }
        }
        else
        {
            _use.Failed(failure);
        }
    }

    /// <summary>Whether the call may be repeated after this failure; waits out the pause before it is.</summary>
    public async ValueTask<bool> MayRepeatAsync(CallFailure failure)
    {
        if (!_call.IsSafeToRetry
            || failure.Status.Code != RpcStatusCode.Unavailable
            || _attempts >= _options.RetryAttempts
            || Lifetime.End != CallEnd.None)
        {
            return false;
        }

        TimeSpan pause;
        lock (_options.Chance)
        {
            pause = _options.RetryPause.After(_attempts, _options.Chance.NextDouble());
        }

        if (Lifetime.TimeLeft < pause)
        {
            return false;
        }

        _options.Observer?.AttemptFailed(Method, _use.Address?.Uri ?? _options.Addresses[0], failure.Status);
        return await PauseAsync(Task.Delay(pause, _options.Time, Lifetime.Token)).ConfigureAwait(false);
    }

    /// <summary>
    /// The exception a failed call ends with. What stopped the call from this side comes first: what the transport then
    /// says is only its echo.
    /// </summary>
    public Exception ToException(in CallFailure failure)
    {
        var exception = ExceptionOf(failure);
        if (exception is RpcException failed)
        {
            failed.IsUnseen = !_mayBeSeen;
        }

        return exception;
    }

    private Exception ExceptionOf(in CallFailure failure)
    {
        if (Lifetime.ToException(failure.Cause) is { } ended)
        {
            return ended;
        }

        // Both ends watch the deadline. The server's clock may fire first, and then it resets the stream.
        return failure is { Cause: not null, Status.Code: RpcStatusCode.Cancelled or RpcStatusCode.Unavailable } && Lifetime.TimeLeft == TimeSpan.Zero
            ? CallLifetime.DeadlineExceeded(failure.Cause)
            : failure.ToException();
    }

    /// <summary>What a failure while the response was being read means, and what it says about the address.</summary>
    public CallFailure FailureOf(Exception e)
    {
        var failure = e is RpcException broken ? new CallFailure(broken.Status) : CallFailure.Of(e, _use.Address.Uri);
        if (failure.Reach is not FailureReach.Call)
        {
            Report(failure);
        }

        return failure;
    }

    /// <summary>The call has ended, one way or another.</summary>
    public void Dispose()
    {
        if (_content.IsSending)
        {
            // Answered before the request was read. Nobody will read the rest, and only a reset frees the stream.
            Lifetime.TryEnd(CallEnd.Finished);
        }

        Lifetime.Dispose();
    }

    // Stopped while its connection came up, say: a server has nothing to act on before the body has come. Streams of requests
    // may be acted on for their headers alone; and what others put in the place of connections may ask for the body later.
    private bool HasCertainlySentNothing
        => !_content.WasAskedFor && (Method.Shape is RpcShape.Unary or RpcShape.ServerStreaming) && _options.Handlers is null;

    private bool TryPick()
        => _call.Address is { } address ? _channel.AddressSet.TryPick(address, out _use) : _channel.AddressSet.TryPick(out _use);

    private HttpRequestMessage NewRequest(ChannelAddress address)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, address.RequestUri(Method))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = _content,
        };
        var headers = request.Headers;
        if (_options.Tls?.ServerName is { } name && address.Uri.Scheme == Uri.UriSchemeHttps)
        {
            // The transport compares the certificate with the host that a request names, not with what its TLS options say.
            headers.Host = name;
        }

        headers.TryAddWithoutValidation("te", "trailers");
        headers.TryAddWithoutValidation("user-agent", UserAgent);
        headers.TryAddWithoutValidation("grpc-accept-encoding", Gzip.Accepted);
        if (_call.GzipRequests)
        {
            headers.TryAddWithoutValidation("grpc-encoding", Gzip.Name);
        }

        if (Lifetime.TimeLeft is { } left)
        {
            headers.TryAddWithoutValidation("grpc-timeout", TimeoutText.Format(left));
        }

        if (Metadata is not null)
        {
            Send(request, Metadata);
        }

        if (Seen is not null)
        {
            Seen.Address = address.Uri;
            Seen.Attempts++;
        }

        return request;
    }

    private async ValueTask AddCredentialsAsync(HttpRequestMessage request)
    {
        var metadata = new RpcMetadata();
        try
        {
            await _options.Credentials!(Method, metadata, Lifetime.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not RpcException)
        {
            throw new RpcException(
                new RpcStatus(RpcStatusCode.Unauthenticated, $"the channel's credentials could not be had: {e.Message}"), cause: e);
        }

        Send(request, metadata);
    }

    private static void Send(HttpRequestMessage request, RpcMetadata metadata)
    {
        foreach (var entry in metadata)
        {
            request.Headers.TryAddWithoutValidation(entry.Key, entry.Text);
        }
    }

    private bool MayMoveOn(in CallFailure failure, int moves)
        => failure.IsUnseen
            && Lifetime.End == CallEnd.None
            && ((_call.WaitForReady && failure.Reach is FailureReach.NotConnected) || (_call.Address is null && moves + 1 < _channel.AddressSet.Count));

    private async ValueTask WaitForAddressAsync(TimeSpan wait)
    {
        // Another call may bring an address back, or the addresses may be replaced, before the back-off has passed.
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Lifetime.Token);
        var changed = _channel.AddressSet.Changed;
        var delay = Task.Delay(wait, _options.Time, stop.Token);
        await Task.WhenAny(changed, delay).ConfigureAwait(false);
        await stop.CancelAsync().ConfigureAwait(false);
        await PauseAsync(delay).ConfigureAwait(false);
    }

    private async ValueTask<bool> PauseAsync(Task pause)
    {
        await pause.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return Lifetime.End == CallEnd.None;
    }
}

/// <summary>A response whose headers have come, or why there is none. Neither: the call was stopped from this side.</summary>
internal readonly record struct Opened(HttpResponseMessage? Response, CallFailure Failure);
