using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using Google.Protobuf;
using RaftKv.Protocol.Etcd;

namespace RaftKv.RpcBench;

/// <summary>A closed loop of plain HTTP/2 requests: nothing of ours is in the client either.</summary>
internal sealed class Load : IDisposable
{
    private static readonly byte[] Request = Framed(new PutRequest
    {
        Key = ByteString.CopyFromUtf8("/registry/pods/default/a-pod-with-a-name"),
        Value = ByteString.CopyFrom(new byte[256]),
    });

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

    private static byte[] Framed(PutRequest message)
    {
        var framed = new byte[5 + message.CalculateSize()];
        BinaryPrimitives.WriteUInt32BigEndian(framed.AsSpan(1), (uint)(framed.Length - 5));
        message.WriteTo(framed.AsSpan(5));
        return framed;
    }
}
