using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using Google.Protobuf;
using RaftKv.Protocol.Etcd;

namespace RaftKv.RpcBench;

internal sealed record BenchOptions(int Seconds, int Rounds, int Connections, int Streams);

/// <summary>Runs the three kinds of server under the same load in turn and prints what each call cost them.</summary>
internal static class Comparison
{
    private static readonly string[] Kinds = ["bare", "bytes", "messages"];

    private static readonly byte[] Request = Framed(new PutRequest
    {
        Key = ByteString.CopyFromUtf8("/registry/pods/default/a-pod-with-a-name"),
        Value = ByteString.CopyFrom(new byte[256]),
    });

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
        using var server = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, ["server", kind])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        try
        {
            var port = int.Parse((await server.StandardOutput.ReadLineAsync())!, CultureInfo.InvariantCulture);
            var uri = new Uri($"http://127.0.0.1:{port}{BenchServer.Path}");
            using var load = new Load(uri, options);
            await load.RunAsync(TimeSpan.FromSeconds(3)); // Tiered compilation settles.

            var before = await UsageAsync(server);
            var watch = Stopwatch.StartNew();
            var calls = await load.RunAsync(TimeSpan.FromSeconds(options.Seconds));
            var elapsed = watch.Elapsed;
            var after = await UsageAsync(server);
            return new Sample(
                calls / elapsed.TotalSeconds,
                (after.CpuMicroseconds - before.CpuMicroseconds) / calls,
                (after.AllocatedBytes - before.AllocatedBytes) / calls);
        }
        finally
        {
            server.StandardInput.Close();
            await server.WaitForExitAsync();
        }
    }

    private static async Task<(double CpuMicroseconds, double AllocatedBytes)> UsageAsync(Process server)
    {
        await server.StandardInput.WriteLineAsync();
        await server.StandardInput.FlushAsync();
        var parts = (await server.StandardOutput.ReadLineAsync())!.Split(' ');
        return (double.Parse(parts[0], CultureInfo.InvariantCulture), double.Parse(parts[1], CultureInfo.InvariantCulture));
    }

    private static Sample Median(List<Sample> samples) => new(
        Middle(samples.Select(s => s.CallsPerSecond)),
        Middle(samples.Select(s => s.CpuMicrosecondsPerCall)),
        Middle(samples.Select(s => s.BytesPerCall)));

    private static double Middle(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted[sorted.Length / 2];
    }

    private static byte[] Framed(PutRequest message)
    {
        var framed = new byte[5 + message.CalculateSize()];
        BinaryPrimitives.WriteUInt32BigEndian(framed.AsSpan(1), (uint)(framed.Length - 5));
        message.WriteTo(framed.AsSpan(5));
        return framed;
    }

    private sealed record Sample(double CallsPerSecond, double CpuMicrosecondsPerCall, double BytesPerCall);

    /// <summary>A closed loop of plain HTTP/2 requests: nothing of ours is in the client either.</summary>
    private sealed class Load : IDisposable
    {
        private readonly Uri _uri;
        private readonly BenchOptions _options;
        private readonly HttpMessageInvoker[] _connections;

        public Load(Uri uri, BenchOptions options)
        {
            _uri = uri;
            _options = options;
            _connections = Enumerable.Range(0, options.Connections)
                .Select(_ => new HttpMessageInvoker(new SocketsHttpHandler { EnableMultipleHttp2Connections = false }))
                .ToArray();
        }

        public async Task<double> RunAsync(TimeSpan duration)
        {
            var end = Stopwatch.GetTimestamp() + (long)(duration.TotalSeconds * Stopwatch.Frequency);
            var loops = _connections.SelectMany(connection => Enumerable.Range(0, _options.Streams).Select(_ => LoopAsync(connection, end)));
            return (await Task.WhenAll(loops)).Sum();
        }

        public void Dispose()
        {
            foreach (var connection in _connections)
            {
                connection.Dispose();
            }
        }

        private async Task<long> LoopAsync(HttpMessageInvoker connection, long end)
        {
            long calls = 0;
            var buffer = new byte[512];
            while (Stopwatch.GetTimestamp() < end)
            {
                using var request = new HttpRequestMessage(HttpMethod.Post, _uri)
                {
                    Version = HttpVersion.Version20,
                    VersionPolicy = HttpVersionPolicy.RequestVersionExact,
                    Content = new ByteArrayContent(Request) { Headers = { ContentType = new MediaTypeHeaderValue("application/grpc") } },
                };
                request.Headers.TryAddWithoutValidation("te", "trailers");
                using var response = await connection.SendAsync(request, CancellationToken.None);
                var stream = await response.Content.ReadAsStreamAsync();
                while (await stream.ReadAsync(buffer) > 0)
                {
                }

                if (!response.TrailingHeaders.TryGetValues("grpc-status", out var status) || status.First() != "0")
                {
                    throw new InvalidOperationException($"The call failed: {response}.");
                }

                calls++;
            }

            return calls;
        }
    }
}
