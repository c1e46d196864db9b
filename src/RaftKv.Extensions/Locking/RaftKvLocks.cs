using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using RaftKv.Client;

namespace RaftKv.Extensions.Locking;

/// <summary>Locks in the store. Other clients of etcd's locks stand in the same lines.</summary>
/// <example><code>
/// builder.Services.AddRaftKvLocks("shop/locks/");
/// app.MapPost("/close-books", async (IDistributedLockProvider locks) =>
/// {
///     await using var held = await locks.CreateLock("books").TryAcquireAsync();
///     return held is null ? Results.Conflict() : await CloseAsync(held.FencingToken);
/// });
/// </code></example>
public sealed class RaftKvLocks : IDistributedLockProvider
{
    private readonly RaftKvClient _client;
    private readonly string _prefix;
    private readonly LockOptions _options;

    /// <param name="client">Stays the caller's.</param>
    /// <param name="prefix">What the names of all locks are preceded by in the store.</param>
    /// <param name="options">How locks are held.</param>
    public RaftKvLocks(RaftKvClient client, string prefix = "locks/", LockOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(prefix);
        _client = client;
        _prefix = prefix;
        _options = options ?? new();
    }

    /// <inheritdoc cref="IDistributedLockProvider.CreateLock"/>
    public RaftKvLock CreateLock(string name) => new(_client, name, _prefix + name, _options);

    IDistributedLock IDistributedLockProvider.CreateLock(string name) => CreateLock(name);
}

/// <summary>One lock of <see cref="RaftKvLocks"/>.</summary>
public sealed class RaftKvLock : IDistributedLock
{
    private readonly RaftKvClient _client;
    private readonly KvBytes _line;
    private readonly LockOptions _options;

    internal RaftKvLock(RaftKvClient client, string name, KvBytes line, LockOptions options)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        _client = client;
        Name = name;
        _line = line;
        _options = options;
    }

    public string Name { get; }

    /// <inheritdoc cref="IDistributedLock.AcquireAsync"/>
    public async ValueTask<RaftKvLockHandle> AcquireAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        if (timeout is not { } wait || wait == Timeout.InfiniteTimeSpan)
        {
            return new(await _client.AcquireLockAsync(_line, _options, cancellationToken).ConfigureAwait(false));
        }

        return await TryAcquireAsync(wait, cancellationToken).ConfigureAwait(false)
            ?? throw new TimeoutException($"The lock '{Name}' was not free within {wait}.");
    }

    /// <inheritdoc cref="IDistributedLock.TryAcquireAsync"/>
    public async ValueTask<RaftKvLockHandle?> TryAcquireAsync(TimeSpan timeout = default, CancellationToken cancellationToken = default)
    {
        var held = await _client.TryAcquireLockAsync(_line, timeout, _options, cancellationToken).ConfigureAwait(false);
        return held is null ? null : new(held);
    }

    async ValueTask<IDistributedLockHandle> IDistributedLock.AcquireAsync(TimeSpan? timeout, CancellationToken cancellationToken)
        => await AcquireAsync(timeout, cancellationToken).ConfigureAwait(false);

    async ValueTask<IDistributedLockHandle?> IDistributedLock.TryAcquireAsync(TimeSpan timeout, CancellationToken cancellationToken)
        => await TryAcquireAsync(timeout, cancellationToken).ConfigureAwait(false);
}

/// <summary>A lock of <see cref="RaftKvLocks"/> that is held. One that is forgotten without being disposed of lets go when it is collected.</summary>
public sealed class RaftKvLockHandle : IDistributedLockHandle
{
    internal RaftKvLockHandle(LockHandle held) => Held = held;

    // What keeps the lease is reachable from its timers, and this is not; so somebody who forgets a handle does not block others for ever.
    ~RaftKvLockHandle() => _ = Held.DisposeAsync().AsTask();

    /// <summary>For transactions that happen only while the lock is held.</summary>
    public LockHandle Held { get; }

    public CancellationToken HandleLostToken => Held.Lost;

    public long FencingToken => Held.FencingToken;

    /// <summary>Lets go. Who waits next gets it at once.</summary>
    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return Held.DisposeAsync();
    }
}

/// <summary>Locks among an application's services.</summary>
public static class RaftKvLocksServiceCollectionExtensions
{
    /// <summary>Adds <see cref="IDistributedLockProvider"/>, over the application's <see cref="RaftKvClient"/>.</summary>
    public static IServiceCollection AddRaftKvLocks(this IServiceCollection services, string prefix = "locks/", LockOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.TryAddSingleton<IDistributedLockProvider>(
            provider => new RaftKvLocks(provider.GetRequiredService<RaftKvClient>(), prefix, options));
        return services;
    }
}
