using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc.Server;

namespace RaftKv.RpcBench;

/// <summary>
/// The child process. Prints its port, then answers each line on standard input with its CPU time and allocated bytes.
/// All kinds answer a Put with the same response bytes.
/// </summary>
internal static class BenchServer
{
    public const string Path = "/etcdserverpb.KV/Put";
    public const string StreamPath = "/etcdserverpb.Maintenance/Snapshot";

    private static readonly PutResponse Response = new()
    {
        Header = new ResponseHeader { ClusterId = 0xcdf818194e3a8c32, MemberId = 0x8e9e05c52164694d, Revision = 123456, RaftTerm = 7 },
    };

    public static int StreamedMessageBytes => ResponseBytes.Length;

    private static readonly byte[] ResponseBytes = Response.ToByteArray();

    public static async Task RunAsync(string kind)
    {
        await using var server = kind == "bare" ? await StartBareAsync() : await StartOursAsync(kind);
        await Console.Out.WriteLineAsync(server.Port.ToString(CultureInfo.InvariantCulture));
        while (await Console.In.ReadLineAsync() is not null)
        {
            var cpu = Process.GetCurrentProcess().TotalProcessorTime.TotalMicroseconds;
            var allocated = GC.GetTotalAllocatedBytes(precise: true);
            await Console.Out.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{cpu:F0} {allocated}"));
        }
    }

    private static async Task<Running> StartOursAsync(string kind)
    {
        var kv = new RpcService(RpcReflection.Descriptor.Services.Single(service => service.Name == "KV"));
        var options = new RpcHostOptions { Listen = { new RpcListenAddress(new IPEndPoint(IPAddress.Loopback, 0)) }, Services = { kv } };
        if (kind.StartsWith("stream", StringComparison.Ordinal))
        {
            var maintenance = new RpcService(RpcReflection.Descriptor.Services.Single(service => service.Name == "Maintenance"));
            maintenance.ServerStreamingBytes("Snapshot", (_, responses, call) => StreamAsync(responses, call, perFlush: kind == "stream-each" ? 1 : 64));
            options.Services.Add(maintenance);
        }
        else if (kind == "bytes")
        {
            kv.UnaryBytes("Put", (request, response, _) =>
            {
                response.Write(ResponseBytes);
                return default;
            });
        }
        else
        {
            // A response is made per call, as a real handler would.
            kv.Unary<PutRequest, PutResponse>("Put", (request, _) => new(new PutResponse
            {
                Header = new ResponseHeader
                {
                    ClusterId = Response.Header.ClusterId,
                    MemberId = Response.Header.MemberId,
                    Revision = request.Key.Length + 123456,
                    RaftTerm = 7,
                },
            }));
        }

        var host = await RpcHost.StartAsync(options);
        return new Running(host.EndPoints[0].Port, host);
    }

    /// <summary>The same small message, for as long as anybody reads.</summary>
    private static async ValueTask StreamAsync(RpcResponseStream<ReadOnlySequence<byte>> responses, RpcServerCall call, int perFlush)
    {
        var message = new ReadOnlySequence<byte>(ResponseBytes);
        while (!call.CancellationToken.IsCancellationRequested)
        {
            for (var i = 0; i < perFlush; i++)
            {
                responses.Write(message);
            }

            await responses.FlushAsync();
        }
    }

    /// <summary>The least an HTTP/2 server can do for a unary call: read the frame, write fixed bytes, say it went well.</summary>
    private static async Task<Running> StartBareAsync()
    {
        var framed = new byte[5 + ResponseBytes.Length];
        framed[4] = (byte)ResponseBytes.Length;
        ResponseBytes.CopyTo(framed, 5);

        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.Http2.MaxStreamsPerConnection = 10_000;
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2);
        });
        var app = builder.Build();
        app.Run(async http =>
        {
            var body = http.Request.BodyReader;
            while (true)
            {
                var result = await body.ReadAsync();
                if (result.IsCompleted)
                {
                    body.AdvanceTo(result.Buffer.End);
                    break;
                }

                body.AdvanceTo(result.Buffer.Start, result.Buffer.End);
            }

            http.Response.ContentType = "application/grpc";
            http.Response.BodyWriter.Write(framed);
            http.Features.Get<IHttpResponseTrailersFeature>()!.Trailers.GrpcStatus = "0";
        });
        await app.StartAsync();
        return new Running(new Uri(app.Urls.First()).Port, app);
    }

    private sealed record Running(int Port, IAsyncDisposable Server) : IAsyncDisposable
    {
        public ValueTask DisposeAsync() => Server.DisposeAsync();
    }
}
