using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Raft.Membership;
using RaftKv.Server.Hosting;
using RaftKv.Storage.Backups;
using RaftKv.Storage.Checkpoints;
using RaftKv.Storage.Files;
using RaftKv.Storage.State;
using RaftKv.Storage.Wal;

namespace RaftKv.Server.Bootstrap;

/// <summary>How a member becomes a cluster of its own.</summary>
public sealed record RecoveryOptions
{
    /// <summary>The survivor's.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>Where its log lies, if that is not in its data directory.</summary>
    public string WalDirectory { get; init; } = "";

    /// <summary>Whether nothing is to be changed; the report says what would be.</summary>
    public bool IsDryRun { get; init; }

    /// <summary>Whether entries are left out that the survivor does not know to be committed. They may have been, and then
    /// somebody has been told that their write is safe; so they are kept if nothing is said. What was never committed does no
    /// harm: whoever wrote it has not been told that it failed.</summary>
    public bool DropsUncommitted { get; init; }

    /// <summary>By how much revisions are raised: the members that are lost may have handed out more of them.</summary>
    public long Bump { get; init; } = StateRestoration.DefaultBump;

    /// <summary>Whether nothing happens to a member that is alone already.</summary>
    public bool OnlyIfNotAlone { get; init; }
}

/// <summary>What a recovery has made of a member, or would make of it.</summary>
/// <param name="Path">Its data directory.</param>
/// <param name="Self">Its id, which it keeps.</param>
/// <param name="OldClusterId">Of the cluster whose majority is lost.</param>
/// <param name="ClusterId">Of the new one; 0 in a dry run.</param>
/// <param name="Term">The highest that it has seen.</param>
/// <param name="Committed">Up to where it knows its log to be committed.</param>
/// <param name="Last">The end of its log.</param>
/// <param name="SavedRevision">The newest that it has, with what is kept of its log.</param>
/// <param name="Revision">That the new cluster goes on after.</param>
/// <param name="Dropped">The members that are no more.</param>
/// <param name="IsDone">Whether anything was changed.</param>
public sealed record RecoveryReport(
    string Path,
    NodeId Self,
    ulong OldClusterId,
    ulong ClusterId,
    ulong Term,
    ulong Committed,
    ulong Last,
    long SavedRevision,
    long Revision,
    IReadOnlyList<Member> Dropped,
    bool IsDone);

/// <summary>
/// Makes a cluster of one of a member whose cluster has lost its majority. It keeps its id and its data; the others are
/// removed, and the cluster has another id, so that none of them is listened to if it comes back after all. Revisions are
/// raised and history is compacted: clients may have seen revisions that went down with the others.
/// </summary>
/// <remarks>What the log holds beyond the state is applied first, then the changes of the membership, each an entry of its own
/// in a new term. The state as of the last of them becomes a checkpoint, and the log begins behind it.</remarks>
public static class SurvivorRecovery
{
    private const string Work = "recover";
    private const long ReadBytes = 4 * 1024 * 1024;
    private const int EntriesAtOnce = 1024;

    /// <exception cref="BootstrapException">It cannot be done; the message says why.</exception>
    /// <exception cref="StorageException">What is on the disk cannot be used, or another process uses it.</exception>
    public static RecoveryReport Run(RecoveryOptions options)
        => Run(options, new RaftKvOptions { DataDirectory = options.DataDirectory }, MachineGround.Instance);

    internal static RecoveryReport Run(RecoveryOptions options, RaftKvOptions member, MemberGround ground)
    {
        var path = ground.PathOf(member);
        var files = ground.Files;
        if (!files.DirectoryExists(path) || MemberFile.TryRead(files, path) is not { } who)
        {
            throw new BootstrapException($"{path} is not the data directory of a member.");
        }

        if (options.Bump < 1)
        {
            throw new BootstrapException("Revisions have to be raised: what the lost members have handed out must not be handed out again.");
        }

        var isUnfinished = DataDirectory.UnfinishedWork(files, path) is not null;
        if (!options.IsDryRun && !(options.OnlyIfNotAlone && !isUnfinished && Look(options, member, ground, path, who).Dropped.Count == 0))
        {
            using var begun = DataDirectory.Begin(files, path, ground.Draw() | 1, Work, mayBeUsed: true);
            return Change(options, member, ground, begun, who);
        }

        return Look(options, member, ground, path, who);
    }

    private static RecoveryReport Look(RecoveryOptions options, RaftKvOptions member, MemberGround ground, string path, MemberFile who)
    {
        using var directory = DataDirectory.UnfinishedWork(ground.Files, path) is null
            ? DataDirectory.Open(ground.Files, path, ground.Draw() | 1)
            : DataDirectory.Begin(ground.Files, path, ground.Draw() | 1, Work, mayBeUsed: true);
        using var wal = OpenLog(options, ground, directory);
        using var store = OpenStore(ground, directory, member);
        var (committed, last) = CatchUp(wal, store.Machine, options.DropsUncommitted);
        return Report(options, directory, who, wal, store.Machine, committed, last, clusterId: 0);
    }

    private static RecoveryReport Change(
        RecoveryOptions options, RaftKvOptions member, MemberGround ground, DataDirectory directory, MemberFile who)
    {
        RecoveryReport report;
        using (var wal = OpenLog(options, ground, directory))
        using (var store = OpenStore(ground, directory, member))
        {
            var machine = store.Machine;
            var (committed, last) = CatchUp(wal, machine, options.DropsUncommitted);
            report = Report(options, directory, who, wal, machine, committed, last, NewClusterId(ground, who));
            var term = Math.Max(wal.HardState.Term, wal.Last.Term) + 1;
            BeAlone(machine, who.Self, term);
            machine.Raise(options.Bump);
            machine.Keys.Publish();

            var checkpoint = store.BeginCheckpoint();
            checkpoint.Write();
            store.Finish(checkpoint);
            wal.Append(new WalBatch
            {
                Reset = machine.Applied,
                HardState = new HardState(term, NodeId.None, machine.Applied.Index),
            });
        }

        (who with { ClusterId = report.ClusterId }).Write(ground.Files, directory.Path);
        directory.Finish();
        return report;
    }

    private static WriteAheadLog OpenLog(RecoveryOptions options, MemberGround ground, DataDirectory directory)
        => WriteAheadLog.Open(ground.Files, MemberLog.PathOf(ground.Files, directory, options.WalDirectory), directory.Identity, ground.Wal);

    private static StateStore OpenStore(MemberGround ground, DataDirectory directory, RaftKvOptions member)
        => StateStore.Open(ground.Files, directory.Subdirectory("state"), directory.Identity, ground.NewRecords(member));

    private static ulong NewClusterId(MemberGround ground, MemberFile who)
    {
        while (true)
        {
            if (ground.Draw() is var id and not 0 && id != who.ClusterId)
            {
                return id;
            }
        }
    }

    // Applies what the log has beyond the state.
    private static (ulong Committed, ulong Last) CatchUp(WriteAheadLog wal, StateMachine machine, bool dropsUncommitted)
    {
        var applied = machine.Applied;
        if (applied.Index < wal.Start.Index)
        {
            throw new BootstrapException(
                $"The state of this member stands at {applied}, but its log begins only after {wal.Start}: files are missing, and it cannot be the survivor.");
        }

        var isInLog = wal.TryGetTerm(applied.Index, out var term) && term == applied.Term;
        if (!isInLog)
        {
            // A state that the log does not lead to has arrived as a whole, and all of it is committed.
            return (applied.Index, applied.Index);
        }

        var committed = Math.Max(applied.Index, wal.HardState.Commit);
        var last = wal.Last.Index;
        var until = dropsUncommitted ? Math.Min(committed, last) : last;
        for (var next = applied.Index + 1; next <= until;)
        {
            var read = wal.Read(next, until, ReadBytes, out var entries);
            Invariant.Holds(read == WalRead.Found && entries.Length > 0);
            for (var rest = entries.Span; !rest.IsEmpty; rest = rest[Math.Min(rest.Length, EntriesAtOnce)..])
            {
                machine.Apply(rest[..Math.Min(rest.Length, EntriesAtOnce)], Nobody.Instance);
                machine.Keys.Publish();
            }

            next += (ulong)entries.Length;
        }

        return (committed, last);
    }

    private static void BeAlone(StateMachine machine, NodeId self, ulong term)
    {
        // First one that says nothing: nobody else has an entry of this term, so nobody else's state is taken for this one.
        Apply(machine, term, EntryKind.Command, default);
        if (machine.Config.IsJoint)
        {
            Apply(machine, term, EntryKind.ConfigChange, ConfigChange.LeaveJoint.Encode());
        }

        if (machine.Members.Count == 0)
        {
            throw new BootstrapException($"Member {self} has received nothing of its cluster's data yet, so it cannot be the survivor.");
        }

        if (machine.Members.Find(self) is not { } own)
        {
            throw new BootstrapException($"Member {self} was removed from its cluster, so it cannot be the survivor.");
        }

        if (own.IsLearner)
        {
            Change(MemberChange.Promote(self));
        }

        foreach (var other in machine.Members.Members.Where(member => member.Id != self).ToArray())
        {
            Change(MemberChange.Remove(other.Id));
        }

        Invariant.Holds(machine.Config.Voters.Length == 1 && machine.Config.Members.Length == 1 && machine.Config.IsVoter(self));
        foreach (var alarm in machine.Alarms.Active.Where(alarm => alarm.Member != self).ToArray())
        {
            machine.Alarms.Deactivate(alarm.Member, alarm.Kind);
        }

        void Change(MemberChange change)
            => Apply(machine, term, EntryKind.ConfigChange, machine.Members.ToConfigChange(change).Encode());
    }

    private static void Apply(StateMachine machine, ulong term, EntryKind kind, ReadOnlyMemory<byte> payload)
        => machine.Apply(new Entry(term, machine.Applied.Index + 1, kind, payload), Nobody.Instance);

    private static RecoveryReport Report(
        RecoveryOptions options,
        DataDirectory directory,
        MemberFile who,
        WriteAheadLog wal,
        StateMachine machine,
        ulong committed,
        ulong last,
        ulong clusterId)
        => new(
            directory.Path,
            who.Self,
            who.ClusterId,
            clusterId,
            Math.Max(wal.HardState.Term, wal.Last.Term),
            committed,
            last,
            machine.Keys.Revision,
            checked(machine.Keys.Revision + options.Bump),
            [.. machine.Members.Members.Where(one => one.Id != who.Self)],
            IsDone: clusterId != 0);

    private sealed class Nobody : IAnswerSink
    {
        public static readonly Nobody Instance = new();

        public bool IsAwaited(ulong requestId) => false;

        public void Complete(ulong requestId, in Answer answer)
        {
        }
    }
}
