namespace RaftKv.Rpc.Client;

/// <summary>
/// The body of a call whose requests are a stream. SocketsHttpHandler lends it the stream of each attempt; the writer
/// takes that stream with its first message, and from then on there is no other.
/// </summary>
internal sealed class MessageStreamContent : RequestContent
{
    private readonly TaskCompletionSource _completed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _lock = new();

    // Under the lock.
    private TaskCompletionSource<Stream> _arrival = NewArrival();
    private bool _isTaken;

    /// <summary>Whether messages have gone to the stream of an attempt, so that no other attempt can be made.</summary>
    public bool IsTaken
    {
        get
        {
            lock (_lock)
            {
                return _isTaken;
            }
        }
    }

    /// <summary>The stream to write messages to, once there is one.</summary>
    public async ValueTask<Stream> TakeAsync(CancellationToken cancellation)
    {
        while (true)
        {
            Task<Stream> arrival;
            lock (_lock)
            {
                arrival = _arrival.Task;
                if (arrival.IsCompleted)
                {
                    _isTaken = true;
                    return arrival.Result;
                }
            }

            await arrival.WaitAsync(cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>No more messages: the server sees the end of the requests.</summary>
    public void Complete() => _completed.TrySetResult();

    protected override async Task WriteAsync(Stream stream, CancellationToken cancellation)
    {
        // The server may have something to say before the first message; without this it would not learn of the call.
        await stream.FlushAsync(cancellation).ConfigureAwait(false);
        lock (_lock)
        {
            if (_isTaken)
            {
                throw new RequestNotRepeatableException();
            }

            _arrival.TrySetResult(stream);
        }

        using var onEnd = Lifetime!.Token.UnsafeRegister(static completed => ((TaskCompletionSource)completed!).TrySetCanceled(), _completed);
        try
        {
            await _completed.Task.WaitAsync(cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The attempt is over. If nothing was written the next one may still serve the caller.
            lock (_lock)
            {
                if (!_isTaken)
                {
                    _arrival = NewArrival();
                }
            }

            throw;
        }
    }

    private static TaskCompletionSource<Stream> NewArrival() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
