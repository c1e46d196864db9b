using System.Diagnostics;

namespace RaftKv.Benchmarks.Raft;

/// <summary>The same question as <see cref="RaftCoreBenchmarks"/>, answered in seconds.</summary>
internal static class RaftCorePlain
{
    public static void Run()
    {
        Console.WriteLine("members  batch   ns/entry   bytes/entry   bytes/entry/member");
        foreach (var members in new[] { 3, 5 })
        {
            foreach (var batch in new[] { 1, 64 })
            {
                Measure(members, batch);
            }
        }
    }

    private static void Measure(int members, int batch)
    {
        var payloads = new ReadOnlyMemory<byte>[batch];
        Array.Fill(payloads, new byte[256]);
        var cluster = new CoreCluster(members);
        var rounds = 2_000_000 / batch / members;

        // Until the code is compiled for good and the lists have their size.
        Propose(cluster, payloads, rounds);
        Thread.Sleep(200);
        Propose(cluster, payloads, rounds);

        // The best of several: what disturbs is never part of the answer.
        var best = TimeSpan.MaxValue;
        var bytes = 0L;
        for (var attempt = 0; attempt < 7; attempt++)
        {
            var bytesBefore = GC.GetAllocatedBytesForCurrentThread();
            var started = Stopwatch.GetTimestamp();
            Propose(cluster, payloads, rounds);
            var elapsed = Stopwatch.GetElapsedTime(started);
            bytes = GC.GetAllocatedBytesForCurrentThread() - bytesBefore;
            best = elapsed < best ? elapsed : best;
        }

        var entries = (double)rounds * batch;
        var bytesPerEntry = bytes / entries;
        Console.WriteLine(
            $"{members,7}  {batch,5}   {best.TotalNanoseconds / entries,8:F0}   {bytesPerEntry,11:F1}   {bytesPerEntry / members,18:F1}");
    }

    private static void Propose(CoreCluster cluster, ReadOnlyMemory<byte>[] payloads, int rounds)
    {
        for (var round = 0; round < rounds; round++)
        {
            cluster.ProposeAndCommit(payloads);
        }
    }
}
