using FASTER.core;

namespace RaftKv.Storage.Records.Faster;

/// <summary>
/// What FASTER is told of checkpoints: at an opening, the one extent to recover, and nothing ever after. The store makes its
/// own checkpoints, for a log that nobody changes in place needs no more than to be flushed and its extent remembered.
/// </summary>
internal sealed class SingleExtentCheckpoints : ICheckpointManager
{
    /// <summary>Any name but the empty one, which FASTER takes for none.</summary>
    public static readonly Guid Name = new(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

    private byte[]? _metadata;

    public void Offer(long begin, long end)
    {
        var info = default(HybridLogRecoveryInfo);
        info.Initialize(Name, 1);
        info.nextVersion = 2;
        info.flushedLogicalAddress = end;
        info.startLogicalAddress = end;
        info.finalLogicalAddress = end;
        info.headAddress = begin;
        info.beginAddress = begin;
        _metadata = info.ToByteArray();
    }

    public byte[] GetLogCheckpointMetadata(Guid logToken, DeltaLog deltaLog, bool scanDelta = false, long recoverTo = -1)
        => _metadata!;

    public IDevice GetDeltaLogDevice(Guid token) => null!;

    public void OnRecovery(Guid indexToken, Guid logToken)
    {
    }

    public void Dispose()
    {
    }

    // The rest is for checkpoints that FASTER makes; it is never asked to.
    public void InitializeIndexCheckpoint(Guid indexToken) => throw new NotSupportedException();

    public void InitializeLogCheckpoint(Guid logToken) => throw new NotSupportedException();

    public void CommitIndexCheckpoint(Guid indexToken, byte[] commitMetadata) => throw new NotSupportedException();

    public void CommitLogCheckpoint(Guid logToken, byte[] commitMetadata) => throw new NotSupportedException();

    public void CheckpointVersionShift(long oldVersion, long newVersion) => throw new NotSupportedException();

    public void CommitLogIncrementalCheckpoint(Guid logToken, long version, byte[] commitMetadata, DeltaLog deltaLog)
        => throw new NotSupportedException();

    public byte[] GetIndexCheckpointMetadata(Guid indexToken) => throw new NotSupportedException();

    public IEnumerable<Guid> GetIndexCheckpointTokens() => [];

    public IEnumerable<Guid> GetLogCheckpointTokens() => [Name];

    public IDevice GetIndexDevice(Guid indexToken) => throw new NotSupportedException();

    public IDevice GetSnapshotLogDevice(Guid token) => throw new NotSupportedException();

    public IDevice GetSnapshotObjectLogDevice(Guid token) => throw new NotSupportedException();

    public void Purge(Guid token) => throw new NotSupportedException();

    public void PurgeAll() => throw new NotSupportedException();
}
