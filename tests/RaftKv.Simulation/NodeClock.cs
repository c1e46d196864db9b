namespace RaftKv.Simulation;

/// <summary>The clocks of a machine: one that never goes back, as fast as its ticks, and one on the wall that somebody may
/// set.</summary>
internal sealed class NodeClock(SimulatedNode node) : TimeProvider
{
    private const long TrueTickNanos = 10 * Simulator.Millisecond;

    private static readonly DateTimeOffset Beginning = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public override long TimestampFrequency => Simulator.Second;

    public override long GetTimestamp() => (long)((Int128)node.Now * TrueTickNanos / node.TickNanos);

    public override DateTimeOffset GetUtcNow() => Beginning.AddTicks((node.Now + node.WallOffsetNanos) / 100);
}
