namespace RaftKv.Benchmarks;

/// <summary>
/// How many bytes one call of a benchmark may allocate, on its thread, once everything it needs is there. The figures are
/// part of the design: a test measures each, and the one that exceeds its figure is a change for the worse.
/// </summary>
/// <example><code>
/// [Benchmark]
/// [Allocates(0)]
/// public int Find_a_key() => …
/// </code></example>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class AllocatesAttribute(double bytes) : Attribute
{
    /// <summary>At most.</summary>
    public double Bytes => bytes;
}
