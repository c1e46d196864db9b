using BenchmarkDotNet.Attributes;
using RaftKv.Server.Metrics;

namespace RaftKv.Benchmarks.Metrics;

/// <summary>What it costs to count and to measure on the path of every call. Expected: some nanoseconds, and no bytes.</summary>
[MemoryDiagnoser]
public class InstrumentBenchmarks
{
    private readonly Counter _counter = new();
    private readonly Histogram _histogram = Histogram.OfSeconds(0.001, 2, 14);
    private long _value;

    [Benchmark]
    [Allocates(0)]
    public void Count() => _counter.Add();

    [Benchmark]
    [Allocates(0)]
    public void Observe()
    {
        _value = (_value + 7919) & 0xff_ffff;
        _histogram.Observe(_value);
    }

    /// <summary>With the two looks at the clock that go with it.</summary>
    [Benchmark]
    [Allocates(0)]
    public void Measure() => _histogram.ObserveSince(System.Diagnostics.Stopwatch.GetTimestamp());
}
