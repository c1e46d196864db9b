using BenchmarkDotNet.Attributes;
using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Storage.Files;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.Records.Faster;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Requests;

namespace RaftKv.Benchmarks.State;

/// <summary>What it costs to apply a batch of 64 puts that overwrite random keys of 10,000, and to read from those keys:
/// one, and a range of a thousand. Keys of 64 bytes, values of 256, FASTER's record store.</summary>
/// <remarks>Larger ones, and what happens beside a writer or beyond the memory: <c>plain apply</c>, <c>plain reads</c>.</remarks>
[MemoryDiagnoser]
public class StateBenchmarks
{
    private const int Keys = 10_000;
    private const int Batch = 64;
    private const int RangeLength = 1_000;

    private readonly string _folder = Directory.CreateTempSubdirectory("raftkv-bench-").FullName;
    private readonly CountedAnswers _answers = new();
    private readonly Chance _chance = new(3);
    private readonly PutLoad _load = new(Keys, isRandom: true);
    private readonly Entry[] _entries = new Entry[Batch];
    private readonly Discarding _output = new();
    private StateMachine _machine = null!;
    private RangeQuery _range;

    [GlobalSetup]
    public void Start()
    {
        _machine = new StateMachine(new KeySpace(FasterRecordStore.Create(new PhysicalFileSystem(), _folder, 1)));
        for (var i = 0; i < Keys; i++)
        {
            _machine.Apply([_load.Entry(i, _machine.Applied.Index + 1)], _answers);
        }

        _machine.Keys.Publish();
        var sorted = Enumerable.Range(0, Keys).Select(_load.Key).ToArray();
        Array.Sort(sorted, (left, right) => left.Span.SequenceCompareTo(right.Span));
        _range = new RangeQuery { Key = sorted[100], RangeEnd = sorted[100 + RangeLength] };
    }

    [GlobalCleanup]
    public void End()
    {
        _machine.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>The entries of a log, which the benchmark below makes for itself.</summary>
    [Benchmark]
    public Entry[] Make_64_entries()
    {
        for (var i = 0; i < Batch; i++)
        {
            _entries[i] = _load.Entry(_chance.Below(Keys), _machine.Applied.Index + (ulong)i + 1);
        }

        return _entries;
    }

    /// <summary>With making them. A new version makes the leaf of its key anew, once a batch.</summary>
    [Benchmark]
    [Allocates(Batch * 1_800)]
    public long Apply_64_overwrites()
    {
        _machine.Apply(Make_64_entries(), _answers);
        _machine.Keys.Publish();
        return _machine.Keys.Revision;
    }

    /// <summary>The view.</summary>
    [Benchmark]
    [Allocates(104)]
    public long Read_a_key() => Read(new RangeQuery { Key = _load.Key(_chance.Below(Keys)) });

    [Benchmark]
    [Allocates(400)]
    public long Read_a_range_of_1000() => Read(_range);

    private long Read(in RangeQuery query)
    {
        using var view = _machine.Keys.OpenView();
        _output.Bytes = 0;
        RangeRead.Run(query, view, _output);
        Invariant.Holds(_output.Bytes > PutLoad.KeyBytes + PutLoad.ValueBytes);
        return _output.Bytes;
    }
}
