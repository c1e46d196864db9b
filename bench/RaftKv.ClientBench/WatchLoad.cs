using System.Diagnostics;
using System.Globalization;
using RaftKv.Client;

namespace RaftKv.ClientBench;

/// <summary>How fast one watch takes in a history that is there.</summary>
internal static class WatchLoad
{
    private const int Events = 200_000;
    private const int EventsAtOnce = 100;

    public static async Task RunAsync(Uri address, int rounds)
    {
        await using var client = RaftKvClient.Connect(new RaftKvClientOptions { Endpoints = [address] });
        var value = (KvBytes)new byte[256];
        var first = 0L;
        for (var i = 0; i < Events; i += EventsAtOnce)
        {
            var transaction = new Transaction();
            for (var j = 0; j < EventsAtOnce; j++)
            {
                transaction.Then(Operation.Put(string.Create(CultureInfo.InvariantCulture, $"watched/{j:d6}"), value));
            }

            var revision = (await client.CommitAsync(transaction)).Header.Revision;
            first = first == 0 ? revision : first;
        }

        var perSecond = new List<double>();
        var cpu = new List<double>();
        var bytes = new List<double>();
        for (var round = 0; round <= rounds; round++)
        {
            using var process = Process.GetCurrentProcess();
            var cpuBefore = process.TotalProcessorTime;
            var bytesBefore = GC.GetTotalAllocatedBytes(precise: true);
            var started = Stopwatch.GetTimestamp();
            var seen = 0;
            await foreach (var batch in client.WatchAsync(KeyRange.Prefix("watched/"), new WatchOptions { StartRevision = first }))
            {
                seen += batch.Events.Count;
                if (seen >= Events)
                {
                    break;
                }
            }

            // The first round warms up.
            if (round > 0)
            {
                process.Refresh();
                perSecond.Add(seen / Stopwatch.GetElapsedTime(started).TotalSeconds);
                cpu.Add((process.TotalProcessorTime - cpuBefore).TotalMicroseconds / seen);
                bytes.Add((double)(GC.GetTotalAllocatedBytes(precise: true) - bytesBefore) / seen);
            }
        }

        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"one watch, {Events:n0} events of history: {ClientLoad.Median(perSecond):n0} events/s, {ClientLoad.Median(cpu):f2} µs and {ClientLoad.Median(bytes):n0} B for an event"));
    }
}
