using System.Diagnostics;
using System.Globalization;
using RaftKv.Raft;
using RaftKv.Storage.Files;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.Records;
using RaftKv.Storage.Records.Faster;

namespace RaftKv.Benchmarks.Records;

/// <summary>What the record store costs: puts, reads from memory and from the disk, opening, memory.</summary>
/// <remarks>
/// <code>dotnet run -c Release --project bench/RaftKv.Benchmarks -- plain records [folder]</code>
/// <para>A record is 352 bytes: a key of 64, a value of 256, and what mvccpb.KeyValue adds. An opening is measured in a
/// process of its own, which this program starts, so that the memory it reports is the opening's.</para>
/// </remarks>
internal static class RecordStorePlain
{
    private const int Count = 1_000_000;
    private const int RecordBytes = 352;
    private const ulong Identity = 0xFEED;

    public static void Run(string[] arguments)
    {
        switch (arguments)
        {
            case ["open", var folder, var token]:
                MeasureOpening(folder, Convert.FromHexString(token));
                break;
            case ["idle", var folder]:
                MeasureIdle(folder);
                break;
            default:
                Measure(Directory.CreateDirectory(
                    Path.Join(arguments is [var parent, ..] ? parent : Path.GetTempPath(), "raftkv-records")).FullName);
                break;
        }
    }

    private static void Measure(string folder)
    {
        try
        {
            var inMemory = new FasterRecordStoreOptions { MemoryBytes = 512L << 20 };
            MeasureStore("all in memory (512 MiB)", folder, inMemory);
            var budget = new FasterRecordStoreOptions { MemoryBytes = 64L << 20 };
            var token = MeasureStore("data 5x over memory (64 MiB)", folder, budget);

            Console.WriteLine();
            Again("idle", Directory.CreateDirectory(Path.Join(folder, "idle")).FullName);
            Again("open", folder, Convert.ToHexString(token.Span));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static ReadOnlyMemory<byte> MeasureStore(string name, string folder, FasterRecordStoreOptions options)
    {
        Console.WriteLine();
        Console.WriteLine($"{name}: {Count} records of {RecordBytes} bytes          per second        ns each");
        using var store = FasterRecordStore.Create(new PhysicalFileSystem(), folder, Identity, options);
        var record = new byte[RecordBytes];
        new Chance(1).Fill(record);
        var isPut = false;
        Report("put", Count, () =>
        {
            for (var main = 1; main <= Count; main++)
            {
                store.Put(new Revision(main, 0), record);
            }

            isPut = true;
        });
        Invariant.Holds(isPut);

        var checkpoint = store.BeginCheckpoint();
        Report("checkpoint of all that", 1, checkpoint.Wait);

        foreach (var threads in (int[])[1, 2])
        {
            Read(store, 1, threads); // Until the code is compiled for good.
            Report($"read one, random, {threads} threads", Count * threads, () => Read(store, 1, threads));
            Report($"read 100 together, random, {threads} threads", Count * threads, () => Read(store, 100, threads));
        }

        Report("scan", Count, () => store.Scan(new Counting()));
        MeasureLatency(store);
        Console.WriteLine($"memory of the process {Environment.WorkingSet >> 20} MiB, files {store.DiskBytes >> 20} MiB");

        MeasureReclaiming(store);
        checkpoint = store.BeginCheckpoint();
        checkpoint.Wait();
        store.ReleaseBefore(checkpoint.Token);
        Console.WriteLine($"files afterwards {store.DiskBytes >> 20} MiB");

        // Whole again, for the opening.
        for (var main = 1; main <= Count; main++)
        {
            if (main % 10 != 0)
            {
                store.Put(new Revision(main, 0), record);
            }
        }

        checkpoint = store.BeginCheckpoint();
        checkpoint.Wait();
        return checkpoint.Token;
    }

    private static void MeasureReclaiming(FasterRecordStore store)
    {
        var liveness = new OneInTen();
        var looked = 0L;
        var longest = TimeSpan.Zero;
        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            var step = Stopwatch.GetTimestamp();
            var outcome = store.ReclaimStep(256 * 1024, liveness);
            longest = TimeSpan.FromTicks(Math.Max(longest.Ticks, Stopwatch.GetElapsedTime(step).Ticks));
            if (outcome.LookedThrough == 0)
            {
                break;
            }

            looked += outcome.LookedThrough;
        }

        var took = Stopwatch.GetElapsedTime(started);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"reclaimed {looked >> 20} MiB of which a tenth is live in {took.TotalSeconds:F2} s, longest step of 256 KiB {longest.TotalMilliseconds:F1} ms"));
    }

    private static void MeasureLatency(FasterRecordStore store)
    {
        var chance = new Chance(3);
        using var reader = store.OpenReader();
        var sink = new Counting();
        var samples = new long[200_000];
        for (var i = 0; i < samples.Length; i++)
        {
            var started = Stopwatch.GetTimestamp();
            reader.TryRead(new Revision(1 + chance.Below(Count), 0), sink);
            samples[i] = Stopwatch.GetTimestamp() - started;
        }

        Array.Sort(samples);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"one read, µs: p50 {Micros(samples[samples.Length / 2]):F1}, p99 {Micros(samples[samples.Length * 99 / 100]):F1}, p99.9 {Micros(samples[samples.Length * 999 / 1000]):F1}"));

        static double Micros(long ticks) => ticks * 1e6 / Stopwatch.Frequency;
    }

    private static void Read(FasterRecordStore store, int together, int threads)
    {
        var workers = new Thread[threads];
        for (var i = 0; i < threads; i++)
        {
            var chance = new Chance((ulong)i + 1);
            workers[i] = new Thread(() =>
            {
                using var reader = store.OpenReader();
                var sink = new Counting();
                var revisions = new Revision[together];
                for (var done = 0; done < Count; done += together)
                {
                    for (var j = 0; j < together; j++)
                    {
                        revisions[j] = new Revision(1 + chance.Below(Count), 0);
                    }

                    if (together == 1)
                    {
                        Invariant.Holds(reader.TryRead(revisions[0], sink));
                    }
                    else
                    {
                        reader.Read(revisions, sink);
                    }
                }

                Invariant.Holds(sink.Bytes == (long)Count * RecordBytes);
            });
            workers[i].Start();
        }

        foreach (var worker in workers)
        {
            worker.Join();
        }
    }

    private static void MeasureIdle(string folder)
    {
        var before = Environment.WorkingSet;
        using var store = FasterRecordStore.Create(new PhysicalFileSystem(), folder, Identity);
        store.Put(new Revision(1, 0), new byte[RecordBytes]);
        Console.WriteLine(
            $"idle: memory of the process {Environment.WorkingSet >> 20} MiB, before there was a store {before >> 20} MiB");
    }

    private static void MeasureOpening(string folder, byte[] token)
    {
        var before = Environment.WorkingSet;
        var started = Stopwatch.GetTimestamp();
        using var store = FasterRecordStore.Open(new PhysicalFileSystem(), folder, Identity, token);
        var opened = Stopwatch.GetElapsedTime(started);
        var sink = new Counting();
        store.Scan(sink);
        var scanned = Stopwatch.GetElapsedTime(started);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"open with the default budget: {opened.TotalSeconds:F2} s, and a scan of {sink.Count} records {(scanned - opened).TotalSeconds:F2} s; memory of the process {Environment.WorkingSet >> 20} MiB, before {before >> 20} MiB"));
    }

    private static void Again(params string[] arguments)
    {
        Console.Out.Flush();
        var program = Environment.ProcessPath!;
        var isHost = Path.GetFileNameWithoutExtension(program) == "dotnet";
        using var process = Process.Start(new ProcessStartInfo(
            program, [.. isHost ? new[] { typeof(RecordStorePlain).Assembly.Location } : [], "plain", "records", .. arguments]))!;
        process.WaitForExit();
    }

    private static void Report(string what, int count, Action action)
    {
        var started = Stopwatch.GetTimestamp();
        action();
        var took = Stopwatch.GetElapsedTime(started);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{what,-45} {count / took.TotalSeconds,12:N0} {took.TotalNanoseconds / count,14:N1}"));
    }

    private sealed class Counting : IRecordSink, IRecordVisitor
    {
        public long Count { get; private set; }

        public long Bytes { get; private set; }

        public void Accept(Revision revision, ReadOnlySpan<byte> record) => Bytes += record.Length;

        public void Visit(Revision revision, ReadOnlySpan<byte> record) => Count++;
    }

    private sealed class OneInTen : IRecordLiveness
    {
        public bool IsLive(Revision revision, ReadOnlySpan<byte> record) => revision.Main % 10 == 0;
    }
}
