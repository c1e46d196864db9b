using RaftKv.Raft;

namespace RaftKv.Simulation.Safety;

/// <summary>
/// <b>At most one leader is elected in a term.</b> Thesis figure 3.2, "Election Safety".
/// <para>Cannot see a candidate that would have won: two elections that could both have succeeded, of which the network
/// happened to lose one. <see cref="OneVotePerTerm"/> sees those.</para>
/// </summary>
internal sealed class ElectionSafety
{
    private readonly Dictionary<ulong, NodeId> _leaders = [];

    public void Elected(NodeId leader, ulong term)
    {
        if (!_leaders.TryAdd(term, leader) && _leaders[term] != leader)
        {
            throw new Violation(nameof(ElectionSafety), $"{_leaders[term]} and {leader} both lead term {term}");
        }
    }
}
