using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace RaftKv.Cli.Tests.Serve;

/// <summary>A span as it arrived, as far as the tests look.</summary>
internal sealed record ArrivedSpan(string Service, string Instance, string Name, string Trace, string Id, string Parent, ulong Began, ulong Ended);

/// <summary>Takes OTLP over gRPC, and reads what it is sent field by field.</summary>
internal sealed class FakeCollector : IAsyncDisposable
{
    private readonly WebApplication _app;

    private FakeCollector(WebApplication app) => _app = app;

    public ConcurrentQueue<ArrivedSpan> Spans { get; } = [];

    public string Address => new Uri(_app.Urls.First()).Authority;

    public static async Task<FakeCollector> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        builder.Logging.ClearProviders();
        var collector = new FakeCollector(builder.Build());
        collector._app.Run(collector.TakeAsync);
        await collector._app.StartAsync(TestContext.Current.CancellationToken);
        return collector;
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private async Task TakeAsync(HttpContext http)
    {
        Assert.Equal("/opentelemetry.proto.collector.trace.v1.TraceService/Export", http.Request.Path);
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body, http.RequestAborted);
        var bytes = body.ToArray();
        Read(bytes[5..(5 + BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(1)))]);
        http.Response.ContentType = "application/grpc";
        http.Response.AppendTrailer("grpc-status", "0");
        await http.Response.Body.WriteAsync(new byte[5], http.RequestAborted);
    }

    private void Read(byte[] request)
    {
        foreach (var resourceSpans in Parts(request, 1))
        {
            var attributes = Parts(resourceSpans, 1).SelectMany(resource => Parts(resource, 1)).ToDictionary(
                pair => Text(Parts(pair, 1).Single()), pair => Text(Parts(Parts(pair, 2).Single(), 1).SingleOrDefault() ?? []), StringComparer.Ordinal);
            foreach (var span in Parts(resourceSpans, 2).SelectMany(scope => Parts(scope, 2)))
            {
                Spans.Enqueue(new ArrivedSpan(
                    attributes.GetValueOrDefault("service.name", ""),
                    attributes.GetValueOrDefault("service.instance.id", ""),
                    Text(Parts(span, 5).Single()),
                    Convert.ToHexStringLower(Parts(span, 1).Single()),
                    Convert.ToHexStringLower(Parts(span, 2).Single()),
                    Convert.ToHexStringLower(Parts(span, 4).SingleOrDefault() ?? []),
                    Fixed(span, 7),
                    Fixed(span, 8)));
            }
        }
    }

    private static string Text(byte[] bytes) => Encoding.UTF8.GetString(bytes);

    private static List<byte[]> Parts(byte[] message, int field)
    {
        var parts = new List<byte[]>();
        var input = new CodedInputStream(message);
        while (input.ReadTag() is not 0 and var tag)
        {
            if (tag == WireFormat.MakeTag(field, WireFormat.WireType.LengthDelimited))
            {
                parts.Add(input.ReadBytes().ToByteArray());
            }
            else
            {
                input.SkipLastField();
            }
        }

        return parts;
    }

    private static ulong Fixed(byte[] message, int field)
    {
        var input = new CodedInputStream(message);
        while (input.ReadTag() is not 0 and var tag)
        {
            if (tag == WireFormat.MakeTag(field, WireFormat.WireType.Fixed64))
            {
                return input.ReadFixed64();
            }

            input.SkipLastField();
        }

        return 0;
    }
}
