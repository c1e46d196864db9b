using RaftKv.Raft.Log;
using RaftKv.Storage.Checkpoints;
using RaftKv.Storage.Files;
using RaftKv.Storage.State;

namespace RaftKv.Server.Replica;

/// <summary>What the applier is to do, one after the other.</summary>
public abstract record ApplierInput
{
    /// <summary>Entries that the cluster has agreed upon.</summary>
    /// <param name="Entries">In order.</param>
    /// <param name="DurableAt">When the last of them was durable here; 0 if it is not.</param>
    /// <param name="CommittedAt">When that became known here.</param>
    public sealed record Committed(ReadOnlyMemory<Entry> Entries, long DurableAt = 0, long CommittedAt = 0) : ApplierInput;

    /// <summary>A state from the leader takes the place of this one.</summary>
    public sealed record Install(ArrivedState State) : ApplierInput;

    /// <summary>A state from the leader, for one whose own is wrong.</summary>
    public sealed record Mend(ArrivedState State) : ApplierInput;

    /// <summary>Look again whether the state can be mended now.</summary>
    public sealed record MendAgain : ApplierInput;

    /// <summary>Somebody could not read a record that should be there.</summary>
    public sealed record Unreadable(StorageException Problem) : ApplierInput;

    /// <summary>Another member needs the state: make one ready that can be sent.</summary>
    public sealed record Offer : ApplierInput;

    /// <summary>This member leads, from an index on; leases run on its clock once that is applied.</summary>
    public sealed record Lead(ulong FirstIndex) : ApplierInput;

    /// <summary>It leads no more.</summary>
    public sealed record Follow : ApplierInput;

    /// <summary>A checkpoint that was written beside has come to its end.</summary>
    public sealed record CheckpointEnded(PendingCheckpoint Checkpoint, Exception? Problem) : ApplierInput;

    /// <summary>Compaction has rested long enough.</summary>
    public sealed record Rested : ApplierInput;

    /// <summary>Give space back, as far as it goes.</summary>
    public sealed record Reclaim : ApplierInput;

    /// <summary>Look at the tables between two batches.</summary>
    public sealed record Ask(Action<StateMachine> Question) : ApplierInput;
}

/// <summary>A state that has arrived whole.</summary>
public sealed record ArrivedState(ArrivingState Room, StateMachine Machine);
