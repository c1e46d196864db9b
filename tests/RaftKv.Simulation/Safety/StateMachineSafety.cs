using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Raft.Membership;

namespace RaftKv.Simulation.Safety;

/// <summary>
/// <b>Members that have applied the same index have applied the same entries and are in the same state.</b> Thesis
/// figure 3.2, "State Machine Safety", and what it is for.
/// <para>Compares hashes, by index, with those of whoever was there first: after each entry, after an installed snapshot,
/// and after a restart. Cannot see what the hash leaves out.</para>
/// </summary>
internal sealed class StateMachineSafety(Ledger ledger)
{
    // By index; null where nobody was looked at.
    private readonly List<ulong?> _states = [0];

    /// <summary>Members are looked at after some entries only, so that one may be the first in a state without having
    /// applied anything itself.</summary>
    public bool LooksAtSome { get; set; }

    public void Committed(NodeId member, LogImage log, ulong index)
    {
        if (log.Contains(index) && log.HashAt(index) != ledger[index].Hash)
        {
            throw new Violation(
                nameof(StateMachineSafety),
                $"{member} takes {log.TermAt(index)}/{index} for committed, another {ledger[index].Term}/{index}");
        }
    }

    public void Applied(NodeId member, in Entry entry, ulong state, ClusterConfig config)
    {
        if (entry.Index > ledger.LastIndex)
        {
            throw new Violation(nameof(StateMachineSafety), $"{member} applied {entry.Position}, which is not committed");
        }

        if (entry.Term != ledger[entry.Index].Term)
        {
            throw new Violation(
                nameof(StateMachineSafety),
                $"{member} applied {entry.Position} where {ledger[entry.Index].Term}/{entry.Index} is committed");
        }

        IsIn(member, entry.Index, state, config);
    }

    /// <summary>A member has applied everything through an index, one way or another.</summary>
    public void IsIn(NodeId member, ulong index, ulong state, ClusterConfig config)
    {
        while (LooksAtSome && index > (ulong)_states.Count)
        {
            _states.Add(null);
        }

        if (index == (ulong)_states.Count)
        {
            _states.Add(state);
        }

        if (index >= (ulong)_states.Count)
        {
            throw new Violation(nameof(StateMachineSafety), $"{member} claims a state at {index} that nobody was in");
        }

        _states[(int)index] ??= state;
        if (_states[(int)index] != state)
        {
            throw new Violation(
                nameof(StateMachineSafety), $"{member} is in another state at {index} than the others were");
        }

        if (!config.Equals(ledger.ConfigAt(index)))
        {
            throw new Violation(
                nameof(StateMachineSafety),
                $"{member} has {config} at {index} where the log says {ledger.ConfigAt(index)}");
        }
    }
}
