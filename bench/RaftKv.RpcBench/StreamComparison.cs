using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Rpc.Client;

namespace RaftKv.RpcBench;

/// <summary>
/// How many small messages one server-streaming call carries in a second: written with a flush each, or 64 to a flush;
/// read by a plain HTTP/2 client that only counts bytes, or by ours, message by message.
/// </summary>
internal static class StreamComparison
{
    private const int FrameHeaderBytes = 5;

    private static readonly (string Server, bool IsOurClient)[] Kinds =
        [("stream-each", false), ("stream-each", true), ("stream-batched", false), ("stream-batched", true)];

    public static async Task RunAsync(BenchOptions options)
    {
        var measured = Kinds.ToDictionary(kind => kind, _ => new List<Sample>());
        for (var round = 0; round < options.Rounds; round++)
        {
            foreach (var kind in Kinds.Select((_, i) => Kinds[(i + round) % Kinds.Length]))
            {
                measured[kind].Add(await MeasureAsync(kind.Server, kind.IsOurClient, TimeSpan.FromSeconds(options.Seconds)));
            }
        }

        Console.WriteLine($"one stream of {BenchServer.StreamedMessageBytes}-byte messages, median of {options.Rounds} rounds of {options.Seconds} s");
        Console.WriteLine("server          reader  messages/s  server ns/message  reader ns/message");
        foreach (var kind in Kinds)
        {
            var samples = measured[kind];
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{kind.Server,-14}  {(kind.IsOurClient ? "ours" : "bytes"),-6}  {Medians.Of(samples.Select(s => s.MessagesPerSecond)),10:F0}  {Medians.Of(samples.Select(s => s.ServerNanos)),17:F0}  {Medians.Of(samples.Select(s => s.ReaderNanos)),17:F0}"));
        }
    }

    private static async Task<Sample> MeasureAsync(string kind, bool isOurClient, TimeSpan duration)
    {
        await using var server = await ServerProcess.StartAsync(kind);
        var count = isOurClient ? CountMessagesAsync(server.Address("/")) : CountBytesAsync(server.Address(BenchServer.StreamPath));
        await using var messages = count.GetAsyncEnumerator();
        await AdvanceAsync(messages, TimeSpan.FromSeconds(3)); // Tiered compilation settles.

        var (server0, own0) = (await server.UsageAsync(), Usage.Own);
        var watch = Stopwatch.StartNew();
        var received = await AdvanceAsync(messages, duration);
        var elapsed = watch.Elapsed;
        var (server1, own1) = (await server.UsageAsync(), Usage.Own);
        return new Sample(
            received / elapsed.TotalSeconds,
            (server1.CpuMicroseconds - server0.CpuMicroseconds) * 1000 / received,
            (own1.CpuMicroseconds - own0.CpuMicroseconds) * 1000 / received);
    }

    private static async Task<double> AdvanceAsync(IAsyncEnumerator<double> messages, TimeSpan duration)
    {
        var received = 0.0;
        for (var watch = Stopwatch.StartNew(); watch.Elapsed < duration && await messages.MoveNextAsync();)
        {
            received += messages.Current;
        }

        return received;
    }

    private static async IAsyncEnumerable<double> CountMessagesAsync(Uri address)
    {
        var maintenance = RpcReflection.Descriptor.Services.Single(service => service.Name == "Maintenance");
        await using var channel = new RpcChannel(new RpcChannelOptions { Addresses = [address] });
        await using var call = channel.ServerStreaming(RpcMethod.OfBytes(maintenance.FindMethodByName("Snapshot")), default);
        const int PerReport = 1000; // Looking at the clock should not be what is measured.
        var sinceReport = 0;
        await foreach (var _ in call.Responses)
        {
            if (++sinceReport == PerReport)
            {
                sinceReport = 0;
                yield return PerReport;
            }
        }
    }

    private static async IAsyncEnumerable<double> CountBytesAsync(Uri uri)
    {
        using var http = new HttpMessageInvoker(new SocketsHttpHandler());
        using var request = new HttpRequestMessage(HttpMethod.Post, uri)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(new byte[FrameHeaderBytes]) { Headers = { ContentType = new MediaTypeHeaderValue("application/grpc") } },
        };
        using var response = await http.SendAsync(request, CancellationToken.None);
        await using var stream = await response.Content.ReadAsStreamAsync();
        var buffer = new byte[16 * 1024];
        for (var read = await stream.ReadAsync(buffer); read > 0; read = await stream.ReadAsync(buffer))
        {
            yield return (double)read / (FrameHeaderBytes + BenchServer.StreamedMessageBytes);
        }
    }

    private sealed record Sample(double MessagesPerSecond, double ServerNanos, double ReaderNanos);
}
