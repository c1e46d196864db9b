using System.Text;

namespace RaftKv.Rpc.Client;

/// <summary>The addresses of a channel, and which one is next.</summary>
/// <remarks>Calls pick without a lock from an array that is replaced as a whole.</remarks>
internal sealed class AddressSet : IDisposable
{
    private readonly RpcChannelOptions _options;
    private readonly Lock _replacing = new();

    private ChannelAddress[] _addresses;
    private int _turn = -1;

    // Completed and replaced when waiting calls should look again.
    private TaskCompletionSource _changed = NewSignal();

    public AddressSet(RpcChannelOptions options)
    {
        _options = options;
        _addresses = options.Addresses.Distinct().Select(uri => new ChannelAddress(uri, options)).ToArray();
    }

    public int Count => Volatile.Read(ref _addresses).Length;

    public IReadOnlyList<Uri> Uris => Volatile.Read(ref _addresses).Select(address => address.Uri).ToArray();

    /// <summary>Fires after this moment's addresses have been replaced, or one of them has come back.</summary>
    public Task Changed => Volatile.Read(ref _changed).Task;

    public bool TryPick(out AddressUse use)
    {
        var addresses = Volatile.Read(ref _addresses);
        var now = _options.Time.GetTimestamp();
        var isInTurn = _options.Balancing is RpcBalancing.RoundRobin;
        var first = isInTurn ? (int)((uint)Interlocked.Increment(ref _turn) % (uint)addresses.Length) : CurrentFirst(addresses);
        for (var i = 0; i < addresses.Length; i++)
        {
            var index = (first + i) % addresses.Length;
            if (addresses[index].TryTake(now, out use))
            {
                Prefer(index, isInTurn);
                return true;
            }
        }

        for (var i = 0; i < addresses.Length; i++)
        {
            var index = (first + i) % addresses.Length;
            if (addresses[index].TryTakeAsLastResort(out use))
            {
                Prefer(index, isInTurn);
                return true;
            }
        }

        use = default;
        return false;
    }

    /// <summary>Takes this address and no other.</summary>
    public bool TryPick(Uri uri, out AddressUse use)
    {
        // Not the caller's mistake for certain: a channel that follows a cluster learns and forgets members all the time.
        var address = Array.Find(Volatile.Read(ref _addresses), address => address.Uri == uri)
            ?? throw new RpcException(new RpcStatus(RpcStatusCode.FailedPrecondition, $"{uri} is none of the channel's addresses."));
        return address.TryTake(_options.Time.GetTimestamp(), out use) || address.TryTakeAsLastResort(out use);
    }

    /// <summary>Time until an evicted address may be tried, and what is known of all of them.</summary>
    public (TimeSpan Wait, RpcStatus Status) Outlook()
    {
        var now = _options.Time.GetTimestamp();
        var wait = TimeSpan.MaxValue;
        var text = new StringBuilder("no address can be reached");
        var separator = ": ";
        foreach (var address in Volatile.Read(ref _addresses))
        {
            var (retryAt, lastFailure) = address.Eviction();
            var left = retryAt > now ? _options.Time.GetElapsedTime(now, retryAt) : TimeSpan.Zero;
            wait = left < wait ? left : wait;
            text.Append(separator).Append(lastFailure.Detail);
            separator = "; ";
        }

        return (wait, new RpcStatus(RpcStatusCode.Unavailable, text.ToString()));
    }

    public void AnnounceChange() => Interlocked.Exchange(ref _changed, NewSignal()).TrySetResult();

    /// <summary>Addresses that stay keep their connections and what is known of them.</summary>
    public void Replace(IReadOnlyList<Uri> uris)
    {
        lock (_replacing)
        {
            var before = _addresses;
            var after = uris
                .Distinct()
                .Select(uri => Array.Find(before, address => address.Uri == uri) ?? new ChannelAddress(uri, _options))
                .ToArray();
            if (_options.Balancing is RpcBalancing.PickFirst)
            {
                var current = before[CurrentFirst(before)];
                Volatile.Write(ref _turn, Math.Max(Array.IndexOf(after, current), 0));
            }

            Volatile.Write(ref _addresses, after);
            foreach (var address in before.Except(after))
            {
                address.Dispose();
            }
        }

        AnnounceChange();
    }

    public void Dispose()
    {
        lock (_replacing)
        {
            foreach (var address in _addresses)
            {
                address.Dispose();
            }
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    // Pick-first stays with what worked, also after an address before it has come back: moving would only cost a connection.
    private int CurrentFirst(ChannelAddress[] addresses) => Math.Max(Volatile.Read(ref _turn), 0) % addresses.Length;

    private void Prefer(int index, bool isInTurn)
    {
        if (!isInTurn && _turn != index)
        {
            Volatile.Write(ref _turn, index);
        }
    }
}
