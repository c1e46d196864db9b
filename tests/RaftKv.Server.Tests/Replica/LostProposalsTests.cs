using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Raft.Messages;
using RaftKv.Server.Bootstrap;
using RaftKv.Server.Peers;
using RaftKv.Server.Replica;
using RaftKv.Storage.Checkpoints;
using RaftKv.Storage.Files;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Commands;
using RaftKv.Storage.Wal;

namespace RaftKv.Server.Tests.Replica;

/// <summary>What becomes of a follower's request whose leader is lost. The member is real but for its peers.</summary>
public sealed class LostProposalsTests : IDisposable
{
    private const ulong RequestId = 77;
    private const ulong Identity = 7;

    private static readonly NodeId Self = new(1);
    private static readonly NodeId OldLeader = new(2);
    private static readonly NodeId NewLeader = new(3);

    private readonly string _folder = Directory.CreateTempSubdirectory("raftkv-lost-").FullName;
    private readonly ManualTime _time = new();
    private readonly HandNetwork _peers = new();
    private readonly MemberStages _stages;
    private readonly Server.Replica.Replica _replica;

    public LostProposalsTests()
    {
        var files = new PhysicalFileSystem();
        var walPath = Directory.CreateDirectory(Path.Join(_folder, "wal")).FullName;
        var statePath = Directory.CreateDirectory(Path.Join(_folder, "state")).FullName;
        var members = MemberTable.Bootstrapped(
            Enumerable.Range(1, 3).Select(i => new Member(new NodeId((ulong)i), "", [$"http://127.0.0.1:{i}"], [], IsLearner: false)));
        var wal = WriteAheadLog.Create(files, walPath, Identity);
        MemberStages.Found(wal, new MemberFile(Self, ClusterId: 1, IsFounder: true, members));
        var settings = new MemberSettings
        {
            Self = Self,
            Time = _time,
            ElectionTimeout = TimeSpan.FromSeconds(1),
            RequestTimeout = TimeSpan.FromSeconds(7),
            RequestIdBase = 1UL << 32,
        };
        var quiet = new Quiet();
        _stages = new MemberStages(
            settings,
            wal,
            observer => StateStore.Open(files, statePath, Identity, new LogRecordStoreMaker(files), observer),
            new StageBells(quiet, quiet, quiet, quiet),
            membersChanged: () => { });
        _replica = _stages.Begin(_peers, new NoCourier(), new Chance(1), _ => { });
    }

    public void Dispose()
    {
        _stages.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task A_request_that_was_lost_with_its_leader_is_answered_when_the_next_one_has_got_something_agreed()
    {
        Follow(OldLeader, term: 2);
        var answer = Propose();
        Assert.Contains(_peers.Sent, sent => sent.Kind == MessageKind.Propose && sent.To == OldLeader);

        Follow(NewLeader, term: 3);
        Tick(10);
        Assert.False(answer.IsCompleted);
        Append(NewLeader, term: 3, after: new LogPosition(1, 1), new Entry(3, 2, EntryKind.Command, default));
        Tick(2);
        var refused = await Assert.ThrowsAsync<RequestRefusedException>(() => answer.AsTask());
        Assert.Equal(RequestRefusal.TimedOutAfterLeaderFailure, refused.Reason);
    }

    [Fact]
    public async Task A_request_that_its_lost_leader_had_passed_on_is_answered_as_it_was_applied()
    {
        Follow(OldLeader, term: 2);
        var answer = Propose();
        var entry = _peers.Sent.Last(sent => sent.Kind == MessageKind.Propose).Entries.Span[0];
        Append(
            NewLeader,
            term: 3,
            after: new LogPosition(1, 1),
            new Entry(2, 2, EntryKind.Command, entry.Payload),
            new Entry(3, 3, EntryKind.Command, default));
        Tick(5);
        await answer;
    }

    [Fact]
    public async Task A_request_that_an_old_leader_passes_on_to_the_next_one_is_waited_for_a_moment_longer()
    {
        Follow(OldLeader, term: 2);
        var answer = Propose();
        var entry = _peers.Sent.Last(sent => sent.Kind == MessageKind.Propose).Entries.Span[0];
        Append(NewLeader, term: 3, after: new LogPosition(1, 1), new Entry(3, 2, EntryKind.Command, default));
        Tick(1);
        Assert.False(answer.IsCompleted);
        Append(NewLeader, term: 3, after: new LogPosition(3, 2), new Entry(3, 3, EntryKind.Command, entry.Payload));
        Tick(5);
        await answer;
    }

    [Fact]
    public void A_request_whose_leader_cannot_be_reached_waits_for_another_one()
    {
        Follow(OldLeader, term: 2);
        _peers.Unreachable = OldLeader;
        var answer = Propose();
        Assert.DoesNotContain(_peers.Sent, sent => sent.Kind == MessageKind.Propose);

        Follow(NewLeader, term: 3);
        Append(NewLeader, term: 3, after: new LogPosition(1, 1), new Entry(3, 2, EntryKind.Command, default));
        Tick(5);
        var passedOn = Assert.Single(_peers.Sent, sent => sent.Kind == MessageKind.Propose);
        Assert.Equal(NewLeader, passedOn.To);
        Assert.False(answer.IsCompleted);
    }

    [Fact]
    public async Task A_request_that_is_late_says_that_its_leader_could_not_be_reached()
    {
        Follow(OldLeader, term: 2);
        _time.Advance(TimeSpan.FromSeconds(3));
        var answer = Propose();
        _time.Advance(TimeSpan.FromSeconds(7));
        Tick(1);
        var refused = await Assert.ThrowsAsync<RequestRefusedException>(() => answer.AsTask());
        Assert.Equal(RequestRefusal.TimedOutAfterConnectionLoss, refused.Reason);
    }

    [Fact]
    public async Task A_request_that_is_late_under_a_leader_that_is_well_connected_is_just_late()
    {
        Follow(OldLeader, term: 2);
        _time.Advance(TimeSpan.FromSeconds(3));
        _peers.ConnectedFor = TimeSpan.FromSeconds(60);
        var answer = Propose();
        _time.Advance(TimeSpan.FromSeconds(7));
        Tick(1);
        var refused = await Assert.ThrowsAsync<RequestRefusedException>(() => answer.AsTask());
        Assert.Equal(RequestRefusal.TimedOut, refused.Reason);
    }

    [Fact]
    public void A_read_that_was_asked_of_a_lost_leader_is_asked_of_the_next_one()
    {
        Follow(OldLeader, term: 2);
        var read = _stages.Reads.WaitAsync();
        Post(ReplicaInput.Read);
        Assert.Equal(OldLeader, _peers.Sent.Last(sent => sent.Kind == MessageKind.ReadIndex).To);
        Follow(NewLeader, term: 3);
        var again = _peers.Sent.Last(sent => sent.Kind == MessageKind.ReadIndex);
        Assert.Equal(NewLeader, again.To);
        Post(ReplicaInput.Of(new Message
        {
            Kind = MessageKind.ReadIndexResponse,
            From = NewLeader,
            To = Self,
            Term = 3,
            Token = again.Token,
            Commit = 1,
        }));
        Assert.True(read.IsCompletedSuccessfully);
    }

    private ValueTask<Answer> Propose()
    {
        var answer = _stages.Answers.ExpectAsync(RequestId);
        var payload = CommandEnvelope.Encode(RequestId, Caller.Nobody, new LeaseRevokeCommand(Caller.Nobody, 5, IsExpired: false));
        Post(ReplicaInput.Proposal(payload, RequestId));
        return answer;
    }

    private void Follow(NodeId leader, ulong term)
        => Post(ReplicaInput.Of(new Message { Kind = MessageKind.Heartbeat, From = leader, To = Self, Term = term, Token = 1, Commit = 1 }));

    private void Append(NodeId leader, ulong term, LogPosition after, params Entry[] entries)
        => Post(ReplicaInput.Of(new Message
        {
            Kind = MessageKind.Append,
            From = leader,
            To = Self,
            Term = term,
            Position = after,
            Entries = entries,
            Commit = entries[^1].Index,
        }));

    private void Tick(int times)
    {
        for (var i = 0; i < times; i++)
        {
            // Whoever leads is heard, or the member would campaign.
            Follow(_replica.Raft.Leader, _replica.Raft.Term);
            Post(ReplicaInput.Tick);
        }
    }

    private void Post(in ReplicaInput input)
    {
        _stages.Inbox.Post(input);
        while (_replica.Run() | _stages.Writer.Run() | _stages.Applier.Run())
        {
        }
    }

    private sealed class HandNetwork : IPeerNetwork
    {
        public List<Message> Sent { get; } = [];

        public NodeId Unreachable { get; set; }

        public TimeSpan? ConnectedFor { get; set; }

        public bool Send(in Message message)
        {
            if (message.To == Unreachable)
            {
                return false;
            }

            Sent.Add(message);
            return true;
        }

        public void Flush()
        {
        }

        public void SendSnapshot(in Message message, ISnapshotSource source) => throw new NotSupportedException();

        public void AddPeer(NodeId id, IReadOnlyList<Uri> urls)
        {
        }

        public void UpdatePeer(NodeId id, IReadOnlyList<Uri> urls)
        {
        }

        public void RemovePeer(NodeId id)
        {
        }

        public PeerStatus? StatusOf(NodeId id) => new() { Id = id, Urls = [], ConnectedFor = ConnectedFor };

        public IReadOnlyList<PeerStatus> Statuses() => [];
    }

    private sealed class NoCourier : ISnapshotCourier
    {
        public void Send(in Message message, OfferedState state) => throw new NotSupportedException();

        public void Discard(ArrivedState state) => throw new NotSupportedException();
    }

    private sealed class Quiet : IDoorbell, IBackground
    {
        public void Ring()
        {
        }

        public void Run(Action work) => work();
    }
}
