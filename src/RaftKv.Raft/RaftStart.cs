using RaftKv.Raft.Log;
using RaftKv.Raft.Membership;

namespace RaftKv.Raft;

/// <summary>
/// What a member starts from, the first time and after every restart.
/// <para>
/// A new cluster: every founding member writes <see cref="FirstEntry"/> of the same configuration as the only entry of
/// its log, and <see cref="FirstHardState"/>, and starts with nothing applied. A member that joins later starts from an
/// empty log; the leader tells it everything, the founding configuration included. It must not be given a configuration
/// by hand: the log would then change a membership that already contains the changes.
/// </para>
/// <para>
/// A restart: the hard state, the log, and the state machine with the index it stands for and the configuration as of
/// that index.
/// </para>
/// </summary>
public sealed record RaftStart
{
    /// <summary>Who this member is. Never reused, not even by the same machine after it has lost its data.</summary>
    public required NodeId Self { get; init; }

    /// <summary>The durable log.</summary>
    public required ILogReader Log { get; init; }

    /// <summary>Where election timeouts come from.</summary>
    public required Chance Chance { get; init; }

    /// <summary>As last written.</summary>
    public HardState HardState { get; init; }

    /// <summary>What the state machine contains; entries after it are handed out again. Not before the log's start.</summary>
    public ulong Applied { get; init; }

    /// <summary>The configuration as of <see cref="Applied"/>; empty if nothing is applied.</summary>
    public ClusterConfig Config { get; init; } = ClusterConfig.Empty;

    public RaftConfig Settings { get; init; } = RaftConfig.Default;

    /// <summary>Told of every event; null for nobody.</summary>
    public IRaftObserver? Observer { get; init; }

    /// <summary>For tests of tests alone.</summary>
    public RaftFaults Faults { get; init; } = RaftFaults.None;

    /// <summary>The entry every founding member begins with. It is committed by agreement among the founders.</summary>
    /// <param name="voters">At least one.</param>
    /// <param name="learners">May be empty.</param>
    /// <param name="context">The application's own words, the same on every member.</param>
    public static Entry FirstEntry(
        IEnumerable<NodeId> voters,
        IEnumerable<NodeId>? learners = null,
        ReadOnlyMemory<byte> context = default)
    {
        var steps = voters.Select(id => new ConfigStep(ConfigStepKind.AddVoter, id))
            .Concat((learners ?? []).Select(id => new ConfigStep(ConfigStepKind.AddLearner, id)));
        var change = new ConfigChange(ConfigTransition.Auto, [.. steps], context);
        return new Entry(term: 1, index: 1, EntryKind.ConfigChange, change.Encode());
    }

    /// <summary>What every founding member writes beside <see cref="FirstEntry"/>.</summary>
    public static HardState FirstHardState => new(Term: 1, Vote: NodeId.None, Commit: 1);
}
