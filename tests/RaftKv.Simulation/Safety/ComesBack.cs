using RaftKv.Raft;

namespace RaftKv.Simulation.Safety;

/// <summary>
/// <b>A member starts again after every crash, on whatever its disk was allowed to leave.</b> A disk may lose what was not
/// synced, in part and out of order; no more is needed for a log or a state that does not fit together if a sync was left
/// out.
/// <para>Says nothing of disks that were destroyed or damaged on purpose: there, refusing is right.</para>
/// </summary>
internal static class ComesBack
{
    public static void Refused(NodeId member, string reason, bool isDamaged)
    {
        if (!isDamaged)
        {
            throw new Violation(nameof(ComesBack), $"{member} cannot start again, and its disk is not to blame: {reason}");
        }
    }
}
