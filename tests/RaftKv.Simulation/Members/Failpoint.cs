namespace RaftKv.Simulation.Members;

/// <summary>The places in a member's execution where a crash may strike, in the order of a write's life.</summary>
internal enum Failpoint
{
    Started,
    BeforeWrite,
    AfterWriteBeforeSync,
    AfterSyncBeforeReport,
    BeforeSend,
    BetweenSends,
    AfterSend,
    BeforeApply,
    AfterApply,
    AfterConfigChangeApplied,
    BeforeAnswer,
    BeforeCheckpoint,
    AfterCheckpointWritten,
    AfterCheckpointRenamed,
    BeforeCompaction,
    AfterCompaction,
    SnapshotArrived,
    AfterSnapshotStored,
    AfterLogReset,
    BeforeSnapshotInstalled,
}
