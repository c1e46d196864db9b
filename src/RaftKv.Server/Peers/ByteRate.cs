namespace RaftKv.Server.Peers;

/// <summary>Paces bytes by the clock: each takes its time after those before it. Nothing is saved up.</summary>
internal sealed class ByteRate(long bytesPerSecond, TimeProvider time)
{
    private readonly Lock _gate = new();
    private long _freeAt;

    /// <summary>Waits until everything taken before has had its time.</summary>
    public Task TakeAsync(int bytes, CancellationToken cancellation)
    {
        if (bytesPerSecond <= 0)
        {
            return Task.CompletedTask;
        }

        TimeSpan wait;
        lock (_gate)
        {
            var now = time.GetTimestamp();
            wait = _freeAt > now ? time.GetElapsedTime(now, _freeAt) : TimeSpan.Zero;
            _freeAt = Math.Max(_freeAt, now) + (long)((double)bytes / bytesPerSecond * time.TimestampFrequency);
        }

        return wait > TimeSpan.Zero ? Task.Delay(wait, time, cancellation) : Task.CompletedTask;
    }
}
