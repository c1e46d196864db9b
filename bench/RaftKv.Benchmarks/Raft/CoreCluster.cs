using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Raft.Messages;

namespace RaftKv.Benchmarks.Raft;

/// <summary>
/// A cluster of cores alone: writes are durable at once, messages arrive at once, applying does nothing. What is left is
/// what consensus itself costs, on all members together, in one thread.
/// </summary>
internal sealed class CoreCluster
{
    private readonly Member[] _members;
    private readonly Queue<Message> _network = new(1024);
    private readonly RaftNode _leader;

    public CoreCluster(int members)
    {
        var ids = Enumerable.Range(1, members).Select(id => new NodeId((ulong)id)).ToList();
        var first = RaftStart.FirstEntry(ids);
        _members = [.. ids.Select(id => new Member(id, first))];
        _leader = _members[0].Raft;
        _leader.Campaign();
        Settle();
        if (_leader.Role != Role.Leader)
        {
            throw new InvalidOperationException("The first member was not elected.");
        }
    }

    /// <summary>Proposes a batch and carries on until every member has applied it; returns the leader's commit index.</summary>
    public ulong ProposeAndCommit(ReadOnlySpan<ReadOnlyMemory<byte>> payloads)
    {
        var ticket = _leader.Propose(payloads);
        if (ticket.Outcome != ProposalOutcome.Accepted)
        {
            throw new InvalidOperationException($"Refused: {ticket.Outcome}.");
        }

        Settle();
        return _leader.Committed;
    }

    private void Settle()
    {
        foreach (var member in _members)
        {
            member.CarryOut(_network);
        }

        while (_network.TryDequeue(out var message))
        {
            var member = _members[message.To.Value - 1];
            member.Raft.Step(message);

            // A host drains what has arrived before it asks what to do, so acknowledgements meet in one Ready.
            if (!_network.TryPeek(out var next) || next.To != message.To)
            {
                member.CarryOut(_network);
            }
        }
    }

    private sealed class Member
    {
        private readonly Ready _ready = new();
        private readonly ForgetfulLog _log;

        public Member(NodeId id, Entry first)
        {
            _log = new ForgetfulLog(first);
            Raft = new RaftNode(new RaftStart
            {
                Self = id,
                Log = _log,
                Chance = new Chance(id.Value),
                HardState = RaftStart.FirstHardState,
            });
        }

        public RaftNode Raft { get; }

        public void CarryOut(Queue<Message> network)
        {
            while (Raft.TryTakeReady(_ready))
            {
                foreach (ref readonly var message in _ready.Messages)
                {
                    network.Enqueue(message);
                }

                if (_ready.Write != 0)
                {
                    _log.Write(_ready.Entries.Span);
                    Raft.OnPersisted(_ready.Write);
                }

                if (!_ready.Committed.IsEmpty)
                {
                    Raft.OnApplied(_ready.Committed.Span[^1].Index);
                }
            }
        }
    }

    /// <summary>Knows where the log ends and nothing else: followers here never fall behind what the core remembers.</summary>
    private sealed class ForgetfulLog(Entry first) : ILogReader
    {
        public LogPosition Start => LogPosition.Zero;

        public LogPosition Last { get; private set; } = first.Position;

        public void Write(ReadOnlySpan<Entry> entries)
        {
            if (!entries.IsEmpty)
            {
                Last = entries[^1].Position;
            }
        }

        public bool TryGetTerm(ulong index, out ulong term)
        {
            term = index == 0 ? 0 : first.Term;
            return index <= first.Index;
        }

        public LogRead Read(ulong from, ulong to, long maxBytes, out ReadOnlyMemory<Entry> entries)
        {
            entries = from == 1 ? new[] { first } : default(ReadOnlyMemory<Entry>);
            return from == 1 ? LogRead.Found : LogRead.Unavailable;
        }

        public Snapshot? LatestSnapshot() => null;
    }
}
