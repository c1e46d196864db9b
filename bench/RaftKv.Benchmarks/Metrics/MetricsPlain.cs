using System.Diagnostics;
using System.Globalization;
using RaftKv.Benchmarks.State;
using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Rpc;
using RaftKv.Rpc.Server;
using RaftKv.Server.Metrics;
using RaftKv.Storage.Files;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.Records;
using RaftKv.Storage.State;
using RaftKv.Storage.Wal;

namespace RaftKv.Benchmarks.Metrics;

/// <summary>A put's way on one thread, from its entry to what readers see, without what is counted on it and with all of it.</summary>
/// <remarks>
/// <code>dotnet run -c Release --project bench/RaftKv.Benchmarks -- plain metrics [folder]</code>
/// <para>What is counted: of the call, that it was begun, its two messages with their bytes, and how it ended; of the batch, its
/// write to the log, its sync, and its application; with <c>--metrics extensive</c>, also how long the call took. Rounds with
/// and without take turns, and the median of each is told, in processor time.</para>
/// <para>Sketch: a counter is an addition to a cell of its processor, some 5 ns; a put has eight of them, and its share of six
/// in the batch, two of which look at the clock. Against the two or three microseconds of applying it alone, that is a few
/// percent.</para>
/// </remarks>
internal static class MetricsPlain
{
    private const int Keys = 100_000;
    private const int Rounds = 9;

    public static void Run(string[] arguments)
    {
        var folder = Directory.CreateTempSubdirectory("raftkv-metrics-").FullName;
        if (arguments is [var parent, ..])
        {
            Directory.Delete(folder);
            folder = Directory.CreateDirectory(Path.Join(parent, "raftkv-metrics")).FullName;
        }

        try
        {
            var load = new PutLoad(Keys, isRandom: true);
            Console.WriteLine($"{"",-20} {"not counted",14} {"counted",14} {"extensive",14}   ns of processor time a put, medians of {Rounds}");
            foreach (var perBatch in (int[])[1, 16, 128])
            {
                Measure(folder, load, perBatch);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Measure(string folder, PutLoad load, int perBatch)
    {
        var calls = new[] { null, new CallInstruments(isExtensive: false), new CallInstruments(isExtensive: true) };
        var times = calls.Select(_ => new List<double>()).ToArray();
        for (var round = 0; round <= Rounds; round++)
        {
            for (var i = 0; i < calls.Length; i++)
            {
                var took = Put(folder, load, perBatch, calls[i]);
                if (round > 0)
                {
                    times[i].Add(took);
                }
            }
        }

        var medians = times.Select(one => one.Order().ElementAt(Rounds / 2)).ToArray();
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{$"batches of {perBatch}",-20} {medians[0],14:N0} {medians[1],14:N0} {medians[2],14:N0}"));
    }

    private static double Put(string folder, PutLoad load, int perBatch, CallInstruments? calls)
    {
        var room = Directory.CreateDirectory(Path.Join(folder, Guid.NewGuid().ToString("N"))).FullName;
        using var machine = new StateMachine(new KeySpace(LogRecordStore.Create(new PhysicalFileSystem(), room, 1)));
        var put = calls?.Of(new RpcMethod("etcdserverpb.KV", "Put", RpcShape.Unary));
        var stages = put is null ? null : new StageInstruments();
        var answers = new CountedAnswers();
        var entries = new Entry[perBatch];
        var worked = TimeSpan.Zero;
        GC.Collect();
        for (var done = 0; done + perBatch <= Keys; done += perBatch)
        {
            for (var i = 0; i < perBatch; i++)
            {
                entries[i] = load.Entry(done + i, machine.Applied.Index + (ulong)i + 1);
            }

            var before = ThreadTime.Now;
            Apply(machine, entries, answers, put, stages);
            worked += ThreadTime.Now - before;
        }

        Invariant.Holds(answers.Good > 0);
        return worked.TotalNanoseconds / (Keys / perBatch * perBatch);
    }

    private static void Apply(StateMachine machine, Entry[] entries, CountedAnswers answers, IRpcMethodObserver? put, StageInstruments? stages)
    {
        if (put is null || stages is null)
        {
            machine.Apply(entries, answers);
            machine.Keys.Publish();
            return;
        }

        Span<long> began = stackalloc long[entries.Length];
        for (var i = 0; i < entries.Length; i++)
        {
            began[i] = put.Begin();
            put.MessageReceived(entries[i].Payload.Length);
        }

        IWalObserver log = stages;
        log.Written(entries.Length * entries[0].Payload.Length, Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp()));
        log.Synced(Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp()));
        var applied = Stopwatch.GetTimestamp();
        machine.Apply(entries, answers);
        machine.Keys.Publish();
        stages.Applied(applied, entries.Length, TimeSpan.FromSeconds(1));
        for (var i = 0; i < entries.Length; i++)
        {
            put.MessageSent(30);
            put.End(began[i], RpcStatusCode.Ok);
        }
    }
}
