using System.Diagnostics;
using System.Globalization;
using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Rpc.Client;

namespace RaftKv.RpcBench;

/// <summary>What a unary call costs the caller: through our channel, and through the bare HTTP/2 client under it.</summary>
internal static class ClientComparison
{
    public static async Task RunAsync(BenchOptions options)
    {
        await using var server = await ServerProcess.StartAsync("bytes");
        using var bare = new Load(server.Address(BenchServer.Path), options);
        await using var channel = new RpcChannel(new RpcChannelOptions { Addresses = [server.Address("/")] });
        var method = RpcMethod.Of<PutRequest, PutResponse>(
            RpcReflection.Descriptor.Services.Single(service => service.Name == "KV").FindMethodByName("Put"));
        var (ofBare, ofOurs) = (new List<Sample>(), new List<Sample>());

        var warmUp = TimeSpan.FromSeconds(3);
        await bare.RunAsync(warmUp);
        await RunAsync(channel, method, options, warmUp);
        for (var round = 0; round < options.Rounds; round++)
        {
            var duration = TimeSpan.FromSeconds(options.Seconds);
            ofBare.Add(await MeasureAsync(() => bare.RunAsync(duration)));
            ofOurs.Add(await MeasureAsync(() => RunAsync(channel, method, options, duration)));
        }

        Console.WriteLine($"unary Put at the client, {options.Connections * options.Streams} calls at once, median of {options.Rounds} rounds of {options.Seconds} s");
        Console.WriteLine("client    calls/s  CPU us/call  bytes/call");
        Print("bare", ofBare);
        Print("channel", ofOurs);
    }

    private static void Print(string name, List<Sample> samples) => Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"{name,-8} {Medians.Of(samples.Select(s => s.CallsPerSecond)),8:F0}  {Medians.Of(samples.Select(s => s.CpuMicroseconds)),11:F2}  {Medians.Of(samples.Select(s => s.Bytes)),10:F0}"));

    private static async Task<Sample> MeasureAsync(Func<Task<double>> load)
    {
        var before = Usage.Own;
        var watch = Stopwatch.StartNew();
        var calls = await load();
        var elapsed = watch.Elapsed;
        var after = Usage.Own;
        return new(
            calls / elapsed.TotalSeconds,
            (after.CpuMicroseconds - before.CpuMicroseconds) / calls,
            (after.AllocatedBytes - before.AllocatedBytes) / calls);
    }

    private static async Task<double> RunAsync(
        RpcChannel channel, RpcMethod<PutRequest, PutResponse> method, BenchOptions options, TimeSpan duration)
    {
        var end = Stopwatch.GetTimestamp() + (long)(duration.TotalSeconds * Stopwatch.Frequency);
        var request = new PutRequest
        {
            Key = ByteString.CopyFromUtf8("/registry/pods/default/a-pod-with-a-name"),
            Value = ByteString.CopyFrom(new byte[256]),
        };
        var loops = Enumerable.Range(0, options.Connections * options.Streams).Select(_ => LoopAsync());
        return (await Task.WhenAll(loops)).Sum();

        async Task<long> LoopAsync()
        {
            long calls = 0;
            for (; Stopwatch.GetTimestamp() < end; calls++)
            {
                await channel.UnaryAsync(method, request);
            }

            return calls;
        }
    }

    private sealed record Sample(double CallsPerSecond, double CpuMicroseconds, double Bytes);
}
