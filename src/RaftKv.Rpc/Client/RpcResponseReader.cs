using System.IO.Pipelines;
using RaftKv.Rpc.Framing;

namespace RaftKv.Rpc.Client;

/// <summary>
/// The responses of a streaming call, in order. Read once, by one caller at a time; leaving the loop early, or disposing
/// the call, resets the stream.
/// </summary>
/// <remarks>
/// Responses in bytes are lent until the next one is asked for. What is not read stays with the server: HTTP/2 flow
/// control stops it from sending more than the channel's window.
/// </remarks>
/// <example><code>await foreach (var response in call.Responses) { ... }</code></example>
public sealed class RpcResponseReader<T> : IAsyncEnumerable<T>, IAsyncEnumerator<T>
{
    // Of one read from the connection; frames of a busy stream come many at a time.
    private const int ReadBytes = 16 * 1024;

    private readonly ClientCall _call;
    private readonly MessageCodec<T> _codec;
    private readonly MessageStreamContent? _requests;
    private readonly FrameReader _frames = new();
    private readonly TaskCompletionSource<RpcStatus>? _ended;

    private Task<Opened> _opening;
    private HttpResponseMessage? _response;
    private PipeReader? _pipe;
    private RpcMetadata? _trailers;
    private CancellationTokenRegistration _onEnd;
    private bool _isEnumerated;
    private bool _hasDelivered;
    private bool _isClosed;
    private T _current = default!;

    // Who uses the response: one of these at a time.
    private const int Nobody = 0;
    private const int Reader = 1;
    private const int EndFromOutside = 2;
    private const int Disposal = 3;
    private int _user;

    internal RpcResponseReader(
        ClientCall call, MessageCodec<T> codec, MessageStreamContent? requests, IReadOnlyList<RpcClientInterceptor> interceptors)
    {
        _call = call;
        _codec = codec;
        _requests = requests;
        if (interceptors.Count == 0)
        {
            _opening = OpenAsync();
            return;
        }

        _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _opening = OpenInterceptedAsync(new Interception(interceptors, call), _ended.Task);
    }

    /// <summary>How the call ended, once its responses were read to the end. Null before, and when it was stopped from this side.</summary>
    public RpcStatus? Status { get; private set; }

    /// <summary>What came with the status. Empty before.</summary>
    public RpcMetadata Trailers => _trailers ??= [];

    T IAsyncEnumerator<T>.Current => _current;

    internal CallLifetime Lifetime => _call.Lifetime;

    /// <summary>The response headers, which may come long before the first response.</summary>
    /// <exception cref="RpcException">The call failed without any.</exception>
    public async ValueTask<RpcMetadata> HeadersAsync()
    {
        Enter();
        try
        {
            if (_response is null && !_isClosed && await EnsureOpenAsync().ConfigureAwait(false) is { } failed)
            {
                throw failed;
            }

            return _response is { } response ? ResponseStatus.Metadata(response.Headers) : throw Ended();
        }
        finally
        {
            Exit();
        }
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">The responses have been enumerated before; they come only once.</exception>
    public IAsyncEnumerator<T> GetAsyncEnumerator(CancellationToken cancellationToken = default)
    {
        if (_isEnumerated)
        {
            throw new InvalidOperationException("The responses of a call can be enumerated once.");
        }

        _isEnumerated = true;
        _call.Lifetime.AlsoCancelledBy(cancellationToken);
        return this;
    }

    ValueTask<bool> IAsyncEnumerator<T>.MoveNextAsync() => ReadAsync();

    /// <summary>Ends the call. What has not been read is lost; the server sees the stream reset.</summary>
    public async ValueTask DisposeAsync()
    {
        _call.Lifetime.TryEnd(CallEnd.Abandoned);
        int user;
        while ((user = Interlocked.CompareExchange(ref _user, Disposal, Nobody)) == EndFromOutside)
        {
            WaitForEndFromOutside();
        }

        if (user != Nobody)
        {
            return; // The read in progress ends now, and closes on its way out.
        }

        try
        {
            if (!_isClosed && _response is null)
            {
                // It ends soon: the call's token has fired. What it throws would have been for a reader.
                await ((Task)_opening).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                _response = _opening.IsCompletedSuccessfully ? _opening.Result.Response : null;
            }

            Close(null);
        }
        finally
        {
            Exit();
        }
    }

    /// <summary>As <see cref="HeadersAsync"/>, while somebody reads. For calls that make one attempt only.</summary>
    internal async ValueTask<RpcMetadata> HeadersBesideReadAsync()
    {
        var (response, failure) = await _opening.ConfigureAwait(false);
        return response is not null ? ResponseStatus.Metadata(response.Headers) : throw _call.ToException(failure);
    }

    /// <summary>Reads the one response of a call that has one, and its end.</summary>
    internal async ValueTask<T> ReadOnlyAsync()
    {
        if (!await ReadAsync().ConfigureAwait(false))
        {
            throw Status is { IsOk: true }
                ? new RpcException(RpcStatusCode.Internal, "the response ended OK without a message")
                : Ended();
        }

        var response = _codec.ReadsBorrowed
            ? _codec.Read(new(System.Buffers.BuffersExtensions.ToArray(_frames.Message)))
            : _current;
        if (await ReadAsync().ConfigureAwait(false))
        {
            await DisposeAsync().ConfigureAwait(false);
            throw new RpcException(RpcStatusCode.Internal, "the response must carry one message, but more followed it");
        }

        return response;
    }

    private async Task<Opened> OpenAsync()
    {
        var opened = await _call.OpenAsync().ConfigureAwait(false);
        if (opened.Response is null && _requests is not null)
        {
            // Nothing will take the messages now: a writer that waits for a stream learns it here.
            _call.Lifetime.TryEnd(CallEnd.Finished);
        }

        return opened;
    }

    private async Task<Opened> OpenInterceptedAsync(Interception interception, Task<RpcStatus> ended)
    {
        var opened = new TaskCompletionSource<Opened>(TaskCreationOptions.RunContinuationsAsynchronously);
        _ = RunAsync();
        using var onEnd = _call.Lifetime.Token.UnsafeRegister(
            static opened => ((TaskCompletionSource<Opened>)opened!).TrySetResult(default), opened);
        return await opened.Task.ConfigureAwait(false);

        async Task RunAsync()
        {
            try
            {
                await interception.RunAsync(async () =>
                {
                    var own = await OpenAsync().ConfigureAwait(false);
                    if (!opened.TrySetResult(own))
                    {
                        own.Response?.Dispose();
                    }

                    return await ended.ConfigureAwait(false);
                }).ConfigureAwait(false);
            }
            catch (RpcException refusal)
            {
                opened.TrySetResult(new(null, new CallFailure(refusal.Status, Trailers: refusal.Trailers, Cause: refusal)));
            }
            catch (Exception e) when (opened.TrySetException(e))
            {
                // An interceptor's own trouble before the call began is its caller's to see; after that there is no one to tell.
            }
        }
    }

    private ValueTask<bool> ReadAsync()
    {
        Enter();

        // The usual case on a busy stream: the next message has arrived with the last one.
        if (_pipe is not null && _call.Lifetime.End == CallEnd.None)
        {
            ValueTask<bool> next;
            try
            {
                next = _frames.ReadNextAsync(_call.Lifetime.Token);
                if (next.IsCompletedSuccessfully && next.Result)
                {
                    _current = _codec.Read(_frames.Message);
                    _hasDelivered = true;
                    Exit();
                    return new(true);
                }
            }
            catch (Exception e) when (IsExpected(e))
            {
                return ReadSlowAsync(default, e);
            }

            return ReadSlowAsync(next.IsCompletedSuccessfully ? new(false) : next, null);
        }

        return ReadSlowAsync(null, null);
    }

    private async ValueTask<bool> ReadSlowAsync(ValueTask<bool>? pending, Exception? thrown)
    {
        try
        {
            if (_isClosed)
            {
                return false;
            }

            while (true)
            {
                if (_response is null && await EnsureOpenAsync().ConfigureAwait(false) is { } failed)
                {
                    throw failed;
                }

                if (_call.Lifetime.End is not CallEnd.None)
                {
                    // Also where messages have arrived: the caller asked for an end, or its time is over.
                    throw Fail(default);
                }

                CallFailure failure;
                try
                {
                    if (thrown is not null)
                    {
                        System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(thrown);
                    }

                    var next = pending ?? _frames.ReadNextAsync(_call.Lifetime.Token);
                    if (await next.ConfigureAwait(false))
                    {
                        _current = _codec.Read(_frames.Message);
                        _hasDelivered = true;
                        return true;
                    }

                    failure = ResponseStatus.OfEnd(_response!, _call.MaxHeaderBytes);
                }
                catch (Exception e) when (IsExpected(e))
                {
                    failure = FailureOf(e);
                }

                pending = null;
                thrown = null;
                if (failure.Status.IsOk)
                {
                    _trailers = ResponseStatus.Trailers(_response!);
                    Close(failure.Status);
                    return false;
                }

                if (_hasDelivered || _requests is not null || !await _call.MayRepeatAsync(failure).ConfigureAwait(false))
                {
                    throw Fail(failure);
                }

                Forget();
                _opening = OpenAsync();
            }
        }
        finally
        {
            if (_call.Lifetime.End is CallEnd.Abandoned)
            {
                Close(null);
            }

            Exit();
        }
    }

    /// <summary>Waits for the response, making further attempts where that is allowed.</summary>
    /// <returns>The exception the call ended with, or null.</returns>
    private async ValueTask<Exception?> EnsureOpenAsync()
    {
        while (true)
        {
            var (response, failure) = await _opening.ConfigureAwait(false);
            if (response is not null)
            {
                _response = response;
                _pipe = PipeReader.Create(response.Content.ReadAsStream(), new StreamPipeReaderOptions(bufferSize: ReadBytes, leaveOpen: true));
                _frames.Reset(_pipe, _call.MaxReceiveMessageBytes, ResponseStatus.IsGzip(response));

                // A caller that is busy with a message does not notice that the call was stopped; the server shall.
                _onEnd = _call.Lifetime.Token.UnsafeRegister(static self => ((RpcResponseReader<T>)self!).OnEnd(), this);
                return null;
            }

            if (_requests is not null || !await _call.MayRepeatAsync(failure).ConfigureAwait(false))
            {
                return Fail(failure);
            }

            _opening = OpenAsync();
        }
    }

    private static bool IsExpected(Exception e) => e is RpcException or InvalidDataException || CallFailure.IsTransport(e);

    private CallFailure FailureOf(Exception e)
    {
        if (e is InvalidDataException garbage)
        {
            return SingleMessage.Garbage(garbage);
        }

        if (e is RpcException && ResponseStatus.HasEnded(_response!))
        {
            // The server cut its last message short because it failed; its own words are the better ones.
            var said = ResponseStatus.OfEnd(_response!, _call.MaxHeaderBytes);
            if (!said.Status.IsOk)
            {
                return said;
            }
        }

        return _call.FailureOf(e);
    }

    private Exception Fail(in CallFailure failure)
    {
        var exception = _call.ToException(failure);
        _trailers = failure.Trailers;
        Close(exception is RpcException rpc ? rpc.Status : null, Interception.StatusOf(exception));
        return exception;
    }

    private Exception Ended() => _call.Lifetime.ToException(null)
        ?? (Status is { IsOk: false } status
            ? new RpcException(status, _trailers)
            : new InvalidOperationException("The call has ended; its response can no longer be asked."));

    // Lets go of an attempt that is followed by another.
    private void Forget()
    {
        _onEnd.Unregister();
        _frames.Dispose();
        _pipe?.Complete();
        _pipe = null;
        _response?.Dispose();
        _response = null;
    }

    private void Close(RpcStatus? status, RpcStatus? seen = null)
    {
        if (_isClosed)
        {
            return;
        }

        _isClosed = true;
        Status = status;
        Forget();

        // A writer that waits for room gets its answer now.
        _call.Lifetime.TryEnd(CallEnd.Finished);
        _call.Dispose();
        _ended?.TrySetResult(status ?? seen ?? new RpcStatus(RpcStatusCode.Cancelled, "The call was disposed."));
    }

    private void OnEnd()
    {
        if (Interlocked.CompareExchange(ref _user, EndFromOutside, Nobody) == Nobody)
        {
            // Only the stream: the last message may still be in its reader's hands.
            _response?.Dispose();
            Exit();
        }
    }

    private void Enter()
    {
        while (true)
        {
            switch (Interlocked.CompareExchange(ref _user, Reader, Nobody))
            {
                case Nobody:
                    return;

                case EndFromOutside:
                    // The call was stopped just now, which is no mistake of the reader's: it is to learn how the call ended.
                    WaitForEndFromOutside();
                    break;

                case Disposal:
                    throw Ended();

                default:
                    throw new InvalidOperationException("A stream of responses is read by one caller at a time.");
            }
        }
    }

    // It resets a stream, and is gone.
    private void WaitForEndFromOutside()
    {
        var spin = default(SpinWait);
        while (Volatile.Read(ref _user) == EndFromOutside)
        {
            spin.SpinOnce();
        }
    }

    private void Exit() => Volatile.Write(ref _user, Nobody);
}
