using System.Text;
using BenchmarkDotNet.Attributes;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.Watch;

namespace RaftKv.Benchmarks.Watch;

/// <summary>What it costs to tell a watcher, and a hundred of one stream, of a change: to find them, and to write their
/// responses. The change itself is not counted: it is the same all the time.</summary>
[MemoryDiagnoser]
public class WatchBenchmarks
{
    private static readonly WatchHeader Header = new(0xcafebabedeadbeef, 0x123456789abcdef0, raftTerm: 5);

    private readonly byte[] _key = Encoding.ASCII.GetBytes("key");
    private readonly byte[] _value = new byte[256];
    private readonly ReadyStreams _ready = new();
    private readonly Discarding _output = new();
    private KeySpace _space = null!;
    private WatchHub _hub = null!;
    private WatchStream _stream = null!;

    [Params(1, 100)]
    public int Watchers { get; set; }

    [GlobalSetup]
    public void Start()
    {
        _space = new KeySpace(new MemoryTable());
        _hub = new WatchHub(_space, new WatchOptions(), WatchFaults.None);
        _stream = _hub.OpenStream(_ready);
        for (var i = 0; i < Watchers; i++)
        {
            _stream.Create(new WatchCreate(_key, default));
        }

        Drain();
    }

    [GlobalCleanup]
    public void End()
    {
        _stream.Dispose();
        _space.Dispose();
    }

    /// <summary>The key space's own part: a record of 330 bytes, and a leaf of the index.</summary>
    [Benchmark]
    [Allocates(2_400)]
    public long Put_and_tell()
    {
        _space.BeginWrite();
        _space.Put(_key, _value, 0);
        _space.EndWrite();
        _hub.Collect(_space.Changes);
        _space.Publish();
        _hub.Announce(_space.PublishedRevision);
        return Drain();
    }

    private long Drain()
    {
        foreach (var stream in _ready.Take())
        {
            while (stream.Take(Header, _output) != WatchTake.Idle)
            {
                _output.Responses++;
            }
        }

        return _output.Responses;
    }
}
