namespace RaftKv.Extensions.Locking;

/// <summary>Where locks come from.</summary>
public interface IDistributedLockProvider
{
    /// <summary>A lock by its name. Nothing is taken yet; all that name the same lock mean the same.</summary>
    IDistributedLock CreateLock(string name);
}

/// <summary>A lock that one holds at a time, among all programs of a cluster. Thread-safe.</summary>
/// <example><code>
/// await using (var held = await locks.CreateLock("invoices").AcquireAsync(TimeSpan.FromSeconds(10), stop))
/// {
///     await WriteAsync(held.FencingToken, held.HandleLostToken);
/// }
/// </code></example>
public interface IDistributedLock
{
    string Name { get; }

    /// <summary>Waits for the lock.</summary>
    /// <param name="timeout">How long; for as long as it takes, if null.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <exception cref="TimeoutException">The lock was not free in time.</exception>
    ValueTask<IDistributedLockHandle> AcquireAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>Takes the lock if it is free, or becomes so within a time. Null: it did not.</summary>
    ValueTask<IDistributedLockHandle?> TryAcquireAsync(TimeSpan timeout = default, CancellationToken cancellationToken = default);
}

/// <summary>A lock that is held until this is disposed of or <see cref="HandleLostToken"/> fires.</summary>
public interface IDistributedLockHandle : IAsyncDisposable
{
    /// <summary>Fires when the lock is gone, or is about to be.</summary>
    CancellationToken HandleLostToken { get; }

    /// <summary>
    /// Grows from holder to holder. Whatever the lock protects refuses a token below the greatest it has seen, and so whoever
    /// was paused, and goes on after somebody else has got the lock.
    /// </summary>
    long FencingToken { get; }
}
