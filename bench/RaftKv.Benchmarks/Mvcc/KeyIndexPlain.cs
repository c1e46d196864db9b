using System.Buffers.Text;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using RaftKv.Raft;
using RaftKv.Storage.Mvcc;

namespace RaftKv.Benchmarks.Mvcc;

/// <summary>What the key index costs in time and memory: a million keys of 64 bytes, on one thread.</summary>
/// <remarks>
/// <code>dotnet run -c Release --project bench/RaftKv.Benchmarks -- plain index [keys [memory]]</code>
/// <para>Sketch: a key needs about 18 bytes beside itself in a page (slot 8, lengths 2, mark 1, revision 4, tag, version,
/// lifetime 3), and a page is filled to nine tenths. A put with many a batch is a walk over three pages and a move of some
/// bytes; alone in its batch it copies those pages too, some 2 KiB each.</para>
/// </remarks>
internal static class KeyIndexPlain
{
    private const int KeyBytes = 64;
    private const int HotPuts = 1_000_000;

    public static void Run(string[] arguments)
    {
        var keyCount = arguments is [var count, ..] ? int.Parse(count, CultureInfo.InvariantCulture) : 1_000_000;
        if (arguments is [_, "memory", ..])
        {
            Console.WriteLine($"{keyCount} keys of {KeyBytes} bytes");
            MeasureMemory("in order", Keys(keyCount, isRandom: false), perBatch: 1024);
            MeasureMemory("random", Keys(keyCount, isRandom: true), perBatch: 1024);
            return;
        }

        var sequential = Keys(keyCount, isRandom: false);
        var random = Keys(keyCount, isRandom: true);
        var order = random.ToArray();
        new Chance(7).Shuffle(order.AsSpan());

        // Until the code is compiled for good.
        for (var i = 0; i < 3; i++)
        {
            var warm = Filled(random[..(keyCount / 10)], perBatch: 64);
            Find(warm.Published, order, long.MaxValue);
            Overwrite(warm, order[..(keyCount / 10)], perBatch: 1, revision: keyCount);
            Scan(warm.Published, KeyRange.All, isDescending: false);
            Thread.Sleep(200);
        }

        Console.WriteLine($"{keyCount} keys of {KeyBytes} bytes          per second        ns each");
        foreach (var perBatch in (int[])[1, 128])
        {
            Report($"put new, in order, batch {perBatch}", keyCount, () => Filled(sequential, perBatch));
            Report($"put new, random, batch {perBatch}", keyCount, () => Filled(random, perBatch));
        }

        foreach (var perBatch in (int[])[1, 1024])
        {
            MeasureMemory("in order", sequential, perBatch);
            MeasureMemory("random", random, perBatch);
        }

        var snapshot = Filled(random, perBatch: 1024).Published;
        Report("find, random, newest", keyCount, () => Find(snapshot, order, long.MaxValue));
        Report("find, random, at a revision", keyCount, () => Find(snapshot, order, keyCount));
        foreach (var length in (int[])[1_000, 100_000])
        {
            MeasureRange(snapshot, random, length);
        }

        MeasureHotKey();
        var index = Filled(random, perBatch: 1024);
        var revision = (long)keyCount + 2;
        foreach (var perBatch in (int[])[1, 128])
        {
            var started = Stopwatch.GetTimestamp();
            Overwrite(index, order, perBatch, revision);
            Print($"overwrite, random, batch {perBatch}", keyCount, Stopwatch.GetElapsedTime(started));
            revision += keyCount;
        }

        MeasureCompaction(index, keyCount, revision);
    }

    private static void MeasureRange(KeySnapshot snapshot, byte[][] keys, int length)
    {
        var sorted = keys.ToArray();
        Array.Sort(sorted, (left, right) => left.AsSpan().SequenceCompareTo(right));
        var from = (sorted.Length - length) / 2;
        var range = KeyRange.Of(sorted[from], sorted[from + length]);
        var times = Math.Max(1, 1_000_000 / length);
        Report($"range of {length}, a key", length * times, () => Repeat(times, () => Scan(snapshot, range, isDescending: false)));
        Report(
            $"range of {length} from the end, a key",
            length * times,
            () => Repeat(times, () => Scan(snapshot, range, isDescending: true)));
        Report($"count of a range of {length}", 10_000, () => Repeat(10_000, () => snapshot.Count(range)));
    }

    private static void MeasureHotKey()
    {
        var hot = new KeyIndex();
        Report($"put of one key, {HotPuts} times", HotPuts, () =>
        {
            hot = new KeyIndex();
            for (var main = 2; main < HotPuts + 2; main++)
            {
                hot.Put("hot"u8, new Revision(main, 0), 256);
                hot.Publish();
            }
        });
        var snapshot = hot.Published;
        Report("find of it at random revisions", HotPuts, () =>
        {
            var chance = new Chance(3);
            for (var i = 0; i < HotPuts; i++)
            {
                Invariant.Holds(snapshot.TryFind("hot"u8, chance.Between(2, HotPuts), out _));
            }
        });
    }

    private static void MeasureCompaction(KeyIndex index, int keyCount, long horizon)
    {
        index.StartCompaction(horizon);
        var removed = new List<KeyRevision>();
        var longest = TimeSpan.Zero;
        var steps = 0;
        var started = Stopwatch.GetTimestamp();
        bool isMore;
        do
        {
            var began = Stopwatch.GetTimestamp();
            isMore = index.CompactStep(1000, removed);
            index.Publish();
            var took = Stopwatch.GetElapsedTime(began);
            longest = took > longest ? took : longest;
            removed.Clear();
            steps++;
        }
        while (isMore);

        Print("compaction, a key looked at", keyCount, Stopwatch.GetElapsedTime(started));
        Console.WriteLine($"  {steps} steps of 1000, the longest {longest.TotalMicroseconds:F0} us");
    }

    // Not inlined, so that no index of a call before is still held when this one begins.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void MeasureMemory(string name, byte[][] keys, int perBatch)
    {
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var index = Filled(keys, perBatch);
        var bytes = (GC.GetTotalMemory(forceFullCollection: true) - before) / (double)keys.Length;
        GC.KeepAlive(index);
        Console.WriteLine($"memory, {name}, batch {perBatch}: {bytes:F1} B a key, {bytes - KeyBytes:F1} B beside the key");
    }

    private static KeyIndex Filled(byte[][] keys, int perBatch)
    {
        var index = new KeyIndex();
        Overwrite(index, keys, perBatch, revision: 2);
        return index;
    }

    private static void Overwrite(KeyIndex index, byte[][] keys, int perBatch, long revision)
    {
        for (var i = 0; i < keys.Length; i++)
        {
            index.Put(keys[i], new Revision(revision + i, 0), 256);
            if (i % perBatch == perBatch - 1)
            {
                index.Publish();
            }
        }

        index.Publish();
    }

    private static void Find(KeySnapshot snapshot, byte[][] keys, long revision)
    {
        foreach (var key in keys)
        {
            snapshot.TryFind(key, revision, out _);
        }
    }

    private static void Scan(KeySnapshot snapshot, KeyRange range, bool isDescending)
    {
        var bytes = 0L;
        var cursor = snapshot.Scan(range, long.MaxValue, isDescending);
        while (cursor.MoveNext())
        {
            bytes += cursor.Key.Length;
        }

        Invariant.Holds(bytes > 0);
    }

    private static void Repeat(int times, Action once)
    {
        for (var i = 0; i < times; i++)
        {
            once();
        }
    }

    private static void Report(string what, int operations, Action run)
    {
        // The best of several: what disturbs is never part of the answer.
        var best = TimeSpan.MaxValue;
        for (var attempt = 0; attempt < 3; attempt++)
        {
            GC.Collect();
            var started = Stopwatch.GetTimestamp();
            run();
            var elapsed = Stopwatch.GetElapsedTime(started);
            best = elapsed < best ? elapsed : best;
        }

        Print(what, operations, best);
    }

    private static void Print(string what, int operations, TimeSpan elapsed)
        => Console.WriteLine(
            $"{what,-40} {operations / elapsed.TotalSeconds,12:F0} {elapsed.TotalNanoseconds / operations,12:F0}");

    /// <summary>Random ones have nothing in common to be packed; the others share a prefix and count up.</summary>
    private static byte[][] Keys(int count, bool isRandom)
    {
        var chance = new Chance(1);
        var keys = new byte[count][];
        for (var i = 0; i < count; i++)
        {
            var key = new byte[KeyBytes];
            Array.Fill(key, (byte)'k');
            if (isRandom)
            {
                chance.Fill(key);
            }
            else
            {
                Utf8Formatter.TryFormat(i, key.AsSpan(KeyBytes - 10), out _, new('D', 10));
            }

            keys[i] = key;
        }

        return keys;
    }
}
