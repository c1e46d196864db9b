using System.Diagnostics;
using System.Text;
using RaftKv.Raft;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.Watch;

namespace RaftKv.Benchmarks.Watch;

/// <summary>What it costs to tell watchers of changes: announcing them, and writing the responses into memory, on one
/// thread. Applying the changes is not counted.</summary>
/// <remarks>
/// <code>dotnet run -c Release --project bench/RaftKv.Benchmarks -- plain watch</code>
/// <para>Sketch: a response is 60 bytes around a record of 300; picking an event is a few list operations, writing it two
/// short copies: some 100 ns an event. An announcement wakes a watcher with one write to it and one to its stream, which
/// with 100,000 of them are cache misses.</para>
/// </remarks>
internal static class WatchPlain
{
    private const int ValueBytes = 256;
    private const int WatchersPerStream = 100;

    private static readonly WatchHeader Header = new(0xcafebabedeadbeef, 0x123456789abcdef0, raftTerm: 5);

    public static void Run()
    {
        Console.WriteLine($"values of {ValueBytes} bytes, {WatchersPerStream} watchers a stream, one thread");
        Console.WriteLine($"{"",-46} {"events/s",12} {"ns/event",9} {"B/event",8} {"announce ns/change",19}");
        foreach (var batch in (int[])[1, 128])
        {
            Measure($"one key, 1 watcher, batch {batch}", 1, isOneKey: true, batch, changes: 400_000);
            Measure($"one key, 1k watchers, batch {batch}", 1_000, isOneKey: true, batch, changes: 2_000);
            Measure($"one key, 100k watchers, batch {batch}", 100_000, isOneKey: true, batch, changes: 128);
            Measure($"1k keys, a watcher each, batch {batch}", 1_000, isOneKey: false, batch, changes: 400_000);
            Measure($"100k keys, a watcher each, batch {batch}", 100_000, isOneKey: false, batch, changes: 400_000);
        }

        Measure("one key, 1k watchers with prev_kv, batch 128", 1_000, isOneKey: true, 128, 2_000, request => request with
        {
            PrevKv = true,
        });
        Measure("1k keys, with prev_kv, batch 128", 1_000, isOneKey: false, 128, 200_000, request => request with
        {
            PrevKv = true,
        });
        Measure("1k prefixes, a watcher each, batch 128", 1_000, isOneKey: false, 128, 400_000, request => request with
        {
            RangeEnd = Encoding.ASCII.GetBytes(Encoding.ASCII.GetString(request.Key.Span) + "~"),
        });
        Measure("100k prefixes, a watcher each, batch 128", 100_000, isOneKey: false, 128, 400_000, request => request with
        {
            RangeEnd = Encoding.ASCII.GetBytes(Encoding.ASCII.GetString(request.Key.Span) + "~"),
        });
        MeasureMemory("one key", isOneKey: true);
        MeasureMemory("a key each", isOneKey: false);
        MeasureHistory("history of all keys", "key", "z");
        MeasureHistory("history of one key of 1,000", "key00000500", "");
    }

    private static void Measure(
        string what, int watchers, bool isOneKey, int batch, int changes, Func<WatchCreate, WatchCreate>? shape = null)
    {
        using var space = new KeySpace(new MemoryTable());
        var hub = new WatchHub(space, new WatchOptions(), WatchFaults.None);
        var ready = new ReadyStreams();
        var streams = new List<WatchStream>();
        for (var i = 0; i < watchers; i++)
        {
            if (i % WatchersPerStream == 0)
            {
                streams.Add(hub.OpenStream(ready));
            }

            var request = new WatchCreate(Key(isOneKey ? 0 : i), default);
            streams[^1].Create(shape is null ? request : shape(request));
        }

        var output = new Discarding();
        Drain(ready, output);
        Play(changes / 4);
        Play(changes / 4);
        output.Responses = 0;

        var before = GC.GetAllocatedBytesForCurrentThread();
        var applied = 0L;
        var (announcing, draining) = Play(changes);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before - applied;
        var events = output.Responses;
        Invariant.Holds(events == (isOneKey ? (long)changes * watchers : changes));
        var elapsed = announcing + draining;
        Console.WriteLine(
            $"{what,-46} {events / elapsed.TotalSeconds,12:F0} {elapsed.TotalNanoseconds / events,9:F0} "
            + $"{(double)allocated / events,8:F1} {announcing.TotalNanoseconds / changes,19:F0}");
        foreach (var stream in streams)
        {
            stream.Dispose();
        }

        (TimeSpan Announcing, TimeSpan Draining) Play(int count)
        {
            var announce = 0L;
            var drain = 0L;
            applied = 0;
            var value = new byte[ValueBytes];
            for (var i = 0; i < count; i += batch)
            {
                var allocatedBefore = GC.GetAllocatedBytesForCurrentThread();
                for (var n = i; n < Math.Min(count, i + batch); n++)
                {
                    space.BeginWrite();
                    space.Put(Key(isOneKey ? 0 : (int)(n * 7919L % watchers)), value, 0);
                    space.EndWrite();
                }

                applied += GC.GetAllocatedBytesForCurrentThread() - allocatedBefore;
                var started = Stopwatch.GetTimestamp();
                hub.Collect(space.Changes);
                var collected = Stopwatch.GetTimestamp();
                allocatedBefore = GC.GetAllocatedBytesForCurrentThread();
                space.Publish();
                applied += GC.GetAllocatedBytesForCurrentThread() - allocatedBefore;
                var published = Stopwatch.GetTimestamp();
                hub.Announce(space.PublishedRevision);
                var announced = Stopwatch.GetTimestamp();
                Drain(ready, output);
                drain += Stopwatch.GetTimestamp() - announced;
                announce += announced - published + collected - started;
            }

            return (Stopwatch.GetElapsedTime(0, announce), Stopwatch.GetElapsedTime(0, drain));
        }
    }

    private static void MeasureMemory(string what, bool isOneKey)
    {
        const int Watchers = 100_000;
        using var space = new KeySpace(new MemoryTable());
        var hub = new WatchHub(space);
        var ready = new ReadyStreams();
        var output = new Discarding();
        var before = GC.GetTotalMemory(forceFullCollection: true);
        for (var i = 0; i < Watchers; i += WatchersPerStream)
        {
            var stream = hub.OpenStream(ready);
            for (var n = i; n < i + WatchersPerStream; n++)
            {
                stream.Create(new WatchCreate(Key(isOneKey ? 0 : n), default));
            }
        }

        Drain(ready, output);
        var bytes = GC.GetTotalMemory(forceFullCollection: true) - before;
        Console.WriteLine($"memory of a watcher, {what}: {bytes / Watchers} B");
        GC.KeepAlive(hub);
    }

    private static void MeasureHistory(string what, string key, string end)
    {
        const int Writes = 500_000;
        using var space = new KeySpace(new MemoryTable());
        for (var i = 0; i < Writes; i++)
        {
            space.BeginWrite();
            space.Put(Key(i % 1000), new byte[ValueBytes], 0);
            space.EndWrite();
        }

        space.Publish();
        var hub = new WatchHub(space);
        var ready = new ReadyStreams();
        var output = new Discarding();
        for (var attempt = 0; attempt < 3; attempt++)
        {
            output.Bytes = 0;
            using var stream = hub.OpenStream(ready);
            var started = Stopwatch.GetTimestamp();
            stream.Create(new WatchCreate(Encoding.ASCII.GetBytes(key), Encoding.ASCII.GetBytes(end)) { StartRevision = 2 });
            Drain(ready, output);
            var took = Stopwatch.GetElapsedTime(started);
            var line = $"{what}, of {Writes} writes: {took.TotalMilliseconds:F1} ms, {output.Bytes / 1e6:F1} MB";
            if (attempt == 2)
            {
                Console.WriteLine(line);
            }
        }
    }

    private static void Drain(ReadyStreams ready, Discarding output)
    {
        foreach (var stream in ready.Take())
        {
            while (stream.Take(Header, output) is var take && take != WatchTake.Idle)
            {
                output.Responses += take == WatchTake.Response ? 1 : 0;
            }
        }
    }

    private static byte[] Key(int number) => Encoding.ASCII.GetBytes($"key{number:D8}");
}
