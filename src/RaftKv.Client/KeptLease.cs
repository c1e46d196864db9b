namespace RaftKv.Client;

/// <summary>
/// A lease that is kept alive for as long as this is not disposed of. <see cref="Lost"/> fires while the cluster still keeps
/// the lease, if it can no longer be said that it will: whoever acts on something that the lease protects stops then.
/// </summary>
/// <remarks>
/// A process that is paused notices late. What must not happen without the lease belongs into a transaction that says so;
/// see <see cref="LockHandle.CommitAsync"/>.
/// </remarks>
/// <example><code>
/// await using var lease = await client.KeepLeaseAsync(TimeSpan.FromSeconds(15));
/// await client.PutAsync("presence/me", "here", new PutOptions { Lease = lease.Id });
/// </code></example>
public sealed class KeptLease : IAsyncDisposable
{
    // Of its time to live: left when it counts as lost, for clocks that run at another speed and timers that fire late.
    private const double Margin = 0.15;

    private static readonly TimeSpan RevokePatience = TimeSpan.FromSeconds(2);

    private readonly RaftKvClient _client;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop;
    private readonly CancellationTokenSource _lost = new();
    private readonly ITimer _deadline;
    private readonly Task _keeping;
    private long _endsAt;
    private int _isDisposed;

    private KeptLease(RaftKvClient client, TimeProvider time, LeaseGranted granted, long askedAt, CancellationToken disposal)
    {
        _client = client;
        _time = time;
        Id = granted.Id;
        TimeToLive = granted.TimeToLive;
        Lost = _lost.Token;
        _stop = CancellationTokenSource.CreateLinkedTokenSource(disposal);
        _deadline = time.CreateTimer(static self => ((KeptLease)self!).Look(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        Renewed(askedAt, granted.TimeToLive);
        _keeping = KeepAsync();
    }

    /// <summary>To bind keys to.</summary>
    public long Id { get; }

    /// <summary>How long it lives after being kept alive, as the cluster says.</summary>
    public TimeSpan TimeToLive { get; }

    /// <summary>Fires when the lease is gone, or is not known to last for a while any more. It is not to be trusted from then on.</summary>
    public CancellationToken Lost { get; }

    /// <summary>How long the lease lasts, even if it cannot be kept alive any more; zero once it is lost.</summary>
    public TimeSpan Remaining
    {
        get
        {
            var left = Interlocked.Read(ref _endsAt) - _time.GetTimestamp();
            return Lost.IsCancellationRequested || left <= 0 ? TimeSpan.Zero : _time.GetElapsedTime(0, left);
        }
    }

    internal static async ValueTask<KeptLease> StartAsync(
        RaftKvClient client, TimeProvider time, TimeSpan timeToLive, CancellationToken disposal, CancellationToken cancellation)
    {
        // It may have been granted right after it was asked for.
        var askedAt = time.GetTimestamp();
        var granted = await client.GrantLeaseAsync(timeToLive, cancellation: cancellation).ConfigureAwait(false);
        return new(client, time, granted, askedAt, disposal);
    }

    /// <summary>Ends the lease, and with it the keys that are bound to it; if the cluster cannot be reached, they end by themselves.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
        {
            return;
        }

        await _stop.CancelAsync().ConfigureAwait(false);
        await _keeping.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _deadline.DisposeAsync().ConfigureAwait(false);
        var wasLost = Lost.IsCancellationRequested;
        await _lost.CancelAsync().ConfigureAwait(false);
        if (!wasLost)
        {
            try
            {
                await _client.RevokeLeaseAsync(Id, new CallOptions { Timeout = RevokePatience }).ConfigureAwait(false);
            }
            catch (Exception e) when (e is RaftKvException or ObjectDisposedException or OperationCanceledException)
            {
                // It ends by itself.
            }
        }

        _stop.Dispose();
        _lost.Dispose();
    }

    private async Task KeepAsync()
    {
        try
        {
            var pause = TimeToLive / 3;
            while (!Lost.IsCancellationRequested)
            {
                await Task.Delay(pause, _time, _stop.Token).ConfigureAwait(false);

                // An attempt that hung has taken a third of the lease's life already: the next one follows at once, or nearly
                // so, since one that is refused takes no time.
                pause = TimeToLive / 30;
                var askedAt = _time.GetTimestamp();
                try
                {
                    // An attempt that takes longer than that had better be another one.
                    var patience = new CallOptions { Timeout = TimeToLive / 3 };
                    Renewed(askedAt, await _client.KeepLeaseAliveOnceAsync(Id, patience, _stop.Token).ConfigureAwait(false));
                    pause = TimeToLive / 3;
                }
                catch (LeaseNotFoundException)
                {
                    Lose();
                }
                catch (RaftKvException)
                {
                    // Again, until the deadline says that it is too late.
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            // Nobody keeps it any more. That of a client that is gone ends by itself.
            if (Volatile.Read(ref _isDisposed) == 0)
            {
                Lose();
            }
        }
    }

    private void Renewed(long askedAt, TimeSpan timeToLive)
    {
        var trusted = timeToLive * (1 - Margin);
        Interlocked.Exchange(ref _endsAt, askedAt + (long)(trusted.TotalSeconds * _time.TimestampFrequency));
        Look();
    }

    // The timer asks what time it is instead of believing that it is on time.
    private void Look()
    {
        var left = _time.GetElapsedTime(0, Math.Max(Interlocked.Read(ref _endsAt) - _time.GetTimestamp(), 0));
        if (left <= TimeSpan.Zero)
        {
            Lose();
        }
        else
        {
            _deadline.Change(left, Timeout.InfiniteTimeSpan);
        }
    }

    private void Lose()
    {
        try
        {
            _lost.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It was disposed of at the same moment.
        }
    }
}
