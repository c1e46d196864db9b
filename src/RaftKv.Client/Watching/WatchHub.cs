using Microsoft.Extensions.Logging;
using RaftKv.Client.Calls;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Rpc.Client;
using Version = System.Version;

namespace RaftKv.Client.Watching;

/// <summary>
/// Carries the watchers of a client: most of them on one shared stream, those that cannot keep up each on a stream of its
/// own. When a stream ends, its watchers go on elsewhere.
/// </summary>
internal sealed class WatchHub(
    RaftKvClientOptions options, Caller caller, RpcChannel channel, ILogger log, CancellationToken disposal)
{
    // Nobody creates such a key by accident, and nothing of it is told.
    private static readonly Google.Protobuf.ByteString NoKey = Google.Protobuf.ByteString.CopyFromUtf8("\0raftkv-sign-of-life");

    private readonly Lock _gate = new();
    private WatchStream? _shared;
    private KnownMember? _lastFailed;
    private int _failures;

    public Caller Caller => caller;

    public RpcChannel Channel => channel;

    public TimeProvider Time => options.Time;

    public TimeSpan Silence => options.WatchSilence;

    /// <summary>Why the last stream ended, for whoever has waited in vain.</summary>
    public RpcException? LastFailure { get; private set; }

    /// <summary>A watcher that tells nothing, created for the sake of the reply.</summary>
    public static WatchCreateRequest SignOfLife(long id) => new()
    {
        Key = NoKey,
        WatchId = id,
        Filters = { WatchCreateRequest.Types.FilterType.Noput, WatchCreateRequest.Types.FilterType.Nodelete },
    };

    /// <summary>Puts a cursor on a stream: the shared one, or one of its own.</summary>
    public void Attach(WatchCursor cursor, bool isShared = true)
    {
        while (!cursor.HasEnded)
        {
            if (disposal.IsCancellationRequested)
            {
                cursor.End(new ObjectDisposedException(nameof(RaftKvClient), "The client was disposed while the watch was running."));
                return;
            }

            WatchStream stream;
            var isNew = false;
            lock (_gate)
            {
                if (isShared && _shared is not null)
                {
                    stream = _shared;
                }
                else
                {
                    stream = new WatchStream(this, caller.Members.Pick(_lastFailed), isShared, disposal);
                    isNew = true;
                    if (isShared)
                    {
                        _shared = stream;
                    }
                }
            }

            var isOn = stream.TryAdd(cursor);
            if (isNew)
            {
                _ = CarryAsync(stream);
            }

            if (isOn)
            {
                if (cursor.HasEnded)
                {
                    stream.Remove(cursor);
                }

                return;
            }

            Forget(stream);
        }
    }

    /// <summary>Nobody reads it any more.</summary>
    public static void Detach(WatchCursor cursor, Exception why)
    {
        cursor.End(why);
        cursor.Stream?.Remove(cursor);
    }

    /// <summary>Takes a cursor off the shared stream until its reader has caught up.</summary>
    public void Park(WatchCursor cursor)
    {
        cursor.Stream?.Remove(cursor);
        _ = UnparkAsync(cursor);
    }

    /// <summary>A member has cancelled a watcher, or refused to create it.</summary>
    public void Cancelled(WatchStream stream, WatchCursor cursor, WatchResponse response)
    {
        if (response.CompactRevision != 0)
        {
            cursor.End(new CompactedException("etcdserver: mvcc: required revision has been compacted")
            {
                Code = RpcStatusCode.OutOfRange,
                CompactRevision = response.CompactRevision,
            });
            return;
        }

        var failure = WatchRefusal.Of(response.CancelReason);
        if (Credentials.IsOutdated(failure) && caller.HasCredentials)
        {
            _ = RenewAsync(stream, cursor);
            return;
        }

        cursor.End(Failure.Of(failure).ToException(isWrite: false, mayBeDone: false, member: null));
    }

    /// <summary>A member has given no sign of life.</summary>
    public void Silent(WatchStream stream)
    {
        LastFailure = new RpcException(RpcStatusCode.Unavailable, $"{stream.Member.Address}: the watch stream gives no sign of life");
        stream.Member.Leave(LastFailure.Status.Detail);
    }

    /// <summary>
    /// Whether what a member says about the progress of all watchers of a stream is true of those that are still told of
    /// history. Of etcd before 3.4.25 and 3.5.8 it is not (etcd-io/etcd#15220), and a watch resumed there would miss events.
    /// </summary>
    public async Task<bool> BelievesProgressAsync(KnownMember member, CancellationToken cancellation)
    {
        if (member.BelievesProgress is { } known)
        {
            return known;
        }

        StatusResponse status;
        try
        {
            status = await caller.RunAsync(Methods.Status, new StatusRequest(), 2 * options.ElectionTimeout, cancellation, at: member.Address)
                .ConfigureAwait(false);
        }
        catch (Exception e) when (e is RaftKvException or OperationCanceledException or ObjectDisposedException)
        {
            return false;
        }

        var believes = Version.TryParse(status.Version.Split('-')[0], out var version)
            && version switch
            {
                { Major: 3, Minor: < 4 } => false,
                { Major: 3, Minor: 4 } => version.Build >= 25,
                { Major: 3, Minor: 5 } => version.Build >= 8,
                _ => true,
            };
        member.BelievesProgress = believes;
        return believes;
    }

    private async Task CarryAsync(WatchStream stream)
    {
        // Streams are begun from within calls of all kinds; none of them waits for this.
        await Task.Yield();
        var (failure, left) = await stream.RunAsync().ConfigureAwait(false);
        Forget(stream);
        var pause = After(stream, failure);
        if (left.Count == 0)
        {
            return;
        }

        if (stream.Mistake is { } mistake)
        {
            foreach (var cursor in left)
            {
                cursor.End(new RaftKvException($"The watch was ended by a mistake of the client: {mistake.Message}", mistake));
            }

            return;
        }

        Telemetry.StreamEnded(log, stream.Member.Address, left.Count, failure?.Status.Detail ?? "the member is no good");

        if (failure is not null && WatchRefusal.IsForGood(failure))
        {
            if (!Credentials.IsOutdated(failure) || !caller.HasCredentials)
            {
                foreach (var cursor in left)
                {
                    cursor.End(Failure.Of(failure).ToException(isWrite: false, mayBeDone: false, stream.Member.Address));
                }

                return;
            }

            await caller.RenewTokenAsync(disposal).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        if (pause > TimeSpan.Zero)
        {
            await Task.Delay(pause, Time, disposal).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        foreach (var cursor in left)
        {
            Attach(cursor, isShared: stream.IsShared);
        }
    }

    private TimeSpan After(WatchStream stream, RpcException? failure)
    {
        lock (_gate)
        {
            _lastFailed = stream.Member;
            LastFailure = failure ?? LastFailure;
            _failures = stream.HasAnswered ? 0 : _failures + 1;
            if (failure is not null && Failure.Of(failure).IsMemberAtFault)
            {
                stream.Member.Leave(failure.Status.Detail);
            }

            // Another member is asked at once.
            if (_failures < caller.Members.Count && caller.Members.Count > 1)
            {
                return TimeSpan.Zero;
            }
        }

        lock (options.Chance)
        {
            return options.RetryPause.After(Math.Max(_failures - caller.Members.Count, 0) + 1, options.Chance.NextDouble());
        }
    }

    private void Forget(WatchStream stream)
    {
        lock (_gate)
        {
            if (_shared == stream)
            {
                _shared = null;
            }
        }
    }

    private async Task UnparkAsync(WatchCursor cursor)
    {
        await cursor.WaitForRoomAsync().ConfigureAwait(false);
        Attach(cursor, isShared: false);
    }

    private async Task RenewAsync(WatchStream stream, WatchCursor cursor)
    {
        try
        {
            await caller.RenewTokenAsync(disposal).ConfigureAwait(false);
        }
        catch (RaftKvException refused)
        {
            cursor.End(refused);
            return;
        }
        catch (OperationCanceledException)
        {
            // Attaching finds out that the client is gone.
        }

        // That stream carries the old token, and the cursor would be refused there again.
        Forget(stream);
        Attach(cursor, stream.IsShared);
    }
}
