namespace RaftKv.Storage.Mvcc;

/// <summary>
/// Mistakes a key space can make, each behind a switch that only a test can turn on by handing this object to it. They
/// exist to test the tests: a model or a crash test that does not notice one of them has a hole. Numbers are those of the
/// project's list of mutations.
/// </summary>
public sealed record KeySpaceFaults
{
    public static readonly KeySpaceFaults None = new();

    /// <summary>M11: compaction takes the tombstone of its own revision, too.</summary>
    public bool DropsTombstonesAtHorizon { get; init; }

    /// <summary>Compaction takes what only a read at its own revision would see.</summary>
    public bool CompactsOneTooFar { get; init; }

    /// <summary>A dead tombstone goes where it is met first, while a put before it may still be in the store.</summary>
    public bool DropsTombstonesAtOnce { get; init; }

    /// <summary>A dead tombstone is moved for the last time while a view still keeps a put before it in the store.</summary>
    public bool MarksTombstonesTooEarly { get; init; }

    /// <summary>What views from before a compaction see is let go of.</summary>
    public bool ForgetsPins { get; init; }

    /// <summary>M2, as seen from here: records are let go of that a restart from the durable checkpoint asks for.</summary>
    public bool ReclaimsBeforeCheckpoint { get; init; }

    /// <summary>After a restart, what compaction had taken out of the index stays in it for good.</summary>
    public bool ForgetsCompactionAtRestart { get; init; }

    /// <summary>A restart takes in what was written after its checkpoint as well.</summary>
    public bool RestoresTooMuch { get; init; }

    /// <summary>A key that lost its lease is attached to it again by a restart.</summary>
    public bool RestoresOldLeases { get; init; }

    /// <summary>Readers see a write that has not ended.</summary>
    public bool ShowsHalfWrites { get; init; }
}
