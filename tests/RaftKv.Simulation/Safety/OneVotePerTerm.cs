using RaftKv.Raft;
using RaftKv.Raft.Messages;

namespace RaftKv.Simulation.Safety;

/// <summary>
/// <b>A member votes for one candidate in a term, however often it restarts; and what it says in a term, it says with
/// that term on its disk.</b> Thesis §3.4 and §3.8.
/// <para>Sees votes as they leave the process. Cannot see the vote that candidates give themselves, unless they have
/// answered another candidate in the same term.</para>
/// </summary>
internal sealed class OneVotePerTerm
{
    private readonly Dictionary<(NodeId Voter, ulong Term), NodeId> _votes = [];

    public void Sent(in Message message)
    {
        var candidate = message switch
        {
            { Kind: MessageKind.VoteResponse, IsRejected: false } => message.To,
            { Kind: MessageKind.Vote } => message.From,
            _ => NodeId.None,
        };
        if (candidate.IsNone)
        {
            return;
        }

        var vote = (message.From, message.Term);
        if (!_votes.TryAdd(vote, candidate) && _votes[vote] != candidate)
        {
            throw new Violation(
                nameof(OneVotePerTerm),
                $"in term {message.Term} member {message.From} voted for {_votes[vote]} and for {candidate}");
        }
    }
}
