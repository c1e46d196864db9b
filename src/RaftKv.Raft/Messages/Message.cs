using System.Text;
using RaftKv.Raft.Log;

namespace RaftKv.Raft.Messages;

/// <summary>
/// What members say to each other, grouped by conversation. Behind each kind stand the fields of
/// <see cref="Message"/> it uses beside sender, receiver and term. The numbers are on the wire.
/// </summary>
public enum MessageKind : byte
{
    // Replication ---------------------------------------------------------------------------------------------------

    /// <summary>Leader to follower: entries that follow Position, and how far the leader has committed (Commit).</summary>
    Append = 1,

    /// <summary>Accepted: everything through Position.Index is durable here and is as the leader has it. Rejected: the
    /// follower has no entry at Position; Hint is the last place where the two logs may still agree.</summary>
    AppendResponse = 2,

    /// <summary>Leader to follower: Commit, never beyond what this follower is known to hold; Token is the round.</summary>
    Heartbeat = 3,

    /// <summary>Repeats the heartbeat's Token: "in that round I still followed you".</summary>
    HeartbeatResponse = 4,

    /// <summary>Leader to follower, sent by the host together with the state: Snapshot. Answered by an
    /// <see cref="AppendResponse"/>.</summary>
    InstallSnapshot = 5,

    // Elections -----------------------------------------------------------------------------------------------------

    /// <summary>"Would you vote for me in this term?" Position is the asker's last entry. Changes nobody's term.</summary>
    PreVote = 10,

    PreVoteResponse = 11,

    /// <summary>Position is the candidate's last entry; IsTransfer if its leader told it to campaign.</summary>
    Vote = 12,

    VoteResponse = 13,

    // Leadership transfer -------------------------------------------------------------------------------------------

    /// <summary>Leader to the member that is to take over: campaign now.</summary>
    TimeoutNow = 20,

    /// <summary>Follower to leader, for somebody who asked it: hand over to the member Token names. No term.</summary>
    TransferLeadership = 21,

    // Work passed on by followers: no term, since it asks nothing of the sender's state -----------------------------

    /// <summary>Entries without term and index.</summary>
    Propose = 30,

    /// <summary>Token is the sender's own; the answer repeats it.</summary>
    ReadIndex = 31,

    /// <summary>Commit is the index the reader must have applied.</summary>
    ReadIndexResponse = 32,
}

/// <summary>
/// One message between two members. A flat value rather than a class per kind: messages are made and consumed in
/// the innermost loop, several per committed entry, and this way they cost no allocation; entries are shared with the
/// sender's log. What each field means is said per kind at <see cref="MessageKind"/>.
/// </summary>
public readonly record struct Message
{
    public required MessageKind Kind { get; init; }

    public NodeId From { get; init; }

    public required NodeId To { get; init; }

    /// <summary>The sender's term; for a pre-vote and its grant the term that is asked for; zero for work passed on.</summary>
    public ulong Term { get; init; }

    public LogPosition Position { get; init; }

    public LogPosition Hint { get; init; }

    public ulong Commit { get; init; }

    public ulong Token { get; init; }

    public ReadOnlyMemory<Entry> Entries { get; init; }

    public Snapshot? Snapshot { get; init; }

    public bool IsRejected { get; init; }

    public bool IsTransfer { get; init; }

    /// <summary>"1 -> 2 Append t3 prev=2/7 entries=[3/8 3/9] commit=7": one line for logs and transcripts.</summary>
    public override string ToString()
    {
        var text = new StringBuilder($"{From} -> {To} {Kind}");
        if (Term != 0)
        {
            text.Append(" t").Append(Term);
        }

        switch (Kind)
        {
            case MessageKind.Append:
                text.Append(" prev=").Append(Position).Append(" entries=[");
                AppendPositions(text);
                text.Append("] commit=").Append(Commit);
                break;

            case MessageKind.AppendResponse:
                text.Append(IsRejected ? $" rejected={Position} hint={Hint}" : $" through={Position.Index}");
                break;

            case MessageKind.Heartbeat:
                text.Append(" commit=").Append(Commit).Append(" round=").Append(Token);
                break;

            case MessageKind.HeartbeatResponse:
                text.Append(" round=").Append(Token);
                break;

            case MessageKind.InstallSnapshot:
                text.Append(' ').Append(Snapshot);
                break;

            case MessageKind.PreVote:
            case MessageKind.Vote:
                text.Append(" last=").Append(Position).Append(IsTransfer ? " transfer" : "");
                break;

            case MessageKind.PreVoteResponse:
            case MessageKind.VoteResponse:
                text.Append(IsRejected ? " refused" : " granted");
                break;

            case MessageKind.TransferLeadership:
                text.Append(" to=").Append(new NodeId(Token));
                break;

            case MessageKind.Propose:
                text.Append(" entries=").Append(Entries.Length);
                break;

            case MessageKind.ReadIndex:
                text.Append(" token=").Append(Token);
                break;

            case MessageKind.ReadIndexResponse:
                text.Append(" token=").Append(Token).Append(" index=").Append(Commit);
                break;
        }

        return text.ToString();
    }

    private void AppendPositions(StringBuilder text)
    {
        var entries = Entries.Span;
        for (var i = 0; i < entries.Length; i++)
        {
            text.Append(i == 0 ? "" : " ").Append(entries[i].Position);
        }
    }
}
