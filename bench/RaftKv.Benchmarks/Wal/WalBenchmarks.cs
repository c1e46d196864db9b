using BenchmarkDotNet.Attributes;
using RaftKv.Raft.Log;
using RaftKv.Storage.Files;
using RaftKv.Storage.Wal;

namespace RaftKv.Benchmarks.Wal;

/// <summary>What it costs to append 16 entries of 256 bytes to the log with one sync. The disk is most of it: what the log
/// adds to that is measured by <c>plain wal</c>.</summary>
[MemoryDiagnoser]
public class WalBenchmarks
{
    private const int Batch = 16;

    private readonly string _folder = Directory.CreateTempSubdirectory("raftkv-bench-").FullName;
    private readonly Entry[] _entries = new Entry[Batch];
    private readonly byte[] _payload = new byte[256];
    private WriteAheadLog _log = null!;
    private ulong _index;

    [GlobalSetup]
    public void Start() => _log = WriteAheadLog.Create(new PhysicalFileSystem(), _folder, identity: 1);

    [GlobalCleanup]
    public void End()
    {
        _log.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>What the log keeps of them for its readers: the entries, and where they are.</summary>
    [Benchmark]
    [Allocates(Batch * 120)]
    public ulong Append_16_entries()
    {
        for (var i = 0; i < Batch; i++)
        {
            _entries[i] = new Entry(1, ++_index, EntryKind.Command, _payload);
        }

        _log.Append(new WalBatch { Entries = _entries });
        return _index;
    }
}
