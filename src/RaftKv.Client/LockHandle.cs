using RaftKv.Client.Queues;

namespace RaftKv.Client;

/// <summary>The lock, or the leadership, that something depended on is gone.</summary>
public sealed class LockLostException(string message, Exception? cause = null) : RaftKvException(message, cause);

/// <summary>How a lock is held, or an office.</summary>
public sealed record LockOptions
{
    /// <summary>How long others wait for a holder that has vanished. The cluster may raise it.</summary>
    public TimeSpan TimeToLive { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>What others can read while they wait: who holds it, for instance.</summary>
    public KvBytes Value { get; init; }
}

/// <summary>
/// A lock that is held, or an office, until this is disposed of or <see cref="Lost"/> fires.
/// </summary>
/// <remarks>
/// No lock can stop a holder who was paused, and goes on after another one has got it. <see cref="FencingToken"/> can: it
/// grows from holder to holder, so whatever is protected refuses a token below the greatest it has seen. For what is in
/// the store itself, <see cref="CommitAsync"/> does that.
/// </remarks>
/// <example><code>
/// await using var held = await client.AcquireLockAsync("jobs/nightly");
/// await held.CommitAsync(new Transaction().Then(Operation.Put("jobs/nightly/state", "running")));
/// </code></example>
public sealed class LockHandle : IAsyncDisposable
{
    private readonly RaftKvClient _client;
    private readonly Place _place;

    internal LockHandle(RaftKvClient client, Place place)
    {
        _client = client;
        _place = place;
    }

    /// <summary>The holder's key.</summary>
    public ReadOnlyMemory<byte> Key => _place.Key.Memory;

    /// <summary>The revision that created the key: greater than that of any holder before.</summary>
    public long FencingToken => _place.CreateRevision;

    /// <summary>Fires when the lock is gone, or is about to be.</summary>
    public CancellationToken Lost => _place.Lost;

    /// <summary>The lease that it lives as long as. What is bound to it goes with the lock.</summary>
    public long LeaseId => _place.Lease.Id;

    /// <summary>Holds as long as the lock does: for transactions of one's own making.</summary>
    public Condition IsHeld => Condition.CreateRevision(_place.Key).Is(FencingToken);

    /// <summary>Runs a transaction if, in the very moment it happens, the lock is held.</summary>
    /// <exception cref="LockLostException">It is not; nothing has happened.</exception>
    /// <exception cref="OutcomeUnknownException">It may have happened.</exception>
    public async ValueTask<TransactionResult> CommitAsync(
        Transaction transaction, CallOptions? options = null, CancellationToken cancellation = default)
    {
        var guarded = new Transaction().If(IsHeld).Then(Operation.Nested(transaction));
        var result = await _client.CommitAsync(guarded, options, cancellation).ConfigureAwait(false);
        return result.Succeeded
            ? result.Results[0].Transaction! with { Header = result.Header }
            : throw new LockLostException($"The lock '{_place.Key}' with token {FencingToken} is no longer held; nothing was done.");
    }

    /// <summary>Changes what others can read.</summary>
    /// <exception cref="LockLostException">The lock is no longer held.</exception>
    public async ValueTask SetValueAsync(KvBytes value, CallOptions? options = null, CancellationToken cancellation = default)
        => await CommitAsync(
            new Transaction().Then(Operation.Put(_place.Key, value, new PutOptions { Lease = LeaseId })), options, cancellation).ConfigureAwait(false);

    /// <summary>Lets go. Who waits next gets it at once; if the cluster cannot be reached, when the lease ends.</summary>
    public ValueTask DisposeAsync() => _place.DisposeAsync();
}
