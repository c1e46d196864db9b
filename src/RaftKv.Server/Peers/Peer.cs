using RaftKv.Raft;
using RaftKv.Raft.Messages;

namespace RaftKv.Server.Peers;

/// <summary>One other member, as far as messages to it go.</summary>
internal sealed class Peer : IAsyncDisposable
{
    private readonly PeerOptions _options;
    private readonly IPeerReceiver _receiver;
    private readonly OutgoingStream _prompt;
    private readonly OutgoingStream _bulk;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _gate = new();

    // Where each lane tries next, in the list of addresses.
    private readonly int[] _urlTurn = new int[4];
    private IReadOnlyList<Uri> _urls;
    private string _serverVersion = "";
    private string _lastError = "";
    private long _lastErrorAt;
    private Task _running = Task.CompletedTask;

    public Peer(NodeId id, IReadOnlyList<Uri> urls, PeerDialer dialer, PeerOptions options, IPeerReceiver receiver, SnapshotDispatch snapshots)
    {
        Id = id;
        _options = options;
        _receiver = receiver;
        _urls = urls;
        _prompt = new OutgoingStream(this, PeerLane.Prompt, dialer, options, receiver);
        _bulk = new OutgoingStream(this, PeerLane.Bulk, dialer, options, receiver);
        Snapshots = new OutgoingSnapshots(this, dialer, options, receiver, snapshots);
    }

    public NodeId Id { get; }

    public OutgoingSnapshots Snapshots { get; }

    /// <summary>Whether it is disposed of because the member left the cluster.</summary>
    public bool IsRemoved { get; set; }

    public void Start() => _running = Task.WhenAll(
        Task.Run(() => RunAsync(_prompt)),
        Task.Run(() => RunAsync(_bulk)));

    public bool TrySend(in Message message) => StreamFor(message).TrySend(message);

    public void Flush()
    {
        _prompt.Flush();
        _bulk.Flush();
    }

    public void UpdateUrls(IReadOnlyList<Uri> urls)
    {
        lock (_gate)
        {
            _urls = urls;
        }

        _prompt.KeepOnly(urls);
        _bulk.KeepOnly(urls);
    }

    public Uri NextUrl(PeerLane lane)
    {
        lock (_gate)
        {
            return _urls[_urlTurn[(int)lane] % _urls.Count];
        }
    }

    /// <summary>How many addresses it has.</summary>
    public int UrlCount
    {
        get
        {
            lock (_gate)
            {
                return _urls.Count;
            }
        }
    }

    /// <summary>The address did not do: the next attempt is for another one.</summary>
    public void SkipUrl(PeerLane lane)
    {
        lock (_gate)
        {
            _urlTurn[(int)lane] = (_urlTurn[(int)lane] + 1) % _urls.Count;
        }
    }

    public void Hurry()
    {
        _prompt.Hurry();
        _bulk.Hurry();
    }

    public void Met(PeerWelcome welcome)
    {
        lock (_gate)
        {
            _serverVersion = welcome.Version;
        }
    }

    public void Note(string error)
    {
        lock (_gate)
        {
            _lastError = error;
            _lastErrorAt = _options.Time.GetTimestamp();
        }
    }

    public PeerStatus Status(long receivedMessages, long receivedBytes)
    {
        var prompt = _prompt.ConnectedFor;
        var bulk = _bulk.ConnectedFor;
        lock (_gate)
        {
            return new PeerStatus
            {
                Id = Id,
                Urls = _urls,
                ConnectedFor = prompt is null || bulk is null ? null : prompt < bulk ? prompt : bulk,
                HeardAgo = _prompt.HeardAgo is { } one && _bulk.HeardAgo is { } other ? (one > other ? one : other) : null,
                RoundTrip = _prompt.RoundTrip,
                ServerVersion = _serverVersion,
                LastError = _lastError,
                LastErrorAge = _lastError.Length == 0 ? null : _options.Time.GetElapsedTime(_lastErrorAt),
                SentMessages = _prompt.SentMessages + _bulk.SentMessages,
                SentBytes = _prompt.SentBytes + _bulk.SentBytes,
                DroppedMessages = _prompt.DroppedMessages + _bulk.DroppedMessages,
                Disconnects = _prompt.Disconnects + _bulk.Disconnects,
                QueuedMessages = _prompt.Queue.Messages + _bulk.Queue.Messages,
                QueuedBytes = _prompt.Queue.Bytes + _bulk.Queue.Bytes,
                ReceivedMessages = receivedMessages,
                ReceivedBytes = receivedBytes,
                SnapshotsDelivered = Snapshots.Delivered,
                SnapshotsFailed = Snapshots.Failed,
                IsSendingSnapshot = Snapshots.IsSending,
            };
        }
    }

    /// <summary>Sends what waits, says farewell, and ends; what takes too long is cut off.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        var all = Task.WhenAll(_running, Snapshots.StopAsync());
        try
        {
            await all.WaitAsync(_options.StopTimeout, _options.Time).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            _prompt.Cut("The member is stopping.");
            _bulk.Cut("The member is stopping.");
            await all.ConfigureAwait(false);
        }

        _stopping.Dispose();
    }

    private async Task RunAsync(OutgoingStream stream)
    {
        try
        {
            await stream.RunAsync(_stopping.Token).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // A mistake on this side: the host decides what becomes of the member.
        catch (Exception problem)
#pragma warning restore CA1031
        {
            _receiver.Broken(problem);
        }
    }

    private OutgoingStream StreamFor(in Message message)
        => message.Kind is MessageKind.Append or MessageKind.Propose ? _bulk : _prompt;
}
