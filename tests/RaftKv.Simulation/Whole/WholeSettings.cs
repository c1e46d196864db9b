using RaftKv.Raft;
using RaftKv.Server.Replica;
using RaftKv.Storage.Leases;
using RaftKv.Storage.Records;
using RaftKv.Storage.Watch;

namespace RaftKv.Simulation.Whole;

/// <summary>What a cluster of whole members has beside what every cluster has: the sizes of its stages, small so that
/// everything happens often, and what its clients do.</summary>
internal sealed record WholeSettings
{
    public ApplierOptions Applier { get; init; } = new() { CheckpointEntries = 40, KeptEntries = 10, SlackBytes = 1024, IdleReclaimBytes = 1024, BusyReclaimBytes = 256 };

    public LogRecordStoreOptions Records { get; init; } = new() { SegmentBytes = 1024, BufferBytes = 512 };

    public WatchOptions Watch { get; init; } = new();

    public LeaseClockOptions Leases { get; init; } = LeaseClockOptions.Default;

    /// <summary>After which a member gives a request up.</summary>
    public long RequestTimeoutNanos { get; init; } = 700 * Simulator.Millisecond;

    /// <summary>The longest that a stage waits for its turn when it has been rung for.</summary>
    public long StageDelayNanosMax { get; init; } = 20 * Simulator.Microsecond;

    /// <summary>How long a state is held before it is on its way, and taken in before it is complete, at most.</summary>
    public long SnapshotNanosMax { get; init; } = 30 * Simulator.Millisecond;

    /// <summary>So long a lease that nobody keeps alive may be there, whatever happens to leaders; null if that is not
    /// looked at.</summary>
    public long? LeasesEndWithin { get; init; }

    /// <summary>After so many ticks of its leader members compare their states; 0 for never.</summary>
    public int ComparisonTicks { get; init; }

    public KvWorkload Workload { get; init; } = new();
}

/// <summary>What the clients of whole members do. Weights are relative to each other.</summary>
internal sealed record KvWorkload
{
    public int Put { get; init; } = 30;

    public int Get { get; init; } = 20;

    /// <summary>Of reads: those of a whole range.</summary>
    public int Range { get; init; } = 8;

    /// <summary>Reads of what one member has, whether or not it is recent.</summary>
    public int Local { get; init; } = 8;

    /// <summary>Reads of an old revision.</summary>
    public int Old { get; init; } = 5;

    public int Delete { get; init; } = 6;

    public int DeleteRange { get; init; } = 2;

    /// <summary>A put if the key is as the client saw it last.</summary>
    public int Swap { get; init; } = 15;

    /// <summary>Several operations at once, reads of old revisions among them.</summary>
    public int Txn { get; init; } = 8;

    public int Compact { get; init; } = 2;

    /// <summary>Of compactions: those to where a key was deleted last.</summary>
    public Ratio CompactsToDeletes { get; init; } = Ratio.Never;

    /// <summary>Of connections of those who watch: those that begin where history does.</summary>
    public Ratio WatchesFromCompacted { get; init; } = Ratio.Never;

    public int Grant { get; init; }

    public int Renew { get; init; }

    public int Revoke { get; init; }

    /// <summary>Of renewals: those of the lease that some client gave up last.</summary>
    public Ratio RenewsGivenUp { get; init; } = Ratio.Never;

    /// <summary>Of commands: those that have a name, and are sent again under it, wherever, until there is an answer.</summary>
    public Ratio Named { get; init; } = Ratio.Never;

    /// <summary>How often one with a name is sent again at most.</summary>
    public int Repetitions { get; init; } = 5;

    /// <summary>Of puts: those that go with a lease, if there is one.</summary>
    public Ratio Leased { get; init; } = new(1, 2);

    /// <summary>In seconds.</summary>
    public int TtlMin { get; init; } = 1;

    public int TtlMax { get; init; } = 3;

    /// <summary>Clients that do nothing but watch.</summary>
    public int Watchers { get; init; }

    /// <summary>Up to so many bytes are added to each value.</summary>
    public int PaddingBytes { get; init; } = 20;
}
