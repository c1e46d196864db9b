using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Raft.Membership;

namespace RaftKv.Simulation.Safety;

/// <summary>One entry that is committed, for ever.</summary>
/// <param name="Term">Of the entry.</param>
/// <param name="Hash">Of the log through it.</param>
/// <param name="CommittedIn">The term in which it was first known to be committed.</param>
/// <param name="ConfigIndex">Where the configuration in force after it stands.</param>
internal readonly record struct CommittedEntry(ulong Term, ulong Hash, ulong CommittedIn, ulong ConfigIndex);

/// <summary>
/// What the cluster has agreed on so far: what any member has ever known to be committed, in order. It is the yardstick
/// of most properties; that members cannot disagree with it is itself one of them.
/// </summary>
internal sealed class Ledger
{
    private readonly List<CommittedEntry> _entries = [new CommittedEntry(0, 0, 0, 0)];
    private readonly Dictionary<ulong, ClusterConfig> _configs = new() { [0] = ClusterConfig.Empty };

    public ulong LastIndex => (ulong)_entries.Count - 1;

    public CommittedEntry this[ulong index] => _entries[(int)index];

    public ClusterConfig ConfigAt(ulong index) => _configs[this[index].ConfigIndex];

    public ClusterConfig Config => ConfigAt(LastIndex);

    public void Add(LogImage log, ulong index, ulong committedIn, PendingConfigs configs)
    {
        Invariant.Holds(index == LastIndex + 1);
        var (term, hash) = (log.TermAt(index), log.HashAt(index));
        var configIndex = this[LastIndex].ConfigIndex;
        if (configs.TryGet(new LogPosition(term, index), out var change)
            && Config.TryChange(change, out var next, out _))
        {
            configIndex = index;
            _configs.Add(index, next);
        }

        _entries.Add(new CommittedEntry(term, hash, committedIn, configIndex));
    }
}

/// <summary>The membership changes that have ever been in any log, by position.</summary>
internal sealed class PendingConfigs
{
    private readonly Dictionary<LogPosition, ConfigChange> _changes = [];

    public void Note(in Entry entry)
    {
        if (entry.Kind == EntryKind.ConfigChange && ConfigChange.TryDecode(entry.Payload, out var change))
        {
            _changes[entry.Position] = change;
        }
    }

    public bool TryGet(LogPosition position, out ConfigChange change)
    {
        change = ConfigChange.LeaveJoint;
        if (!_changes.TryGetValue(position, out var found))
        {
            return false;
        }

        change = found;
        return true;
    }
}
