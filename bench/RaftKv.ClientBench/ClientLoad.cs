using System.Diagnostics;
using System.Globalization;
using RaftKv.Client;

namespace RaftKv.ClientBench;

/// <summary>Gets and puts of one instance, 1, 100 and 1,000 at once.</summary>
internal static class ClientLoad
{
    public static readonly int[] AtOnce = [1, 100, 1000];

    private const int Keys = 1000;

    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(2);

    public static async Task RunAsync(Uri address, TimeSpan duration, int rounds)
    {
        await using var client = RaftKvClient.Connect(new RaftKvClientOptions { Endpoints = [address] });
        var keys = Enumerable.Range(0, Keys).Select(i => (KvBytes)string.Create(CultureInfo.InvariantCulture, $"/registry/pods/default/pod-{i:d6}")).ToArray();
        var value = (KvBytes)new byte[256];
        foreach (var key in keys)
        {
            await client.PutAsync(key, value);
        }

        foreach (var (name, call) in new (string, Func<int, Task>)[]
        {
            ("get", async i => await client.GetAsync(keys[i % Keys])),
            ("put", async i => await client.PutAsync(keys[i % Keys], value)),
        })
        {
            foreach (var atOnce in AtOnce)
            {
                await LoadAsync(call, atOnce, WarmUp);
                var samples = new List<Sample>();
                for (var round = 0; round < rounds; round++)
                {
                    samples.Add(await MeasureAsync(call, atOnce, duration));
                }

                Print("RaftKv.Client", name, atOnce, samples);
            }
        }
    }

    public static void Print(string client, string call, int atOnce, IReadOnlyList<Sample> samples)
    {
        var bytes = Median(samples.Select(one => one.Bytes));
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {client} | {call} | {atOnce} | {Median(samples.Select(one => one.CallsPerSecond)):n0} | {Median(samples.Select(one => one.CpuMicroseconds)):f1} µs | {(bytes > 0 ? $"{bytes:n0} B" : "")} |"));
    }

    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted[sorted.Length / 2];
    }

    private static async Task<Sample> MeasureAsync(Func<int, Task> call, int atOnce, TimeSpan duration)
    {
        using var process = Process.GetCurrentProcess();
        var cpu = process.TotalProcessorTime;
        var bytes = GC.GetTotalAllocatedBytes(precise: true);
        var started = Stopwatch.GetTimestamp();
        var calls = await LoadAsync(call, atOnce, duration);
        var elapsed = Stopwatch.GetElapsedTime(started);
        bytes = GC.GetTotalAllocatedBytes(precise: true) - bytes;
        process.Refresh();
        cpu = process.TotalProcessorTime - cpu;
        return new(calls / elapsed.TotalSeconds, cpu.TotalMicroseconds / calls, (double)bytes / calls);
    }

    private static async Task<long> LoadAsync(Func<int, Task> call, int atOnce, TimeSpan duration)
    {
        var end = Stopwatch.GetTimestamp() + (long)(duration.TotalSeconds * Stopwatch.Frequency);
        return (await Task.WhenAll(Enumerable.Range(0, atOnce).Select(LoopAsync))).Sum();

        async Task<long> LoopAsync(int loop)
        {
            // Each goes through the keys from a place of its own.
            long calls = 0;
            for (; Stopwatch.GetTimestamp() < end; calls++)
            {
                await call((loop * 7919) + (int)calls);
            }

            return calls;
        }
    }
}

/// <summary>What one round came to.</summary>
internal sealed record Sample(double CallsPerSecond, double CpuMicroseconds, double Bytes);
