using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Caching.Distributed;
using RaftKv.Client;

namespace RaftKv.Extensions.Caching;

/// <summary>
/// A distributed cache in the store, whose entries end with leases that many of them share. An entry with an absolute expiry
/// is not found after it; one with a sliding expiry is found at least that long after its last use, and at most an eighth,
/// or some seconds, longer.
/// </summary>
/// <remarks>
/// Every entry costs what a key of a replicated store costs: a write on a majority of disks. It is a cache for results that
/// are dear and sessions that must survive, not for everything. Thread-safe. While the store is away, calls throw
/// <see cref="RaftKvException"/>.
/// </remarks>
/// <example><code>
/// builder.Services.AddRaftKvClient(_ => ...);
/// builder.Services.AddRaftKvCache(new RaftKvCacheOptions { Prefix = "shop/cache/" });
/// app.MapGet("/", async (IDistributedCache cache) => await cache.GetStringAsync("front-page"));
/// </code></example>
public sealed class RaftKvCache : IBufferDistributedCache
{
    private readonly RaftKvClient _client;
    private readonly RaftKvCacheOptions _options;
    private readonly SharedLeases _leases;

    /// <param name="client">Stays the caller's.</param>
    /// <param name="options">Where entries are.</param>
    public RaftKvCache(RaftKvClient client, RaftKvCacheOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(client);
        _client = client;
        _options = options ?? new();
        if (_options.UsualSlidingExpiration <= TimeSpan.Zero)
        {
            throw new ArgumentOutOfRangeException(
                nameof(options), _options.UsualSlidingExpiration, $"{nameof(RaftKvCacheOptions.UsualSlidingExpiration)} must be positive.");
        }

        _leases = new SharedLeases(client, _options.Prefix, _options.Time);
    }

    /// <inheritdoc/>
    public async Task<byte[]?> GetAsync(string key, CancellationToken token = default)
        => await FindAsync(key, token).ConfigureAwait(false) is { } content ? content.ToArray() : null;

    /// <inheritdoc/>
    public async ValueTask<bool> TryGetAsync(string key, IBufferWriter<byte> destination, CancellationToken token = default)
    {
        ArgumentNullException.ThrowIfNull(destination);
        if (await FindAsync(key, token).ConfigureAwait(false) is not { } content)
        {
            return false;
        }

        destination.Write(content.Span);
        return true;
    }

    /// <inheritdoc/>
    public async Task SetAsync(string key, byte[] value, DistributedCacheEntryOptions options, CancellationToken token = default)
    {
        ArgumentNullException.ThrowIfNull(value);
        await SetAsync(key, new ReadOnlySequence<byte>(value), options, token).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask SetAsync(string key, ReadOnlySequence<byte> value, DistributedCacheEntryOptions options, CancellationToken token = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        var now = _options.Time.GetUtcNow();
        var expiry = Expiry.Of(options, now, _options.UsualSlidingExpiration);
        var packed = CacheEntry.Pack(expiry, value);
        await WithLeaseAsync(
            expiry.LifeFrom(now),
            async lease => await _client.PutAsync(KeyOf(key), packed, new PutOptions { Lease = lease }, token).ConfigureAwait(false),
            token).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task RefreshAsync(string key, CancellationToken token = default) => await FindAsync(key, token).ConfigureAwait(false);

    /// <inheritdoc/>
    public async Task RemoveAsync(string key, CancellationToken token = default)
        => await _client.DeleteAsync(KeyOf(key), cancellation: token).ConfigureAwait(false);

    /// <inheritdoc/>
    public byte[]? Get(string key) => Wait(GetAsync(key));

    /// <inheritdoc/>
    public bool TryGet(string key, IBufferWriter<byte> destination) => Wait(TryGetAsync(key, destination).AsTask());

    /// <inheritdoc/>
    public void Set(string key, byte[] value, DistributedCacheEntryOptions options) => Wait(SetAsync(key, value, options));

    /// <inheritdoc/>
    public void Set(string key, ReadOnlySequence<byte> value, DistributedCacheEntryOptions options) => Wait(SetAsync(key, value, options).AsTask());

    /// <inheritdoc/>
    public void Refresh(string key) => Wait(RefreshAsync(key));

    /// <inheritdoc/>
    public void Remove(string key) => Wait(RemoveAsync(key));

    // Nothing that is awaited in here comes back to the caller's context, so this ends.
    [SuppressMessage("Usage", "VSTHRD002", Justification = "The interface has synchronous methods.")]
    private static void Wait(Task task) => task.GetAwaiter().GetResult();

    [SuppressMessage("Usage", "VSTHRD002", Justification = "The interface has synchronous methods.")]
    private static T Wait<T>(Task<T> task) => task.GetAwaiter().GetResult();

    private KvBytes KeyOf(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return _options.Prefix + key;
    }

    private async ValueTask<ReadOnlyMemory<byte>?> FindAsync(string key, CancellationToken cancellation)
    {
        var storeKey = KeyOf(key);
        var found = await _client.GetAsync(storeKey, new GetOptions { IsSerializable = _options.ReadsLocally }, cancellation).ConfigureAwait(false);
        var now = _options.Time.GetUtcNow();
        if (found is null || !CacheEntry.TryUnpack(found.Value, out var expiry, out var content) || expiry.IsOver(now))
        {
            return null;
        }

        if (expiry.Sliding != 0 && _leases.IdFor(expiry.LifeFrom(now)) != found.Lease)
        {
            await ProlongAsync(storeKey, found.ModRevision, expiry.LifeFrom(now), cancellation).ConfigureAwait(false);
        }

        return content;
    }

    // Only what was read is prolonged: an entry that was set meanwhile has an end of its own.
    private async ValueTask ProlongAsync(KvBytes key, long modRevision, TimeSpan life, CancellationToken cancellation)
    {
        try
        {
            await WithLeaseAsync(
                life,
                async lease => await _client.CommitAsync(
                    new Transaction()
                        .If(Condition.ModRevision(key).Is(modRevision))
                        .Then(Operation.Put(key, default, new PutOptions { Lease = lease, KeepsValue = true })),
                    cancellation: cancellation).ConfigureAwait(false),
                cancellation).ConfigureAwait(false);
        }
        catch (RaftKvException e) when (e.IsTransient || e.IsOutcomeUnknown)
        {
            // It was found. The next use prolongs it.
        }
    }

    private async ValueTask WithLeaseAsync(TimeSpan life, Func<long, Task> write, CancellationToken cancellation)
    {
        var lease = await _leases.GrantedAsync(life, cancellation).ConfigureAwait(false);
        try
        {
            await write(lease).ConfigureAwait(false);
        }
        catch (LeaseNotFoundException)
        {
            var anew = await _leases.GrantedAsync(life, cancellation, wasGone: lease).ConfigureAwait(false);
            await write(anew).ConfigureAwait(false);
        }
    }
}
