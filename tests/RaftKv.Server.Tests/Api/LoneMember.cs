using System.Buffers;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Raft.Membership;
using RaftKv.Server.Peers;
using RaftKv.Server.Replica;
using RaftKv.Server.Tls;
using RaftKv.Storage.Files;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.Records;
using RaftKv.Storage.Snapshots;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Commands;
using RaftKv.Storage.Watch;

namespace RaftKv.Server.Tests.Api;

/// <summary>
/// A member without a log and without peers: what is proposed is applied at once, to a real state. What a test wants to
/// go wrong, it says.
/// </summary>
internal sealed class LoneMember : IMember, IAnswerSink, IStateObserver, IDisposable
{
    public static readonly NodeId Id = new(0x1234_5678_9abc_def0);

    private readonly Lock _gate = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("raftkv-api-").FullName;
    private readonly TimeProvider _time;
    private readonly StateMachine _state;
    private readonly Dictionary<long, (long Ttl, long Expiry)> _clockedLeases = [];
    private Answer? _answer;
    private ulong _requestIds;
    private long _compactionsWaitedFor;

    public LoneMember(TimeProvider time)
    {
        _time = time;
        var store = LogRecordStore.Create(new PhysicalFileSystem(), _folder, identity: 7);
        _state = new StateMachine(new KeySpace(store), this);
        Watches = new WatchHub(_state.Keys, WatchOptions, WatchFaults.None);
        var founder = new Member(Id, "", ["http://localhost:2380"], [], IsLearner: false);
        var table = new ArrayBufferWriter<byte>();
        MemberTable.Bootstrapped([founder]).WriteTo(table);
        Apply(EntryKind.ConfigChange, ConfigChange.OneStep(ConfigStepKind.AddVoter, Id, table.WrittenMemory).Encode());
        Propose(new MemberAttributesCommand(Id, "lone", ["http://localhost:2379"]));
    }

    public static WatchOptions WatchOptions { get; } = new() { RecentChanges = 8, FragmentBytes = 64 * 1024 };

    public NodeId Self => Id;

    public ulong ClusterId => 0xc1u;

    public MemberStatus Status { get; set; } = new(Term: 3, Id, IsLearner: false, CommitIndex: 11, AppliedIndex: 10);

    public IReadOnlyList<Member> Members => [.. _state.Members.Members];

    public ImmutableSortedSet<Alarm> Alarms => _state.Alarms.Active;

    public AuthView Auth => _state.Auth.View;

    public bool IsOutOfService { get; set; }

    public IReadOnlyList<CertificateExpiry> Certificates { get; set; } = [];

    public WatchHub Watches { get; }

    public TimeSpan RequestTimeout => TimeSpan.FromSeconds(7);

    public (long Taken, long Needed) Space { get; set; } = (4096, 1024);

    /// <summary>What the next calls are refused for.</summary>
    public RequestRefusal? Refusal { get; set; }

    /// <summary>What waiting for others waits for.</summary>
    public Task Gate { get; set; } = Task.CompletedTask;

    public int QuorumWaits { get; private set; }

    public int Reclaims { get; private set; }

    public long CompactionsWaitedFor => Interlocked.Read(ref _compactionsWaitedFor);

    public byte[] SnapshotBytes { get; set; } = [];

    /// <summary>What clients' calls became, as it would stand in the log.</summary>
    public System.Collections.Concurrent.ConcurrentQueue<byte[]> Proposed { get; } = [];

    public KeySpace Keys => _state.Keys;

    public KeySpaceView OpenView() => _state.Keys.OpenView();

    public ulong NextRequestId() => Interlocked.Increment(ref _requestIds);

    public async ValueTask<Answer> ProposeAsync(ReadOnlyMemory<byte> payload, ulong requestId, CancellationToken cancellation)
    {
        ThrowIfRefused();
        await Gate.WaitAsync(cancellation);
        Proposed.Enqueue(payload.ToArray());
        lock (_gate)
        {
            return Apply(EntryKind.Command, payload) ?? throw new InvalidOperationException("There was no answer.");
        }
    }

    public async ValueTask WaitUntilCurrentAsync(CancellationToken cancellation)
    {
        ThrowIfRefused();
        QuorumWaits++;
        await Gate.WaitAsync(cancellation);
    }

    public ValueTask WaitUntilCompactedAsync(CancellationToken cancellation)
    {
        Interlocked.Increment(ref _compactionsWaitedFor);
        return default;
    }

    public ValueTask<long> RenewLeaseAsync(long id, CancellationToken cancellation)
    {
        ThrowIfRefused();
        lock (_gate)
        {
            if (!_clockedLeases.TryGetValue(id, out var lease))
            {
                return new(0);
            }

            _clockedLeases[id] = (lease.Ttl, Now + lease.Ttl);
            return new(lease.Ttl);
        }
    }

    public ValueTask<LeaseTime?> GetLeaseTimeAsync(long id, bool wantsKeys, CancellationToken cancellation)
    {
        ThrowIfRefused();
        lock (_gate)
        {
            if (!_clockedLeases.TryGetValue(id, out var lease) || !_state.Leases.TryGet(id, out var agreed))
            {
                return new((LeaseTime?)null);
            }

            ReadOnlyMemory<byte>[] keys = wantsKeys ? [.. agreed.Keys.ToArray()] : [];
            return new(new LeaseTime(lease.Expiry - Now, lease.Ttl, keys));
        }
    }

    public ValueTask<IReadOnlyList<long>> GetLeasesAsync(CancellationToken cancellation)
    {
        lock (_gate)
        {
            return new(_clockedLeases.Keys.Order().ToArray());
        }
    }

    public ValueTask<(StateError Error, IReadOnlyList<Member> Members)> ChangeMembersAsync(
        MemberChange change, CancellationToken cancellation)
    {
        ThrowIfRefused();
        lock (_gate)
        {
            var error = _state.Members.Check(change);
            if (error == StateError.None)
            {
                Apply(EntryKind.ConfigChange, _state.Members.ToConfigChange(change).Encode());
            }

            return new((error, Members));
        }
    }

    public ValueTask TransferLeadershipAsync(NodeId target, CancellationToken cancellation)
    {
        ThrowIfRefused();
        Status = Status with { Leader = target };
        return default;
    }

    public void RequestReclaim() => Reclaims++;

    public ValueTask<ISnapshotSource> OpenSnapshotAsync(CancellationToken cancellation)
        => new(new BytesInPieces(SnapshotBytes));

    /// <summary>Puts a key, as a test's preparation.</summary>
    public Answer Put(string key, string value)
    {
        var put = new Protocol.Etcd.PutRequest
        {
            Key = Google.Protobuf.ByteString.CopyFromUtf8(key),
            Value = Google.Protobuf.ByteString.CopyFromUtf8(value),
        };
        lock (_gate)
        {
            var payload = CommandEnvelope.Encode(
                NextRequestId(), Caller.Nobody, CommandKind.Put, Google.Protobuf.MessageExtensions.ToByteArray(put));
            return Apply(EntryKind.Command, payload)!.Value;
        }
    }

    /// <summary>Proposes a command of ours, as a test's preparation.</summary>
    public Answer Propose<T>(T command, Caller? caller = null)
        where T : IStateCommand<T>
    {
        lock (_gate)
        {
            return Apply(EntryKind.Command, CommandEnvelope.Encode(NextRequestId(), caller ?? Caller.Nobody, command))!.Value;
        }
    }

    /// <summary>Makes sure that another member could take over this state, whatever clients have put into it.</summary>
    public void CheckThatItTravels()
    {
        lock (_gate)
        {
            var offered = OfferedState.Of(_state);
            using var view = offered.Hold()!;
            var bytes = new ArrayBufferWriter<byte>();
            for (var writer = new StateSnapshotWriter(offered.Tables, view); writer.TryWrite(bytes);)
            {
            }

            offered.Release();
            var folder = Directory.CreateDirectory(Path.Join(_folder, $"copy-{NextRequestId()}")).FullName;
            var keys = new KeySpace(LogRecordStore.Create(new PhysicalFileSystem(), folder, identity: 8));
            var reader = new StateSnapshotReader(keys);
            reader.Add(bytes.WrittenSpan);
            using var copy = StateMachine.Open(
                reader.Finish().Span,
                position =>
                {
                    keys.FinishImport(position);
                    return keys;
                });
            Assert.Equal(_state.Hash, copy.Hash);
        }
    }

    public void Dispose()
    {
        _state.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    bool IAnswerSink.IsAwaited(ulong requestId) => true;

    void IAnswerSink.Complete(ulong requestId, in Answer answer) => _answer = answer;

    void IStateObserver.LeaseGranted(long id, long ttl) => _clockedLeases[id] = (ttl, Now + ttl);

    void IStateObserver.LeaseRevoked(long id) => _clockedLeases.Remove(id);

    private long Now => _time.GetUtcNow().ToUnixTimeSeconds();

    private Answer? Apply(EntryKind kind, ReadOnlyMemory<byte> payload)
    {
        _answer = null;
        _state.Apply(new Entry(Status.Term, _state.Applied.Index + 1, kind, payload), this);
        Watches.Collect(_state.Keys.Changes);
        _state.Keys.Publish();
        Watches.Announce(_state.Keys.PublishedRevision);
        return _answer;
    }

    /// <summary>In pieces that fit nothing.</summary>
    private sealed class BytesInPieces(byte[] bytes) : ISnapshotSource
    {
        private const int PieceBytes = 10_007;

        public Guid Id { get; } = Guid.NewGuid();

        public long? Length => null;

        public async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadAsync(
            long offset, [EnumeratorCancellation] CancellationToken cancellation)
        {
            for (var at = (int)offset; at < bytes.Length; at += PieceBytes)
            {
                await Task.Yield();
                yield return bytes.AsMemory(at, Math.Min(PieceBytes, bytes.Length - at));
            }
        }

        public ValueTask DisposeAsync() => default;
    }

    private void ThrowIfRefused()
    {
        if (Refusal is { } refusal)
        {
            throw new RequestRefusedException(refusal);
        }
    }
}
