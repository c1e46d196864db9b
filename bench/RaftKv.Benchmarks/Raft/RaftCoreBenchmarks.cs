using BenchmarkDotNet.Attributes;

namespace RaftKv.Benchmarks.Raft;

/// <summary>
/// What does one entry cost in the consensus core alone, from proposal until every member has applied it? Figures are per
/// batch and for all members together: divide by the batch. Expected bytes per entry: 40 on each member, the entry in
/// its log, and nothing else.
/// </summary>
[MemoryDiagnoser]
public class RaftCoreBenchmarks
{
    private CoreCluster _cluster = null!;
    private ReadOnlyMemory<byte>[] _payloads = [];

    [Params(3, 5)]
    public int Members { get; set; }

    [Params(1, 64)]
    public int Batch { get; set; }

    [GlobalSetup]
    public void Start()
    {
        _cluster = new CoreCluster(Members);
        _payloads = new ReadOnlyMemory<byte>[Batch];
        Array.Fill(_payloads, new byte[256]);
    }

    /// <summary>For five members and a batch of 64, the most of all.</summary>
    [Benchmark]
    [Allocates(5 * 64 * 41)]
    public ulong Propose_and_commit() => _cluster.ProposeAndCommit(_payloads);
}
