namespace KubeStore.Storage;

/// <summary>A key with its value, as of the revision of its last change.</summary>
internal readonly record struct StoredValue(string Key, ReadOnlyMemory<byte> Value, long Revision);

/// <summary>Some keys in their order, as they were at one revision.</summary>
/// <param name="Values">What was found, up to the limit.</param>
/// <param name="Revision">The store's own revision when it was read.</param>
/// <param name="HasMore">Whether the limit left some out.</param>
/// <param name="Count">How many there are in all.</param>
internal sealed record StoredRange(IReadOnlyList<StoredValue> Values, long Revision, bool HasMore, long Count);

/// <summary>What became of a guarded write.</summary>
/// <param name="Succeeded">Whether the key was as it was expected to be.</param>
/// <param name="Revision">The revision of the write, or of the look at the key.</param>
/// <param name="Current">If it did not succeed: what the key has, null if it is not there.</param>
internal sealed record WriteOutcome(bool Succeeded, long Revision, StoredValue? Current);

/// <summary>A change of one key.</summary>
/// <param name="Key">Whose.</param>
/// <param name="Value">What it has now; null if it was deleted.</param>
/// <param name="Previous">What it had before; null if it was not there.</param>
/// <param name="Revision">When.</param>
internal readonly record struct StoredChange(string Key, ReadOnlyMemory<byte>? Value, ReadOnlyMemory<byte>? Previous, long Revision);

/// <summary>Changes in their order, and the revision up to which there are no others. A report of progress has none.</summary>
internal sealed record ChangeBatch(IReadOnlyList<StoredChange> Changes, long Revision);

/// <summary>A watch that is under way.</summary>
internal interface IStorageWatch : IAsyncDisposable
{
    /// <summary>The next changes. Each batch holds whole revisions.</summary>
    /// <exception cref="HistoryGoneException">What comes next was compacted.</exception>
    /// <exception cref="StorageUnavailableException">The watch broke.</exception>
    ValueTask<ChangeBatch> NextAsync();

    /// <summary>Asks for a batch without changes that says how far the watch has come.</summary>
    ValueTask RequestProgressAsync();
}

/// <summary>
/// What the registry needs of a store, and nothing more: reads at a revision, writes guarded by one, and changes from one
/// on. Any etcd v3 cluster can do it.
/// </summary>
internal interface IKubeStorage
{
    /// <summary>Keys from <paramref name="from"/> up to, not including, <paramref name="to"/>; one key if that is null.</summary>
    /// <remarks>At revision 0: as they are now, seen by nobody earlier than by us. No limit: 0.</remarks>
    /// <exception cref="HistoryGoneException">The revision was compacted.</exception>
    /// <exception cref="FutureRevisionException">The revision has not been yet.</exception>
    Task<StoredRange> RangeAsync(string from, string? to, long revision, long limit, CancellationToken cancellation);

    /// <summary>Puts a key that is still as it was at <paramref name="expected"/>; 0 for one that is not there.</summary>
    Task<WriteOutcome> PutAsync(string key, ReadOnlyMemory<byte> value, long expected, TimeSpan? timeToLive, CancellationToken cancellation);

    /// <summary>Deletes a key that is still as it was at <paramref name="expected"/>.</summary>
    Task<WriteOutcome> DeleteAsync(string key, long expected, CancellationToken cancellation);

    /// <summary>Changes of the keys that begin with the prefix, from a revision on, until the token ends it.</summary>
    ValueTask<IStorageWatch> WatchAsync(string prefix, long fromRevision, CancellationToken cancellation);

    /// <summary>Lets go of history before the revision.</summary>
    Task CompactAsync(long revision, CancellationToken cancellation);
}

/// <summary>What was asked for has been compacted.</summary>
internal sealed class HistoryGoneException(long oldest) : Exception($"History before revision {oldest} is gone.")
{
    /// <summary>The oldest revision that can be asked for; 0 if that was not said.</summary>
    public long Oldest { get; } = oldest;
}

/// <summary>What was asked for has not happened yet.</summary>
internal sealed class FutureRevisionException(long current) : Exception($"The store is at revision {current}.")
{
    /// <summary>Where the store is; 0 if that was not said.</summary>
    public long Current { get; } = current;
}

/// <summary>The value is larger than the store takes.</summary>
internal sealed class ValueTooLargeException(string message) : Exception(message);

/// <summary>The store gave no answer. A write may or may not have happened.</summary>
internal sealed class StorageUnavailableException(string message, Exception? cause = null) : Exception(message, cause);

/// <summary>Ends of ranges of keys.</summary>
internal static class KeyRanges
{
    /// <summary>The first key after all that begin with the prefix.</summary>
    public static string EndOf(string prefix) => prefix[..^1] + (char)(prefix[^1] + 1);
}
