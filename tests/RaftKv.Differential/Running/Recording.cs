using RaftKv.Differential.Sequences;
using RaftKv.Stores;

namespace RaftKv.Differential.Running;

/// <summary>What was so when an operation ran, where it decides whether two versions of etcd may answer differently.</summary>
[Flags]
public enum Circumstances
{
    None = 0,

    /// <summary>The hash was asked for at the compacted revision itself.</summary>
    HashAtCompacted = 1,

    /// <summary>Progress was asked for on a stream whose watchers cannot all be told to be up to date.</summary>
    ProgressNotDue = 2,
}

/// <summary>An operation and its answers, in a form that two stores can be compared by.</summary>
/// <remarks>Mostly one answer. A watcher that is too late gets three: created, compacted, cancelled.</remarks>
public sealed record Step(Operation Operation, IReadOnlyList<Answer> Answers, Circumstances Circumstances);

/// <summary>What one watcher got in all, as text.</summary>
/// <param name="Tombstones">Deletions of the compacted revision it began at, which only some versions of etcd keep.</param>
public sealed record WatchedEvents(int Stream, int Ordinal, string Request, IReadOnlyList<string> Tombstones, IReadOnlyList<string> Events);

/// <summary>All that a store answered to one sequence.</summary>
/// <param name="Problems">Rules that hold for every store, and were broken.</param>
/// <param name="Leftovers">Replies on watch streams that no operation had asked for.</param>
/// <param name="IsReliable">False when it took so long that leases may have run out in between, or the store was without a leader for a while.</param>
public sealed record Recording(
    IReadOnlyList<Step> Steps,
    IReadOnlyList<WatchedEvents> Events,
    IReadOnlyList<string> Leftovers,
    IReadOnlyList<string> Problems,
    bool IsReliable);
