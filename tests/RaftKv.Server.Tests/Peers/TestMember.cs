using System.Collections.Concurrent;
using System.Net;
using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Raft.Membership;
using RaftKv.Raft.Messages;
using RaftKv.Server.Peers;

namespace RaftKv.Server.Tests.Peers;

/// <summary>A transport behind a port of its own, and everything that it was told.</summary>
internal sealed class TestMember : IPeerReceiver, IAsyncDisposable
{
    public const ulong Cluster = 0xC1;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private PeerHost? _host;

    private TestMember(ulong id, PeerOptions options)
    {
        Id = new NodeId(id);
        Transport = new PeerTransport(options with { Observer = Events.Enqueue }, this);
    }

    public NodeId Id { get; }

    public PeerTransport Transport { get; }

    public Uri Url => _host!.EndPoints[0];

    public ConcurrentQueue<PeerEvent> Events { get; } = [];

    public ConcurrentQueue<Message> Received { get; } = [];

    public ConcurrentQueue<NodeId> Unreachables { get; } = [];

    public ConcurrentQueue<NodeId> GoneOnes { get; } = [];

    public ConcurrentQueue<(NodeId Peer, bool IsDelivered)> SnapshotReports { get; } = [];

    public ConcurrentQueue<NodeId> RemovedBy { get; } = [];

    public ConcurrentQueue<NodeId> LostDataSaid { get; } = [];

    public ConcurrentQueue<Exception> Problems { get; } = [];

    public ConcurrentQueue<TestSink> Sinks { get; } = [];

    /// <summary>Runs within Receive, before the messages are noted.</summary>
    public Action<Message>? OnMessage { get; set; }

    public Func<SnapshotOffer, TestSink> NewSink { get; set; } = _ => new TestSink();

    public static async Task<TestMember> StartAsync(
        ulong id, Func<PeerOptions, PeerOptions>? change = null, int port = 0, PeerHostOptions? hosting = null)
    {
        var options = new PeerOptions { ClusterId = Cluster, Self = new NodeId(id), ServerVersion = $"0.1.{id}", BackOffMin = TimeSpan.FromMilliseconds(5) };
        options = change?.Invoke(options) ?? options;
        if (options.Time == TimeProvider.System)
        {
            // A busy machine must not cut a connection. Tests of these limits have a clock of their own.
            options = options with { ReadTimeout = Patience, WriteTimeout = Patience, HandshakeTimeout = Patience };
        }

        var member = new TestMember(id, options);
        hosting ??= new PeerHostOptions();
        hosting.Listen.Add(new IPEndPoint(IPAddress.Loopback, port));
        member._host = await PeerHost.StartAsync(hosting, member.Transport, TestContext.Current.CancellationToken);
        return member;
    }

    public void Knows(params TestMember[] others)
    {
        foreach (var other in others)
        {
            Transport.AddPeer(other.Id, [other.Url]);
        }
    }

    public PeerStatus StatusOf(TestMember other) => Transport.StatusOf(other.Id)!;

    public Message Heartbeat(NodeId to, ulong token) => new() { Kind = MessageKind.Heartbeat, From = Id, To = to, Term = 1, Token = token };

    public Message Append(NodeId to, ulong index, int bytes = 10)
    {
        var payload = new byte[bytes];
        new Random((int)index).NextBytes(payload);
        return new Message
        {
            Kind = MessageKind.Append,
            From = Id,
            To = to,
            Term = 1,
            Position = new LogPosition(1, index - 1),
            Entries = new[] { new Entry(1, index, EntryKind.Command, payload) },
        };
    }

    public Message InstallSnapshot(NodeId to, ulong index, ulong term = 1) => new()
    {
        Kind = MessageKind.InstallSnapshot,
        From = Id,
        To = to,
        Term = term,
        Snapshot = new Snapshot(new LogPosition(1, index), ClusterConfig.Of([Id, to])),
    };

    public async Task SendsAsync(Message message)
    {
        await Until(() => Transport.Send(message));
        Transport.Flush();
    }

    public Task ConnectedTo(TestMember other) => Until(() => StatusOf(other).IsConnected);

    public Task Sees(PeerEventKind kind, string text) => Until(() => Saw(kind, text), $"{kind}: {text}");

    public bool Saw(PeerEventKind kind, string text)
        => Events.Any(one => one.Kind == kind && one.Text.Contains(text, StringComparison.Ordinal));

    public static async Task Until(Func<bool> condition, [System.Runtime.CompilerServices.CallerArgumentExpression(nameof(condition))] string what = "")
    {
        for (var i = 0; i < 24_000; i++)
        {
            if (condition())
            {
                return;
            }

            await Task.Delay(5, TestContext.Current.CancellationToken);
        }

        Assert.Fail($"Did not come true in two minutes: {what}");
    }

    /// <summary>Moves the clock second by second: whoever is to be woken by it may not have gone to sleep yet, and a silence
    /// is counted from when somebody listens.</summary>
    public static Task AdvancesUntil(
        ManualTime time, Func<bool> condition, [System.Runtime.CompilerServices.CallerArgumentExpression(nameof(condition))] string what = "")
        => Until(
            () =>
            {
                if (condition())
                {
                    return true;
                }

                time.Advance(TimeSpan.FromSeconds(1));
                return condition();
            },
            what);

    /// <summary>Lets time go by second by second, each once the other was heard of in the one before. A second may pass without
    /// a sign of life, where the last one was still being written when it began.</summary>
    public async Task KeepsHearingOf(TestMember other, ManualTime time, int seconds)
    {
        for (var i = 0; i < seconds; i++)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            var looks = 0;
            await Until(() =>
            {
                if (++looks % 200 == 0)
                {
                    time.Advance(TimeSpan.FromSeconds(1));
                }

                return StatusOf(other).HeardAgo == TimeSpan.Zero;
            });

            // Other streams between the two are heard as well, which nothing here tells: the patience of the members is to be
            // as long as many of these.
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }

    public void Receive(ReadOnlySpan<Message> messages)
    {
        foreach (ref readonly var message in messages)
        {
            OnMessage?.Invoke(message);
            Received.Enqueue(message);
        }
    }

    public void Unreachable(NodeId peer) => Unreachables.Enqueue(peer);

    public void Gone(NodeId peer) => GoneOnes.Enqueue(peer);

    public void SnapshotSent(NodeId peer, bool isDelivered) => SnapshotReports.Enqueue((peer, isDelivered));

    public ValueTask<ISnapshotSink> BeginSnapshotAsync(SnapshotOffer offer, CancellationToken cancellation)
    {
        var sink = NewSink(offer);
        sink.Offer = offer;
        Sinks.Enqueue(sink);
        return ValueTask.FromResult<ISnapshotSink>(sink);
    }

    public void Removed(NodeId by) => RemovedBy.Enqueue(by);

    public void LostData(NodeId by) => LostDataSaid.Enqueue(by);

    public void Broken(Exception problem) => Problems.Enqueue(problem);

    public async ValueTask DisposeAsync()
    {
        await Transport.DisposeAsync();
        if (_host is not null)
        {
            await _host.DisposeAsync();
        }

        Assert.Empty(Problems);
    }
}

internal sealed class TestSink : ISnapshotSink
{
    public SnapshotOffer? Offer { get; set; }

    public MemoryStream Bytes { get; } = new();

    public bool IsComplete { get; private set; }

    public bool IsDisposed { get; private set; }

    public Func<TestSink, CancellationToken, Task>? OnWrite { get; init; }

    public Func<Task>? OnComplete { get; init; }

    public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellation)
    {
        await (OnWrite?.Invoke(this, cancellation) ?? Task.CompletedTask);
        Bytes.Write(bytes.Span);
    }

    public async ValueTask CompleteAsync(CancellationToken cancellation)
    {
        await (OnComplete?.Invoke() ?? Task.CompletedTask);
        IsComplete = true;
    }

    public ValueTask DisposeAsync()
    {
        IsDisposed = true;
        return default;
    }
}

/// <summary>Bytes that follow from a seed and their place, in pieces of odd sizes.</summary>
internal sealed class TestSource : ISnapshotSource
{
    public TestSource(int seed, int bytes)
    {
        All = new byte[bytes];
        new Random(seed).NextBytes(All);
        Id = new Guid(seed, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
        Length = bytes;
    }

    public byte[] All { get; }

    public Guid Id { get; }

    public long? Length { get; set; }

    public bool IsDisposed { get; private set; }

    public ConcurrentQueue<long> Offsets { get; } = [];

    public Func<long, Task>? BeforePiece { get; init; }

    public async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadAsync(
        long offset, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        Offsets.Enqueue(offset);
        for (var at = (int)offset; at < All.Length;)
        {
            await (BeforePiece?.Invoke(at) ?? Task.CompletedTask).WaitAsync(cancellation);
            var length = Math.Min(All.Length - at, 100_003);
            yield return All.AsMemory(at, length);
            at += length;
        }
    }

    public ValueTask DisposeAsync()
    {
        IsDisposed = true;
        return default;
    }
}
