using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using RaftKv.Raft;
using RaftKv.Server;
using RaftKv.Server.Replica;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Requests;

namespace RaftKv.Benchmarks.State;

/// <summary>What a whole member costs, alone in its cluster, without the API in front of it: starting with a million keys,
/// the memory it takes then, and what its writers notice of a compaction.</summary>
/// <remarks>
/// <code>dotnet run -c Release --project bench/RaftKv.Benchmarks -- plain open [folder]</code>
/// <code>dotnet run -c Release --project bench/RaftKv.Benchmarks -- plain compaction [folder]</code>
/// <para>A start is measured in a process of its own, from the process's beginning to the first read that is certain to be
/// current. etcd 3.5 with the same data on the same machine: 3.5 s and 759 MB.</para>
/// </remarks>
internal static class MemberPlain
{
    private const int KeyCount = 1_000_000;
    private const int HotKeys = 100_000;
    private const int Writers = 64;
    private const int SteadyWriters = 16;

    public static async Task OpenAsync(string[] arguments)
    {
        if (arguments is ["again", var folder])
        {
            await StartAsync(folder).ConfigureAwait(false);
            return;
        }

        var path = Path.Join(arguments is [var parent, ..] ? parent : Path.GetTempPath(), "raftkv-open");
        try
        {
            var load = new PutLoad(KeyCount, isRandom: false);
            var started = Stopwatch.GetTimestamp();
            await using (var node = await RaftKvNode.StartAsync(Options(path)).ConfigureAwait(false))
            {
                await PutAllAsync(node, load, 0, KeyCount, latencies: null).ConfigureAwait(false);
                Console.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{KeyCount} keys put by {Writers} writers: {KeyCount / Stopwatch.GetElapsedTime(started).TotalSeconds:N0}/s"));
                PrintMemory("the process that put them, the load itself included");
            }

            var bytes = new DirectoryInfo(path).EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length);
            Console.WriteLine($"{bytes >> 20} MiB on the disk");
            for (var i = 0; i < 3; i++)
            {
                Again(path);
            }
        }
        finally
        {
            Directory.Delete(path, recursive: true);
        }
    }

    /// <summary>Rounds of puts without and with a compaction of a million revisions.</summary>
    /// <remarks>A compaction is over in a fraction of a second, so several are looked at together, and only puts that were
    /// under way during one count as beside it. The writers pause between puts: those of a member that is as busy as it
    /// can be wait for each other most of all.</remarks>
    public static async Task CompactionAsync(string[] arguments)
    {
        const int Rounds = 5;
        var path = Path.Join(arguments is [var parent, ..] ? parent : Path.GetTempPath(), "raftkv-compaction");
        try
        {
            var load = new PutLoad(HotKeys, isRandom: true);
            await using var node = await RaftKvNode.StartAsync(Options(path)).ConfigureAwait(false);
            await PutAllAsync(node, load, 0, HotKeys, latencies: null).ConfigureAwait(false);
            var alone = new ConcurrentBag<long>();
            var beside = new ConcurrentBag<long>();
            var compacting = TimeSpan.Zero;
            for (var round = 0; round < Rounds; round++)
            {
                await PutAllAsync(node, load, 0, KeyCount, latencies: null).ConfigureAwait(false);
                await Task.Delay(500).ConfigureAwait(false);
                using var over = new CancellationTokenSource();
                var puts = PutSteadilyAsync(node, load, over.Token);
                await Task.Delay(1_000).ConfigureAwait(false);
                var began = Stopwatch.GetTimestamp();
                var took = await CompactAsync(node, node.Member.OpenViewRevision()).ConfigureAwait(false);
                await Task.Delay(100).ConfigureAwait(false);
                await over.CancelAsync().ConfigureAwait(false);
                compacting += took;
                var ended = began + (long)(took.TotalSeconds * Stopwatch.Frequency);
                foreach (var (start, latency) in await puts.ConfigureAwait(false))
                {
                    if (start + latency < began)
                    {
                        alone.Add(latency);
                    }
                    else if (start < ended)
                    {
                        beside.Add(latency);
                    }
                }
            }

            Print("without", alone, TimeSpan.FromSeconds(Rounds));
            Print("compacting", beside, compacting);
            Console.WriteLine($"  a compaction took {compacting.TotalSeconds / Rounds:F2} s on average");

            var (taken, needed) = node.Member.Space;
            Console.WriteLine($"records: {taken >> 20} MiB taken, {needed >> 20} MiB needed");
            var reclaim = Stopwatch.GetTimestamp();
            node.Member.RequestReclaim();
            while (node.Member.Space.Taken > (2 * node.Member.Space.Needed) + (128L << 20)
                && Stopwatch.GetElapsedTime(reclaim).TotalSeconds < 30)
            {
                await PutAllAsync(node, load, 0, 100, latencies: null).ConfigureAwait(false);
                await Task.Delay(20).ConfigureAwait(false);
            }

            (taken, needed) = node.Member.Space;
            Console.WriteLine(
                $"after reclaiming for {Stopwatch.GetElapsedTime(reclaim).TotalSeconds:F1} s: {taken >> 20} MiB taken, {needed >> 20} MiB needed");
        }
        finally
        {
            Directory.Delete(path, recursive: true);
        }
    }

    private static async Task StartAsync(string path)
    {
        var before = DateTime.Now;
        var options = Options(path);
        await using var node = await RaftKvNode.StartAsync(options).ConfigureAwait(false);
        var opened = DateTime.Now;
        await UntilLedAsync(node).ConfigureAwait(false);
        await node.Member.WaitUntilCurrentAsync(default).ConfigureAwait(false);
        var current = DateTime.Now;
        Invariant.Holds(Count(node) == KeyCount);
        var beginning = Process.GetCurrentProcess().StartTime;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"start: runtime {(before - beginning).TotalSeconds:F2} s, opened after {(opened - beginning).TotalSeconds:F2} s, first current read after {(current - beginning).TotalSeconds:F2} s"));
        PrintMemory("just started");
        await Task.Delay(5_000).ConfigureAwait(false);
        PrintMemory("5 s later");
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long Count(RaftKvNode node)
    {
        using var view = node.Member.OpenView();
        return view.Keys.LiveKeys;
    }

    private static long OpenViewRevision(this IMember member)
    {
        using var view = member.OpenView();
        return view.Revision;
    }

    private static async Task UntilLedAsync(RaftKvNode node)
    {
        while (node.Member.Status.Leader == NodeId.None)
        {
            await Task.Delay(1).ConfigureAwait(false);
        }
    }

    private static async Task<TimeSpan> CompactAsync(RaftKvNode node, long revision)
    {
        var started = Stopwatch.GetTimestamp();
        var request = new WireWriter();
        request.Number(1, revision);
        var error = await ProposeAsync(node, CommandKind.Compact, request.Written.ToArray()).ConfigureAwait(false);
        Invariant.Holds(error == StateError.None);
        await node.Member.WaitUntilCompactedAsync(default).ConfigureAwait(false);
        return Stopwatch.GetElapsedTime(started);
    }

    private static async Task<StateError> ProposeAsync(RaftKvNode node, CommandKind kind, ReadOnlyMemory<byte> request)
    {
        var id = node.Member.NextRequestId();
        var payload = CommandEnvelope.Encode(id, Caller.Nobody, kind, request.Span);
        return (await node.Member.ProposeAsync(payload, id, default).ConfigureAwait(false)).Error;
    }

    /// <summary>Puts by writers that pause after each.</summary>
    private static async Task<List<(long Start, long Took)>> PutSteadilyAsync(
        RaftKvNode node, PutLoad load, CancellationToken over)
    {
        var all = new ConcurrentBag<(long Start, long Took)>();
        var writers = Enumerable.Range(0, SteadyWriters).Select(writer => Task.Run(async () =>
        {
            for (var number = writer; !over.IsCancellationRequested; number += SteadyWriters)
            {
                byte[] request;
                lock (load)
                {
                    request = load.Request(number % load.KeyCount).ToArray();
                }

                var began = Stopwatch.GetTimestamp();
                var error = await ProposeAsync(node, CommandKind.Put, request).ConfigureAwait(false);
                all.Add((began, Stopwatch.GetTimestamp() - began));
                Invariant.Holds(error == StateError.None);
                await Task.Delay(1, CancellationToken.None).ConfigureAwait(false);
            }
        }));
        await Task.WhenAll(writers).ConfigureAwait(false);
        return [.. all];
    }

    private static async Task<TimeSpan> PutAllAsync(
        RaftKvNode node, PutLoad load, int first, int count, ConcurrentBag<long>? latencies)
    {
        await UntilLedAsync(node).ConfigureAwait(false);
        var next = first - 1;
        var started = Stopwatch.GetTimestamp();
        var writers = Enumerable.Range(0, Writers).Select(_ => Task.Run(async () =>
        {
            while (true)
            {
                var number = Interlocked.Increment(ref next);
                if (number >= first + count)
                {
                    return;
                }

                byte[] request;
                lock (load)
                {
                    request = load.Request(number % load.KeyCount).ToArray();
                }

                var began = Stopwatch.GetTimestamp();
                var error = await ProposeAsync(node, CommandKind.Put, request).ConfigureAwait(false);
                latencies?.Add(Stopwatch.GetTimestamp() - began);
                Invariant.Holds(error == StateError.None);
            }
        }));
        await Task.WhenAll(writers).ConfigureAwait(false);
        return Stopwatch.GetElapsedTime(started);
    }

    private static RaftKvOptions Options(string path) => new()
    {
        DataDirectory = path,
        ListenPeer = [new IPEndPoint(IPAddress.Loopback, 0)],
        ListenClient = [new IPEndPoint(IPAddress.Loopback, 0)],
        AdvertisePeerUrls = [new Uri("http://127.0.0.1:1")],
        AdvertiseClientUrls = [new Uri("http://127.0.0.1:1")],
    };

    private static void Print(string what, ConcurrentBag<long> latencies, TimeSpan took)
    {
        var sorted = latencies.ToArray();
        Array.Sort(sorted);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{what,-24} {sorted.Length / took.TotalSeconds,8:N0} puts/s, µs: p50 {At(0.5):N0}, p99 {At(0.99):N0}, p99.9 {At(0.999):N0}, most {At(1):N0}"));

        double At(double share) => sorted[(int)(share * (sorted.Length - 1))] * 1e6 / Stopwatch.Frequency;
    }

    private static void PrintMemory(string what)
    {
        var lines = File.ReadAllLines("/proc/self/status");
        var resident = lines.First(line => line.StartsWith("VmRSS", StringComparison.Ordinal)).Split(':')[1].Trim();
        var most = lines.First(line => line.StartsWith("VmHWM", StringComparison.Ordinal)).Split(':')[1].Trim();
        Console.WriteLine(
            $"memory, {what}: {resident}, at most {most}; of it the collector's {GC.GetTotalMemory(false) >> 20} MiB of {GC.GetGCMemoryInfo().TotalCommittedBytes >> 20} MiB");
    }

    private static void Again(string path)
    {
        Console.Out.Flush();
        var program = Environment.ProcessPath!;
        var isHost = Path.GetFileNameWithoutExtension(program) == "dotnet";
        using var process = Process.Start(new ProcessStartInfo(
            program, [.. isHost ? new[] { typeof(MemberPlain).Assembly.Location } : [], "plain", "open", "again", path]))!;
        process.WaitForExit();
    }
}
