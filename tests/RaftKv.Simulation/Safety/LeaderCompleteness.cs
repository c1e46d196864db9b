using RaftKv.Raft;

namespace RaftKv.Simulation.Safety;

/// <summary>
/// <b>What was committed in a term is in the logs of the leaders of all later terms.</b> Thesis figure 3.2, "Leader
/// Completeness"; proved in §3.6.3.
/// <para>Checked when a leader takes office; its log only grows from there on. Counts as committed what some member knew to
/// be: an entry that a quorum held while nobody lived to learn it is missed.</para>
/// </summary>
internal sealed class LeaderCompleteness(Ledger ledger)
{
    public void Elected(NodeId leader, ulong term, LogImage log)
    {
        var index = ledger.LastIndex;
        while (index > 0 && ledger[index].CommittedIn >= term)
        {
            index--;
        }

        if (index <= log.Start)
        {
            return; // Below that is a snapshot, which was compared when it was installed or made.
        }

        if (!log.Contains(index) || log.HashAt(index) != ledger[index].Hash)
        {
            throw new Violation(
                nameof(LeaderCompleteness),
                $"{leader} leads term {term} without {ledger[index].Term}/{index}, committed in term "
                + $"{ledger[index].CommittedIn}; its log ends at {log.LastTerm}/{log.LastIndex}");
        }
    }
}
