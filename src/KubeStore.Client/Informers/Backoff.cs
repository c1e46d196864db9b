namespace KubeStore.Informers;

/// <summary>How long to wait before the next attempt: twice as long each time, up to a limit, and with chance in it, so that
/// those who failed together do not come back together.</summary>
internal sealed class Backoff(TimeSpan shortest, TimeSpan longest, TimeSpan forgiven, TimeProvider time, Func<double> chance)
{
    private TimeSpan? _next;
    private long _last = time.GetTimestamp();

    public Task WaitAsync(CancellationToken cancellation) => Task.Delay(Next(), time, cancellation);

    /// <summary>The next pause: once to twice what it would be without chance.</summary>
    public TimeSpan Next()
    {
        var now = time.GetTimestamp();
        if (time.GetElapsedTime(_last, now) > forgiven)
        {
            _next = null;
        }

        _last = now;
        var pause = _next ?? shortest;
        _next = pause * 2 < longest ? pause * 2 : longest;
        return pause * (1 + chance());
    }
}
