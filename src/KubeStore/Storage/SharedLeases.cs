namespace KubeStore.Storage;

/// <summary>
/// Leases for keys that end by themselves. A lease is given to keys that come within a short while of each other: they end
/// a little late, and a thousand events do not cost a thousand leases.
/// </summary>
internal sealed class SharedLeases(Func<long, CancellationToken, Task<long>> grant, TimeProvider time)
{
    private const int MaxKeys = 1000;
    private static readonly TimeSpan MaxReuse = TimeSpan.FromSeconds(60);

    private readonly Lock _gate = new();
    private readonly Dictionary<long, Shared> _bySeconds = [];

    public async Task<long> TakeAsync(TimeSpan life, CancellationToken cancellation)
    {
        var seconds = Math.Max(1, (long)Math.Ceiling(life.TotalSeconds));
        lock (_gate)
        {
            if (_bySeconds.TryGetValue(seconds, out var shared) && shared.Keys < MaxKeys && time.GetUtcNow() < shared.Until)
            {
                shared.Keys++;
                return shared.Id;
            }
        }

        // Five percent longer, so that the last key to share it lives as long as was asked for.
        var reuse = TimeSpan.FromSeconds(Math.Min(MaxReuse.TotalSeconds, seconds * 0.05));
        var id = await grant(seconds + (long)Math.Ceiling(reuse.TotalSeconds), cancellation).ConfigureAwait(false);
        lock (_gate)
        {
            _bySeconds[seconds] = new(id, time.GetUtcNow() + reuse) { Keys = 1 };
        }

        return id;
    }

    private sealed class Shared(long id, DateTimeOffset until)
    {
        public long Id { get; } = id;

        public DateTimeOffset Until { get; } = until;

        public int Keys { get; set; }
    }
}
