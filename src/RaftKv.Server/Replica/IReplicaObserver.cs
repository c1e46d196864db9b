using RaftKv.Raft.Log;

namespace RaftKv.Server.Replica;

/// <summary>Told what the replica does, on its thread.</summary>
public interface IReplicaObserver
{
    /// <summary>The log is to go on after a state that replaces it, if there is one, with these entries.</summary>
    void Writing(LogPosition? installed, ReadOnlySpan<Entry> entries);
}
