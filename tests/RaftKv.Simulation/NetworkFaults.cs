using RaftKv.Raft;

namespace RaftKv.Simulation;

/// <summary>What the network does to messages by itself; partitions and clogs are ordered from
/// <see cref="SimulatedNetwork"/> one by one.</summary>
internal sealed record NetworkFaults
{
    public long DelayNanosMin { get; init; } = 100 * Simulator.Microsecond;

    public long DelayNanosMax { get; init; } = 600 * Simulator.Microsecond;

    /// <summary>Of messages: delayed ten to fifty times as long.</summary>
    public Ratio Slow { get; init; } = Ratio.Never;

    public Ratio Loss { get; init; } = Ratio.Never;

    public Ratio Duplication { get; init; } = Ratio.Never;

    /// <summary>Of messages: may be overtaken. Otherwise they arrive in the order in which they were sent.</summary>
    public Ratio Reordering { get; init; } = Ratio.Never;

    /// <summary>So many on their way from one member to another; more are dropped.</summary>
    public int QueueLimit { get; init; } = 1024;

    /// <summary>Of messages that are dropped: those of which the sender is told.</summary>
    public Ratio ToldOfLoss { get; init; } = Ratio.Never;

    /// <summary>Of members: those that are told when a process has ended, because connections to it are refused. It may have
    /// been started again by then.</summary>
    public Ratio ToldOfEnd { get; init; } = new(3, 4);

    /// <summary>Of lines that are cut: those that break connections and refuse others, as if there were no process at the other
    /// end.</summary>
    public Ratio TakenForEnd { get; init; } = new(1, 2);
}
