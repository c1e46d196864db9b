using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using RaftKv.Rpc.Tests.RawHttp2;

namespace RaftKv.Rpc.Tests.Server.Http2;

/// <summary>Requests that are given up when they are answered, but before the answer could leave.</summary>
public sealed class UntakenAnswersTests
{
    private const int Requests = 2000;

    // What a connection keeps for its next requests, and some that are just ending.
    private const int Kept = 200;

    private readonly ConcurrentBag<WeakReference> _streams = [];

    [Fact]
    public async Task Nothing_is_left_of_them_while_the_connections_window_is_shut()
    {
        await using var http = await PlainHttp.StartAsync(AnswerAsync);
        await using var connection = await http.ConnectAsync();
        await connection.WriteAsync(PlainHttp.Get(1, "/65535"));
        Assert.Equal(65_535, (await connection.NextMessageAsync()).Body.Length);

        for (var stream = 3; stream < 3 + (2 * Requests); stream += 2)
        {
            await connection.WriteAsync(PlainHttp.Get(stream, "/1"));
            await connection.NextHeadersAsync(stream);
            await connection.WriteAsync(RawFrame.Reset(stream, Http2Code.Cancel));
        }

        await PlainHttp.HasReadAllAsync(connection);
        await FewAreLeftAsync();
    }

    [Fact]
    public async Task Nothing_is_left_of_them_while_the_client_does_not_read()
    {
        await using var http = await PlainHttp.StartAsync(AnswerAsync);
        await using var connection = await http.ConnectAsync((RawFrame.InitialWindowSize, int.MaxValue));
        await connection.WriteAsync(RawFrame.WindowUpdate(0, 1 << 30), PlainHttp.Get(1, "/100000000"));
        await UntilAsync(() => _streams.Count == 1);

        for (var stream = 3; stream < 3 + (2 * Requests); stream += 2)
        {
            await connection.WriteAsync(PlainHttp.Get(stream, "/1"));
            await UntilAsync(() => _streams.Count == (stream + 1) / 2);
            await connection.WriteAsync(RawFrame.Reset(stream, Http2Code.Cancel));
        }

        await FewAreLeftAsync();
    }

    private async Task AnswerAsync(HttpContext context)
    {
        var length = int.Parse(context.Request.Path.Value![1..], System.Globalization.CultureInfo.InvariantCulture);
        var kept = context.Features.Get<IPersistentStateFeature>()!.State;
        if (!kept.ContainsKey(typeof(UntakenAnswersTests)))
        {
            kept.Add(typeof(UntakenAnswersTests), new object());
        }

        _streams.Add(new WeakReference(kept[typeof(UntakenAnswersTests)]));
        await context.Response.Body.WriteAsync(new byte[length]);
    }

    private async Task FewAreLeftAsync()
    {
        await UntilAsync(() =>
        {
            GC.Collect();
            return _streams.Count(stream => stream.IsAlive) < Kept;
        });
    }

    private async Task UntilAsync(Func<bool> condition)
    {
        for (var since = Stopwatch.StartNew(); !condition();)
        {
            Assert.True(
                since.Elapsed < PlainHttp.Patience,
                $"{_streams.Count} requests were handled; of {_streams.Count(stream => stream.IsAlive)} something is left.");
            await Task.Yield();
        }
    }
}
