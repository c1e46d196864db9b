using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using RaftKv.Raft;
using RaftKv.Storage.Files;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.Records.Faster;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Requests;

namespace RaftKv.Benchmarks.State;

/// <summary>What reads cost: a key, a thousand, a hundred thousand, each with a view of its own and the answer written
/// into memory; with records in memory or mostly on the disk, and beside a writer that puts as fast as it can.</summary>
/// <remarks>
/// <code>dotnet run -c Release --project bench/RaftKv.Benchmarks -- plain reads [folder [keys]]</code>
/// <code>dotnet run -c Release --project bench/RaftKv.Benchmarks -- plain budget [folder]</code>
/// <para>Sketch: a read of one key is a walk through the index and one through FASTER's, ten lines that are not in the
/// cache, one after the other, and a copy of 340 bytes: some 500 ns, and whatever main memory takes for ten lines.</para>
/// </remarks>
internal static class ReadPlain
{
    private const int KeyCount = 1_000_000;

    // A record takes 384 bytes of FASTER's log: four times the default budget of 64 MiB.
    private const int KeyCountOverBudget = 700_000;

    /// <summary>All records in memory.</summary>
    public static void InMemory(string[] arguments) => InFolder(arguments, folder =>
    {
        using var machine = Filled(folder, KeyCount, new FasterRecordStoreOptions { MemoryBytes = 1L << 30 }, out var load);
        Console.WriteLine($"{KeyCount} keys of {PutLoad.KeyBytes} bytes, values of {PutLoad.ValueBytes}, all in memory");
        PointReads(machine, load, reads: 1_000_000);
        if (arguments is not [_, "keys", ..])
        {
            Ranges(machine, load);
        }
    });

    /// <summary>Four times as many bytes as may be in memory.</summary>
    public static void OverBudget(string[] arguments) => InFolder(arguments, folder =>
    {
        using var machine = Filled(folder, KeyCountOverBudget, new FasterRecordStoreOptions(), out var load);
        var checkpoint = machine.Keys.BeginCheckpoint();
        checkpoint.Wait();
        Console.WriteLine(
            $"{KeyCountOverBudget} keys of {PutLoad.KeyBytes} bytes, values of {PutLoad.ValueBytes}; records of "
            + $"{machine.Keys.DiskBytes >> 20} MiB on the disk, 64 MiB in memory");
        PointReads(machine, load, reads: 200_000);
        Ranges(machine, load);
        Console.WriteLine($"memory of the process {Environment.WorkingSet >> 20} MiB");
    });

    private static void InFolder(string[] arguments, Action<string> run)
    {
        var parent = arguments is [var given, ..] ? given : Path.GetTempPath();
        var folder = Directory.CreateDirectory(Path.Join(parent, "raftkv-reads")).FullName;
        try
        {
            run(folder);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static StateMachine Filled(string folder, int keyCount, FasterRecordStoreOptions options, out PutLoad load)
    {
        load = new PutLoad(keyCount, isRandom: true);
        var machine = new StateMachine(new KeySpace(FasterRecordStore.Create(new PhysicalFileSystem(), folder, 1, options)));
        for (var i = 0; i < keyCount; i++)
        {
            Put(machine, load, i);
        }

        machine.Keys.Publish();
        GC.Collect();
        return machine;
    }

    private static void Put(StateMachine machine, PutLoad load, int key)
    {
        machine.Apply(load.Entry(key, machine.Applied.Index + 1), new CountedAnswers());
        if (machine.Applied.Index % 64 == 0)
        {
            machine.Keys.Publish();
        }
    }

    private static void PointReads(StateMachine machine, PutLoad load, int reads)
    {
        for (var i = 0; i < 3; i++)
        {
            ReadKeys(machine, load, 100_000, seed: i + 1);
            Thread.Sleep(200);
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        Report("a key, 1 thread", reads, () => ReadKeys(machine, load, reads, 4));
        Console.WriteLine($"  {(GC.GetAllocatedBytesForCurrentThread() - before) / reads} B allocated each");
        Report("one key of 10,000, 1 thread", reads, () => ReadKeys(machine, load, reads, 8, among: 10_000));
        Report("one key of 10,000, 2 threads", 2 * reads, () => Together(
            () => ReadKeys(machine, load, reads, 9, among: 10_000),
            () => ReadKeys(machine, load, reads, 10, among: 10_000)));
        Report("a key, 2 threads", 2 * reads, () => Together(
            () => ReadKeys(machine, load, reads, 5),
            () => ReadKeys(machine, load, reads, 6)));
        BesideWriter("a key, 1 thread", machine, load, reads, () => ReadKeys(machine, load, reads, 7));
    }

    private static void Ranges(StateMachine machine, PutLoad load)
    {
        foreach (var length in (int[])[1_000, 100_000])
        {
            var sorted = Enumerable.Range(0, load.KeyCount).Select(load.Key).ToArray();
            Array.Sort(sorted, (left, right) => left.Span.SequenceCompareTo(right.Span));
            var from = (sorted.Length - length) / 2;
            var query = new RangeQuery { Key = sorted[from], RangeEnd = sorted[from + length] };
            var times = Math.Max(4, 1_000_000 / length);
            Repeat(machine, query, times / 4);
            Report($"range of {length}, a key", length * times, () => Repeat(machine, query, times));
            BesideWriter(
                $"range of {length}, a key", machine, load, length * times, () => Repeat(machine, query, times));
        }
    }

    /// <param name="among">How many different keys are read, spread evenly over all of them.</param>
    private static void ReadKeys(StateMachine machine, PutLoad load, int reads, int seed, int among = int.MaxValue)
    {
        var chance = new Chance((ulong)seed);
        var to = new WireWriter();
        among = Math.Min(among, load.KeyCount);
        var step = load.KeyCount / among;

        // As they come from a client, the keys are in the cache; those of the load are not.
        var keys = new byte[256 * PutLoad.KeyBytes];
        for (var i = 0; i < reads; i++)
        {
            if (i % 256 == 0)
            {
                for (var n = 0; n < 256; n++)
                {
                    load.Key(chance.Below(among) * step).Span.CopyTo(keys.AsSpan(n * PutLoad.KeyBytes));
                }
            }

            var query = new RangeQuery { Key = keys.AsMemory(i % 256 * PutLoad.KeyBytes, PutLoad.KeyBytes) };
            using var view = machine.Keys.OpenView();
            to.Clear();
            RangeRead.Run(query, view, to);
            Invariant.Holds(to.Length > PutLoad.KeyBytes + PutLoad.ValueBytes);
        }
    }

    private static void Repeat(StateMachine machine, RangeQuery query, int times)
    {
        var to = new ArrayBufferWriter<byte>(1 << 20);
        for (var i = 0; i < times; i++)
        {
            using var view = machine.Keys.OpenView();
            to.ResetWrittenCount();
            RangeRead.Run(query, view, to);
            Invariant.Holds(to.WrittenCount > 1_000 * PutLoad.ValueBytes);
        }
    }

    private static void Together(params Action[] actions)
    {
        var threads = actions.Select(action => new Thread(() => action())).ToArray();
        foreach (var thread in threads)
        {
            thread.Start();
        }

        foreach (var thread in threads)
        {
            thread.Join();
        }
    }

    // The writer is the one thread that may write: it is another one, and does so for as long as the reads take.
    private static void BesideWriter(string what, StateMachine machine, PutLoad load, int count, Action read)
    {
        var isOver = false;
        var puts = 0;
        var took = TimeSpan.Zero;
        var writer = new Thread(() =>
        {
            var chance = new Chance(9);
            var started = Stopwatch.GetTimestamp();
            for (; !Volatile.Read(ref isOver); puts++)
            {
                Put(machine, load, chance.Below(load.KeyCount));
            }

            took = Stopwatch.GetElapsedTime(started);
        });
        writer.Start();
        Report($"{what}, beside a writer", count, read);
        Volatile.Write(ref isOver, true);
        writer.Join();
        machine.Keys.Publish();
        Console.WriteLine($"  {puts / took.TotalSeconds:F0} puts/s meanwhile");
    }

    private static void Report(string what, int count, Action action)
    {
        var workedBefore = ThreadTime.Now;
        var started = Stopwatch.GetTimestamp();
        action();
        var took = Stopwatch.GetElapsedTime(started);
        var worked = ThreadTime.Now - workedBefore;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{what,-45} {count / took.TotalSeconds,12:N0}/s {took.TotalNanoseconds / count,9:N0} ns each, {worked.TotalNanoseconds / count,9:N0} of this thread"));
    }
}
