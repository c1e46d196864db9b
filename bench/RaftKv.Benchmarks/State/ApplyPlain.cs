using System.Diagnostics;
using System.Globalization;
using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Storage.Files;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.Records;
using RaftKv.Storage.Records.Faster;
using RaftKv.Storage.State;

namespace RaftKv.Benchmarks.State;

/// <summary>What it costs to apply puts, on one thread: from an entry of the log to what readers see.</summary>
/// <remarks>
/// <code>dotnet run -c Release --project bench/RaftKv.Benchmarks -- plain apply [folder [part of a name]]</code>
/// <para>Beside the time by the clock stands the time for which the thread had a processor, its collections included: that is
/// what the goal, 400,000 puts a second on one core, is held against when the machine is not idle.</para>
/// <para>Sketch: a put copies a record of 340 bytes twice and sums it twice (some 150 ns), walks three or four pages of the
/// index, of which the lower ones are not in the cache (some 500 ns with a million keys). A new key also copies the slots of
/// its leaf and the children of the pages above: 2 KB, or 3 if it is alone in its batch.</para>
/// </remarks>
internal static class ApplyPlain
{
    private const int KeyCount = 1_000_000;

    // What is encoded before the clock runs, so that it is neither counted nor far from the cache.
    private const int Ahead = 1024;

    public static void Run(string[] arguments)
    {
        var parent = arguments is [var given, ..] ? given : Path.GetTempPath();
        var only = arguments is [_, var part, ..] ? part : "";
        var folder = Directory.CreateDirectory(Path.Join(parent, "raftkv-apply")).FullName;
        try
        {
            Warm(folder);
            Console.WriteLine($"{KeyCount} keys of {PutLoad.KeyBytes} bytes, values of {PutLoad.ValueBytes}");
            Console.WriteLine($"{"",-52} {"puts/s",10} {"ns each",9} {"of processor time",18} {"of it paused by GC",19} {"B allocated each",17}");
            var random = new PutLoad(KeyCount, isRandom: true);
            foreach (var perBatch in (int[])[1, 16, 128])
            {
                Measure("FASTER, random", () => Faster(folder), random, perBatch, only);
            }

            Measure("FASTER, in order", () => Faster(folder), new PutLoad(KeyCount, isRandom: false), 128, only);
            foreach (var perBatch in (int[])[1, 128])
            {
                Measure("deterministic, random", () => Deterministic(folder), random, perBatch, only);
                Measure("none, random", () => new NoRecords(), random, perBatch, only);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Warm(string folder)
    {
        var load = new PutLoad(100_000, isRandom: true);
        for (var i = 0; i < 3; i++)
        {
            using var machine = new StateMachine(new KeySpace(Faster(folder)));
            Apply(machine, load, i == 0 ? 1 : 64, 0);
            using var other = new StateMachine(new KeySpace(Deterministic(folder)));
            Apply(other, load, i == 0 ? 1 : 64, 0);
            Thread.Sleep(200);
        }
    }

    private static void Measure(string name, Func<IRecordStore> records, PutLoad load, int perBatch, string only)
    {
        name = $"{name}, batch {perBatch}";
        if (!name.Contains(only, StringComparison.Ordinal))
        {
            return;
        }

        using var machine = new StateMachine(new KeySpace(records()));
        GC.Collect();
        Print($"{name}: new keys", Apply(machine, load, perBatch, 0));
        Print($"{name}: overwrite", Apply(machine, load, perBatch, 7));
    }

    /// <summary>Puts every key once; in another order if a seed is given.</summary>
    private static (TimeSpan Took, TimeSpan Worked, TimeSpan Paused, double Allocated) Apply(StateMachine machine, PutLoad load, int perBatch, int seed)
    {
        var order = new int[load.KeyCount];
        for (var i = 0; i < order.Length; i++)
        {
            order[i] = i;
        }

        if (seed != 0)
        {
            new Chance((ulong)seed).Shuffle(order.AsSpan());
        }

        var entries = new Entry[Ahead];
        var answers = new CountedAnswers();
        var ticks = 0L;
        var allocated = 0L;
        var paused = TimeSpan.Zero;
        var worked = TimeSpan.Zero;
        for (var done = 0; done < order.Length; done += Ahead)
        {
            var count = Math.Min(Ahead, order.Length - done);
            for (var i = 0; i < count; i++)
            {
                entries[i] = load.Entry(order[done + i], machine.Applied.Index + (ulong)i + 1);
            }

            var before = GC.GetAllocatedBytesForCurrentThread();
            var pausedBefore = GC.GetTotalPauseDuration();
            var workedBefore = ThreadTime.Now;
            var started = Stopwatch.GetTimestamp();
            for (var from = 0; from < count; from += perBatch)
            {
                machine.Apply(entries.AsSpan(from, Math.Min(perBatch, count - from)), answers);
                machine.Keys.Publish();
            }

            ticks += Stopwatch.GetTimestamp() - started;
            worked += ThreadTime.Now - workedBefore;
            paused += GC.GetTotalPauseDuration() - pausedBefore;
            allocated += GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Invariant.Holds(answers.Good == order.Length);
        return (Stopwatch.GetElapsedTime(0, ticks), worked, paused, (double)allocated / order.Length);
    }

    private static void Print(string what, (TimeSpan Took, TimeSpan Worked, TimeSpan Paused, double Allocated) outcome)
        => Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{what,-52} {KeyCount / outcome.Took.TotalSeconds,10:N0} {outcome.Took.TotalNanoseconds / KeyCount,9:N0} {outcome.Worked.TotalNanoseconds / KeyCount,18:N0} {outcome.Paused.TotalNanoseconds / KeyCount,19:N0} {outcome.Allocated,17:N0}"));

    private static FasterRecordStore Faster(string folder)
        => FasterRecordStore.Create(new PhysicalFileSystem(), Empty(folder), 1);

    private static LogRecordStore Deterministic(string folder)
        => LogRecordStore.Create(new PhysicalFileSystem(), Empty(folder), 1);

    private static string Empty(string folder)
    {
        var room = Path.Join(folder, Guid.NewGuid().ToString("N"));
        foreach (var old in Directory.GetDirectories(folder))
        {
            Directory.Delete(old, recursive: true);
        }

        return Directory.CreateDirectory(room).FullName;
    }

    /// <summary>Forgets every record: what is left is what everything else costs.</summary>
    private sealed class NoRecords : IRecordStore, IRecordReader
    {
        public long DiskBytes => 0;

        public void Put(Revision revision, ReadOnlySpan<byte> record)
        {
        }

        public IRecordReader OpenReader() => this;

        public IRecordCheckpoint BeginCheckpoint() => throw new NotSupportedException();

        public void ReleaseBefore(ReadOnlyMemory<byte> checkpointToken)
        {
        }

        public void Scan(IRecordVisitor visitor)
        {
        }

        public ReclaimOutcome ReclaimStep(long maxBytes, IRecordLiveness liveness) => default;

        public bool TryRead(Revision revision, IRecordSink sink) => false;

        public void Read(ReadOnlySpan<Revision> revisions, IRecordSink sink) => throw new NotSupportedException();

        public void Dispose()
        {
        }
    }
}
