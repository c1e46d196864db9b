using RaftKv.Faults.Checking;
using RaftKv.Faults.Nemeses;

namespace RaftKv.Faults.Workloads.Disasters;

/// <summary>What the watch workload does, while snapshots are saved from it and restored to other clusters.</summary>
internal sealed class BackupWorkload : WatchWorkload
{
    public override string Name => "backup";

    public override string Story => "snapshots are saved under load, restored to new clusters, and compared";

    public override IReadOnlyList<IChecker> Checkers { get; } = [new Restored(), new Watches(), new RevisionOrder()];

    public override IReadOnlyList<Fault[]> OwnFaults { get; } = [[new Backup(Prefix).Fault]];

    public override bool IsOfRaftKv => true;
}
