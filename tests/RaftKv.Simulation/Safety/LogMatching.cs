using RaftKv.Raft;
using RaftKv.Raft.Log;

namespace RaftKv.Simulation.Safety;

/// <summary>
/// <b>If two logs contain an entry with the same index and term, they are the same through it.</b> Thesis figure 3.2, "Log
/// Matching".
/// <para>Each entry that any member is about to write is compared with what was first seen at its position, the hash of all
/// before it included. Cannot see entries that are in memory only.</para>
/// </summary>
internal sealed class LogMatching
{
    private readonly Dictionary<LogPosition, ulong> _hashes = [];

    public void Written(NodeId member, LogPosition position, ulong hash)
    {
        if (!_hashes.TryAdd(position, hash) && _hashes[position] != hash)
        {
            throw new Violation(nameof(LogMatching), $"the log of {member} through {position} is not as another's was");
        }
    }

    /// <summary>The log through a position that some member once held.</summary>
    public bool TryGetHash(LogPosition position, out ulong hash)
    {
        hash = 0;
        return position.Index == 0 || _hashes.TryGetValue(position, out hash);
    }
}
