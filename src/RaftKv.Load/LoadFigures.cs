namespace RaftKv.Load;

/// <summary>What a load did in some time.</summary>
/// <param name="Latencies">Of operations that were answered, from when they were begun, or should have been.</param>
/// <param name="Seconds">How long that was.</param>
/// <param name="Refused">Calls that were answered with an error.</param>
/// <param name="CpuSeconds">What this process used of all cores meanwhile, whatever else it did included.</param>
public sealed record LoadFigures(Latencies Latencies, double Seconds, long Refused, double CpuSeconds)
{
    public double PerSecond => Latencies.Count / Seconds;

    /// <summary>Of this process, an operation.</summary>
    public double CpuUs => CpuSeconds * 1e6 / Math.Max(1, Latencies.Count);
}
