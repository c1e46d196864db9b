using RaftKv.Raft;

namespace RaftKv.Simulation.Disks;

/// <summary>What becomes of writes that no sync has covered when the power goes.</summary>
public enum UnsyncedFate
{
    /// <summary>Drawn anew for each file from those below.</summary>
    Drawn,

    /// <summary>None survives.</summary>
    Lost,

    /// <summary>All survive: the disk was lucky.</summary>
    Kept,

    /// <summary>The first few survive, the last of them torn between two sectors.</summary>
    Prefix,

    /// <summary>Each sector of each write survives or not by itself: reordering.</summary>
    Scattered,
}

/// <summary>How often a disk misbehaves by itself. Everything is off until the simulator turns it on; what is to happen
/// exactly once is ordered from <see cref="SimulatedFileSystem"/> directly.</summary>
public sealed record DiskFaults
{
    public static readonly DiskFaults None = new();

    /// <summary>Of writes: refused with an I/O error, a part of the sectors written.</summary>
    public Ratio FailedWrite { get; init; }

    /// <summary>Of syncs of files and directories: failed, with what the crash will show undecided.</summary>
    public Ratio FailedSync { get; init; }

    /// <summary>Of reads: one stored bit among those read rots, for good, before they are read.</summary>
    public Ratio BitRot { get; init; }

    /// <summary>Of writes: lands whole at another sector of the same file, where the write should have been nothing
    /// changes, and success is reported.</summary>
    public Ratio MisdirectedWrite { get; init; }
}

/// <summary>How long a disk takes, in nanoseconds of virtual time.</summary>
public sealed record DiskLatency
{
    /// <summary>Takes no time: for tests of one store.</summary>
    public static readonly DiskLatency None = new();

    /// <summary>A solid-state disk with a write cache that is safe to flush.</summary>
    public static readonly DiskLatency SolidState = new()
    {
        AccessNanos = 10_000,
        NanosPerKibibyte = 500,
        SyncNanosMin = 80_000,
        SyncNanosMax = 2_000_000,
    };

    /// <summary>Of every operation.</summary>
    public long AccessNanos { get; init; }

    public long NanosPerKibibyte { get; init; }

    /// <summary>A sync takes something in between, drawn.</summary>
    public long SyncNanosMin { get; init; }

    public long SyncNanosMax { get; init; }

    /// <summary>Of operations: those that stall.</summary>
    public Ratio Stall { get; init; }

    public long StallNanosMin { get; init; }

    public long StallNanosMax { get; init; }
}

/// <summary>The power went while the disk was at work. The process that was waiting does not exist any more: nothing but
/// the simulator, or a test, catches this.</summary>
public sealed class PowerCutException(string operation)
    : Exception($"The power went during: {operation}.");
