using RaftKv.Client;
using RaftKv.Faults.Checking;
using RaftKv.Faults.Histories;
using RaftKv.Faults.Nemeses;

namespace RaftKv.Faults.Workloads;

/// <summary>What clients do, and what must be true of it.</summary>
internal abstract class Workload
{
    public abstract string Name { get; }

    public abstract string Story { get; }

    /// <summary>What judges the history, beside what judges every one.</summary>
    public abstract IReadOnlyList<IChecker> Checkers { get; }

    /// <summary>Whether a failure is what must be found: of what cannot be had, and is shown here.</summary>
    public virtual bool MustFail => false;

    /// <summary>What members are started with for it, beside what all are: words that raftkv and etcd know.</summary>
    public virtual IReadOnlyList<string> Flags => [];

    /// <summary>And what raftkv's are started with.</summary>
    public virtual IReadOnlyList<string> OwnFlags => [];

    /// <summary>What is done to members because the workload is about it, whatever the nemesis does: lanes as those of a nemesis.</summary>
    public virtual IReadOnlyList<Fault[]> OwnFaults => [];

    /// <summary>Whether it is about what raftkv has commands of its own for.</summary>
    public virtual bool IsOfRaftKv => false;

    /// <summary>In whose name operators do what nemeses say; null: in nobody's.</summary>
    public virtual (string Name, string Password)? Operator => null;

    /// <summary>Done once, before everything.</summary>
    public virtual Task PrepareAsync(ClientSession session) => Task.CompletedTask;

    /// <summary>One operation of one client, or a few that belong together.</summary>
    public abstract Task StepAsync(ClientSession session, CancellationToken stop);

    /// <summary>Done once, when everything is whole again: by all clients at the same time.</summary>
    /// <remarks>A client that has nothing to look at asks for something, to be answered.</remarks>
    public virtual Task FinishAsync(ClientSession session) => session.ReadAsync(session.Asked("ping"), async operation =>
    {
        var range = await session.Client.RangeAsync("ping");
        return operation with { Revision = range.Header.Revision };
    });

    protected static KeyState StateOf(KeyValue? kv) => kv is null ? new KeyState() : new KeyState
    {
        Value = kv.ValueText,
        Version = kv.Version,
        Created = kv.CreateRevision,
        Modified = kv.ModRevision,
        Lease = kv.Lease,
    };

    protected static IReadOnlyList<KeyState> StatesOf(RangeResult range) => [.. range.KeyValues.Select(kv => StateOf(kv) with { Key = kv.KeyText })];
}
