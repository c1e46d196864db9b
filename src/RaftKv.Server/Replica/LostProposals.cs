using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Raft.Membership;
using RaftKv.Server.Peers;

namespace RaftKv.Server.Replica;

/// <summary>
/// Knows when to stop waiting for what was proposed under a leader that is no more, and what to say of it.
/// </summary>
/// <remarks>
/// When the first entry of a new leader is applied, so is everything that earlier leaders have got agreed upon. What was in
/// their hands and has not been applied by then will never be, with one exception: an old leader that has learnt of the new
/// one passes on what still reaches it. A moment is left for that; and should it take longer, nothing false has been said,
/// for the answer leaves open what has become of the request.
/// </remarks>
internal sealed class LostProposals(PendingAnswers answers, NodeId self, TimeSpan electionTimeout)
{
    private const int TicksToPassOn = 2;

    // The newest term of which something is agreed upon, and an entry of it.
    private ulong _term;
    private ulong _index;
    private int _ticksSinceApplied;
    private bool _isSettled = true;
    private long? _elected;

    /// <summary>These have been handed out to be applied.</summary>
    public void Agreed(ReadOnlySpan<Entry> entries)
    {
        if (entries[^1] is { } last && last.Term > _term)
        {
            (_term, _index) = (last.Term, last.Index);
            _ticksSinceApplied = 0;
            _isSettled = false;
        }
    }

    public void Tick(ulong applied)
    {
        if (!_isSettled && applied >= _index && ++_ticksSinceApplied >= TicksToPassOn)
        {
            _isSettled = true;
            answers.LostBefore(_term);
        }
    }

    /// <summary>Somebody leads who did not before.</summary>
    public void Elected() => _elected = answers.Now;

    /// <summary>Why a request that began at a time was not answered within its limit.</summary>
    public RequestRefusal WhyLate(long began, NodeId leader, ClusterConfig config, IPeerNetwork peers)
    {
        var age = answers.Since(began);
        if (_elected is { } elected)
        {
            // It began under the old leader, or in the silence before the new one.
            var electedAgo = answers.Since(elected);
            if (age > electedAgo && age < electedAgo + (2 * electionTimeout))
            {
                return RequestRefusal.TimedOutAfterLeaderFailure;
            }
        }

        if (leader.IsNone)
        {
            return RequestRefusal.TimedOut;
        }

        return (leader == self ? ReachesQuorum() : Reaches(leader))
            ? RequestRefusal.TimedOut
            : RequestRefusal.TimedOutAfterConnectionLoss;

        bool Reaches(NodeId member) => member == self || peers.StatusOf(member)?.ConnectedFor >= age;

        bool ReachesQuorum()
        {
            var reached = 0;
            foreach (var voter in config.Voters)
            {
                reached += Reaches(voter) ? 1 : 0;
            }

            return reached > config.Voters.Length / 2;
        }
    }
}
