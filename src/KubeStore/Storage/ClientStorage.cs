using System.Text;
using RaftKv.Client;

namespace KubeStore.Storage;

/// <summary>
/// The store behind a client: it finds the members that are well, gives writes names by which they may be repeated, and has
/// watches outlive the members they are on.
/// </summary>
internal sealed class ClientStorage : IKubeStorage
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly RaftKvClient _client;
    private readonly SharedLeases _leases;

    public ClientStorage(RaftKvClient client, TimeProvider? time = null)
    {
        _client = client;
        _leases = new(
            async (seconds, cancellation) => (await client.GrantLeaseAsync(TimeSpan.FromSeconds(seconds), cancellation: cancellation).ConfigureAwait(false)).Id,
            time ?? TimeProvider.System);
    }

    public Task<StoredRange> RangeAsync(string from, string? to, long revision, long limit, CancellationToken cancellation)
        => Told(async () =>
        {
            var found = await _client.RangeAsync(
                to is null ? KeyRange.Key(from) : KeyRange.Between(from, to),
                new RangeOptions { Revision = revision, Limit = limit, Timeout = Patience },
                cancellation).ConfigureAwait(false);
            return new StoredRange([.. found.KeyValues.Select(Stored)], found.Header.Revision, found.HasMore, found.Count);
        });

    public Task<WriteOutcome> PutAsync(
        string key, ReadOnlyMemory<byte> value, long expected, TimeSpan? timeToLive, CancellationToken cancellation)
        => Told(async () =>
        {
            var options = timeToLive is { } life ? new PutOptions { Lease = await _leases.TakeAsync(life, cancellation).ConfigureAwait(false) } : null;
            return await GuardedAsync(key, expected, Operation.Put(key, value, options), cancellation).ConfigureAwait(false);
        });

    public Task<WriteOutcome> DeleteAsync(string key, long expected, CancellationToken cancellation)
        => Told(() => GuardedAsync(key, expected, Operation.Delete(KeyRange.Key(key)), cancellation));

    public async ValueTask<IStorageWatch> WatchAsync(string prefix, long fromRevision, CancellationToken cancellation)
    {
        try
        {
            var watcher = await _client.StartWatchAsync(
                KeyRange.Prefix(prefix),
                new RaftKv.Client.WatchOptions { StartRevision = fromRevision, WantsPrevious = true, WantsProgress = true },
                cancellation).ConfigureAwait(false);
            return new Watch(watcher, cancellation);
        }
        catch (CompactedException gone)
        {
            return new Gone(gone.CompactRevision);
        }
        catch (RaftKvException failed)
        {
            throw Meaning(failed);
        }
    }

    public async Task CompactAsync(long revision, CancellationToken cancellation)
    {
        try
        {
            await Told(async () => await _client.CompactAsync(revision, cancellation: cancellation).ConfigureAwait(false)).ConfigureAwait(false);
        }
        catch (HistoryGoneException)
        {
            // Somebody else has done it.
        }
    }

    private static StoredValue Stored(KeyValue one) => new(Encoding.UTF8.GetString(one.Key.Span), one.Value, one.ModRevision);

    private static Exception Meaning(RaftKvException failed) => failed switch
    {
        CompactedException gone => new HistoryGoneException(gone.CompactRevision),
        RaftKv.Client.FutureRevisionException => new FutureRevisionException(0),
        { InnerException: RaftKv.Rpc.RpcException answer } when EtcdFailure.Of(answer) is ValueTooLargeException large => large,
        _ => new StorageUnavailableException(failed.Message, failed),
    };

    private static async Task<T> Told<T>(Func<Task<T>> call)
    {
        try
        {
            return await call().ConfigureAwait(false);
        }
        catch (RaftKvException failed)
        {
            throw Meaning(failed);
        }
    }

    private async Task<WriteOutcome> GuardedAsync(string key, long expected, Operation write, CancellationToken cancellation)
    {
        var answer = await _client.CommitAsync(
            new Transaction().If(Condition.ModRevision(KeyRange.Key(key)).Is(expected)).Then(write).Else(Operation.Get(key)),
            new RaftKv.Client.CallOptions { Timeout = Patience },
            cancellation).ConfigureAwait(false);
        return answer.Succeeded ? new(true, answer.Header.Revision, null)
            : answer.Results[0].Range is { KeyValues: [var current, ..] } ? new(false, answer.Header.Revision, Stored(current))
            : new(false, answer.Header.Revision, null);
    }

    private sealed class Watch(Watcher watcher, CancellationToken cancellation) : IStorageWatch
    {
        private readonly IAsyncEnumerator<WatchBatch> _batches = watcher.GetAsyncEnumerator(cancellation);

        public async ValueTask<ChangeBatch> NextAsync()
        {
            try
            {
                return await _batches.MoveNextAsync().ConfigureAwait(false)
                    ? new([.. _batches.Current.Events.Select(Change)], _batches.Current.Revision)
                    : throw new StorageUnavailableException("The store ended the watch.");
            }
            catch (RaftKvException failed)
            {
                throw Meaning(failed);
            }
            catch (ObjectDisposedException ended)
            {
                throw new StorageUnavailableException("The client has been disposed of.", ended);
            }
        }

        public ValueTask RequestProgressAsync()
        {
            watcher.RequestProgress();
            return default;
        }

        public async ValueTask DisposeAsync()
        {
            await watcher.DisposeAsync().ConfigureAwait(false);
            await _batches.DisposeAsync().ConfigureAwait(false);
        }

        private static StoredChange Change(RaftKv.Client.WatchEvent change) => new(
            Encoding.UTF8.GetString(change.KeyValue.Key.Span),
            change.IsDelete ? (ReadOnlyMemory<byte>?)null : change.KeyValue.Value,
            change.Previous?.Value,
            change.KeyValue.ModRevision);
    }

    // A watch of what is no longer told.
    private sealed class Gone(long oldest) : IStorageWatch
    {
        public ValueTask<ChangeBatch> NextAsync() => throw new HistoryGoneException(oldest);

        public ValueTask RequestProgressAsync() => default;

        public ValueTask DisposeAsync() => default;
    }
}
