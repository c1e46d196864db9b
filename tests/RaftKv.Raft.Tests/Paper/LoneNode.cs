using System.Text;
using RaftKv.Raft.Log;
using RaftKv.Raft.Messages;

namespace RaftKv.Raft.Tests.Paper;

/// <summary>
/// One member among others that exist only as messages. Whatever it wants written is durable at once; what it wants sent
/// is remembered until the test takes it.
/// </summary>
internal sealed class LoneNode
{
    private readonly Ready _ready = new();
    private readonly MemoryLog _log = new();
    private readonly List<Message> _sent = [];

    /// <param name="members">Voters 1 to this number; this is member 1.</param>
    /// <param name="terms">The terms of the entries after the founding one.</param>
    /// <param name="term">The term it starts in; that of its last entry if zero.</param>
    /// <param name="settings">Without pre-vote and check-quorum by default: the thesis introduces them later.</param>
    /// <param name="seed">Where its election timeouts come from.</param>
    public LoneNode(int members = 3, ulong[]? terms = null, ulong term = 0, RaftConfig? settings = null, ulong seed = 1)
    {
        _log.Append([RaftStart.FirstEntry(Enumerable.Range(1, members).Select(id => new NodeId((ulong)id)))]);
        foreach (var entryTerm in terms ?? [])
        {
            _log.Append([new Entry(entryTerm, _log.Last.Index + 1, EntryKind.Command, "x"u8.ToArray())]);
        }

        Raft = new RaftNode(new RaftStart
        {
            Self = new NodeId(1),
            Log = _log,
            HardState = new HardState(Math.Max(term, _log.Last.Term), NodeId.None, Commit: 1),
            Chance = new Chance(seed),
            Settings = settings ?? new RaftConfig { PreVote = false, CheckQuorum = false },
        });
        CarryOut();
    }

    public RaftNode Raft { get; }

    public List<ulong> Applied { get; } = [];

    /// <summary>The terms of its entries, the founding one included.</summary>
    public ulong[] Terms => [.. _log.Entries.Select(entry => entry.Term)];

    /// <summary>What it has sent since it was last asked.</summary>
    public Message[] TakeSent()
    {
        Message[] sent = [.. _sent];
        _sent.Clear();
        return sent;
    }

    public Message[] TakeSent(MessageKind kind) => [.. TakeSent().Where(message => message.Kind == kind)];

    public LoneNode Tick(int times = 1)
    {
        for (; times > 0; times--)
        {
            Raft.Tick();
            CarryOut();
        }

        return this;
    }

    public LoneNode Receive(Message message)
    {
        Raft.Step(message with { To = Raft.Self });
        CarryOut();
        return this;
    }

    public LoneNode Propose(string command)
    {
        Raft.Propose(Encoding.UTF8.GetBytes(command));
        CarryOut();
        return this;
    }

    /// <summary>Campaigns and is given as many votes as it needs; its first messages as leader are forgotten.</summary>
    public LoneNode Elected(int members = 3)
    {
        BecomeCandidate();
        for (var voter = 2; Raft.Role != Role.Leader && voter <= members; voter++)
        {
            Receive(Vote((ulong)voter));
        }

        TakeSent();
        return this;
    }

    public LoneNode BecomeCandidate()
    {
        Raft.Campaign();
        CarryOut();
        return this;
    }

    public Message Vote(ulong from, bool isGranted = true)
        => new() { Kind = MessageKind.VoteResponse, From = new NodeId(from), To = Raft.Self, Term = Raft.Term, IsRejected = !isGranted };

    public Message Acknowledge(ulong from, ulong index)
        => new() { Kind = MessageKind.AppendResponse, From = new NodeId(from), To = Raft.Self, Term = Raft.Term, Position = new LogPosition(0, index) };

    public static Message Append(ulong from, ulong term, LogPosition previous, ulong[]? terms = null, ulong commit = 0)
        => new()
        {
            Kind = MessageKind.Append,
            From = new NodeId(from),
            To = NodeId.None,
            Term = term,
            Position = previous,
            Commit = commit,
            Entries = (terms ?? []).Select((entryTerm, i) =>
                new Entry(entryTerm, previous.Index + (ulong)i + 1, EntryKind.Command, "y"u8.ToArray())).ToArray(),
        };

    public static Message VoteRequest(ulong from, ulong term, LogPosition last)
        => new() { Kind = MessageKind.Vote, From = new NodeId(from), To = NodeId.None, Term = term, Position = last };

    private void CarryOut()
    {
        while (Raft.TryTakeReady(_ready))
        {
            _sent.AddRange(_ready.Messages);
            if (_ready.Write != 0)
            {
                _log.Append(_ready.Entries.Span);
                Raft.OnPersisted(_ready.Write);
            }

            foreach (ref readonly var entry in _ready.Committed.Span)
            {
                Applied.Add(entry.Index);
                Raft.OnApplied(entry.Index);
            }
        }
    }
}
