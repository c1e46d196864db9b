using System.Globalization;

namespace RaftKv.Client.Queues;

/// <summary>
/// A place in a line: keys under one name, one for each lease, in the order of their creation; the first is served. As
/// etcd's own locks and elections have it, so that others may stand in the same line.
/// </summary>
internal sealed class Place : IAsyncDisposable
{
    private readonly RaftKvClient _client;
    private readonly KeyRange _line;
    private readonly CancellationTokenSource _lost;
    private readonly CancellationTokenSource _stop = new();
    private Task _guarding = Task.CompletedTask;

    private Place(RaftKvClient client, KvBytes name, KeptLease lease)
    {
        _client = client;
        Lease = lease;
        var line = LineOf(name);
        _line = KeyRange.Prefix(line);
        Key = (byte[])[.. line.Memory.Span, .. new KvBytes(((ulong)lease.Id).ToString("x", CultureInfo.InvariantCulture)).Memory.Span];
        _lost = CancellationTokenSource.CreateLinkedTokenSource(lease.Lost);
        Lost = _lost.Token;
    }

    public KvBytes Key { get; }

    public long CreateRevision { get; private set; }

    public KeptLease Lease { get; }

    public CancellationToken Lost { get; }

    /// <summary>What the keys of a line begin with.</summary>
    public static KvBytes LineOf(KvBytes name) => (byte[])[.. name.Memory.Span, (byte)'/'];

    /// <summary>Stands in line, and returns when it is the first.</summary>
    /// <returns>Null: somebody else is, and that was not to be waited for.</returns>
    public static async ValueTask<Place?> TakeAsync(
        RaftKvClient client, KvBytes name, LockOptions options, bool waits, CancellationToken cancellation)
    {
        var lease = await client.KeepLeaseAsync(options.TimeToLive, cancellation).ConfigureAwait(false);
        var place = new Place(client, name, lease);
        var isServed = false;
        try
        {
            isServed = await place.StandAsync(options.Value, waits, cancellation).ConfigureAwait(false);
            return isServed ? place : null;
        }
        finally
        {
            if (!isServed)
            {
                await place.DisposeAsync().ConfigureAwait(false);
            }
        }
    }

    /// <summary>Leaves the line.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _guarding.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Lease.DisposeAsync().ConfigureAwait(false);
        _lost.Dispose();
        _stop.Dispose();
    }

    private async ValueTask<bool> StandAsync(KvBytes value, bool waits, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation, Lost);
        try
        {
            await JoinAsync(value, stop.Token).ConfigureAwait(false);
            while (await BeforeAsync(stop.Token).ConfigureAwait(false) is { } before)
            {
                if (!waits)
                {
                    return false;
                }

                await GoneAsync(before.Key, before.SeenAt, stop.Token).ConfigureAwait(false);
            }

            // The key may have gone while others were waited for.
            var own = await _client.RangeAsync(Key, cancellation: stop.Token).ConfigureAwait(false);
            if (own.KeyValues is not [{ } one] || one.CreateRevision != CreateRevision)
            {
                throw NoLonger(null);
            }

            _guarding = GuardAsync(own.Header.Revision);
            return true;
        }
        catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            throw NoLonger(e);
        }
    }

    // The key is this lease's own, so doing it twice does it once.
    private async ValueTask JoinAsync(KvBytes value, CancellationToken cancellation)
    {
        var join = new Transaction()
            .If(Condition.Missing(Key))
            .Then(Operation.Put(Key, value, new PutOptions { Lease = Lease.Id }))
            .Else(Operation.Get(Key));
        while (true)
        {
            try
            {
                var joined = await _client.CommitAsync(join, cancellation: cancellation).ConfigureAwait(false);
                CreateRevision = joined.Succeeded ? joined.Header.Revision : joined.Results[0].Range!.KeyValues[0].CreateRevision;
                return;
            }
            catch (OutcomeUnknownException)
            {
                cancellation.ThrowIfCancellationRequested();
            }
        }
    }

    /// <returns>The key that is served right before this one, and the revision at which it was there.</returns>
    private async ValueTask<(ReadOnlyMemory<byte> Key, long SeenAt)?> BeforeAsync(CancellationToken cancellation)
    {
        var options = new RangeOptions
        {
            MaxCreateRevision = CreateRevision - 1,
            Order = RangeOrder.Descending,
            OrderBy = RangeOrderBy.CreateRevision,
            Limit = 1,
            KeysOnly = true,
        };
        var before = await _client.RangeAsync(_line, options, cancellation).ConfigureAwait(false);
        return before.KeyValues is [{ } one] ? (one.Key, before.Header.Revision) : null;
    }

    private async ValueTask GoneAsync(ReadOnlyMemory<byte> key, long seenAt, CancellationToken cancellation)
    {
        var deletions = new WatchOptions { StartRevision = seenAt + 1, LeavesOutPuts = true };
        try
        {
            await foreach (var batch in _client.WatchAsync(key, deletions, cancellation).ConfigureAwait(false))
            {
                if (batch.Events.Count > 0)
                {
                    return;
                }
            }
        }
        catch (CompactedException)
        {
            // Then look again who is there.
        }
    }

    // Somebody may delete the key by hand, and somebody else may then be served.
    private async Task GuardAsync(long seenAt)
    {
        try
        {
            await GoneAsync(Key.Memory, seenAt, _stop.Token).ConfigureAwait(false);
            while (await _client.GetAsync(Key, cancellation: _stop.Token).ConfigureAwait(false) is { } own && own.CreateRevision == CreateRevision)
            {
                await GoneAsync(Key.Memory, own.ModRevision, _stop.Token).ConfigureAwait(false);
            }

            await _lost.CancelAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or RaftKvException)
        {
            // The lease still says whether the place is lost.
        }
    }

    private LockLostException NoLonger(Exception? cause)
        => new($"The place '{Key}' in the line was lost while it was waited for: its lease has ended, or its key was deleted.", cause)
        {
            IsTransient = true,
        };
}
