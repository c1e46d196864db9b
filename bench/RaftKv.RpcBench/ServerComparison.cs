using System.Diagnostics;
using System.Globalization;

namespace RaftKv.RpcBench;

internal sealed record BenchOptions(int Seconds, int Rounds, int Connections, int Streams);

/// <summary>Runs the three kinds of server under the same load in turn and prints what each call cost them.</summary>
internal static class ServerComparison
{
    private static readonly string[] Kinds = ["bare", "bytes", "messages"];

    public static async Task RunAsync(BenchOptions options)
    {
        var measured = Kinds.ToDictionary(kind => kind, _ => new List<Sample>());
        for (var round = 0; round < options.Rounds; round++)
        {
            // The order turns, so that no kind always follows the same neighbour.
            foreach (var kind in Kinds.Select((_, i) => Kinds[(i + round) % Kinds.Length]))
            {
                measured[kind].Add(await MeasureAsync(kind, options));
            }
        }

        var bare = Median(measured["bare"]);
        Console.WriteLine($"unary Put, 256-byte value, {options.Connections} connections x {options.Streams} streams, median of {options.Rounds} rounds of {options.Seconds} s");
        Console.WriteLine("kind       req/s    CPU us/call  ratio  bytes/call");
        foreach (var kind in Kinds)
        {
            var median = Median(measured[kind]);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{kind,-9} {median.CallsPerSecond,6:F0}  {median.CpuMicrosecondsPerCall,11:F2}  {median.CpuMicrosecondsPerCall / bare.CpuMicrosecondsPerCall,5:F2}  {median.BytesPerCall,10:F0}"));
        }
    }

    private static async Task<Sample> MeasureAsync(string kind, BenchOptions options)
    {
        await using var server = await ServerProcess.StartAsync(kind);
        using var load = new Load(server.Address(BenchServer.Path), options);
        await load.RunAsync(TimeSpan.FromSeconds(3)); // Tiered compilation settles.

        var before = await server.UsageAsync();
        var watch = Stopwatch.StartNew();
        var calls = await load.RunAsync(TimeSpan.FromSeconds(options.Seconds));
        var elapsed = watch.Elapsed;
        var after = await server.UsageAsync();
        return new Sample(
            calls / elapsed.TotalSeconds,
            (after.CpuMicroseconds - before.CpuMicroseconds) / calls,
            (after.AllocatedBytes - before.AllocatedBytes) / calls);
    }

    private static Sample Median(List<Sample> samples) => new(
        Medians.Of(samples.Select(s => s.CallsPerSecond)),
        Medians.Of(samples.Select(s => s.CpuMicrosecondsPerCall)),
        Medians.Of(samples.Select(s => s.BytesPerCall)));

    private sealed record Sample(double CallsPerSecond, double CpuMicrosecondsPerCall, double BytesPerCall);
}
