using RaftKv.Rpc.Tests.RawHttp2;

namespace RaftKv.Rpc.Tests.Server.Http2;

/// <summary>A server that stops, as its clients see it (RFC 9113 §6.8).</summary>
public sealed class FarewellTests
{
    private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _letGo = new(TaskCreationOptions.RunContinuationsAsynchronously);

    [Fact]
    public async Task What_is_in_progress_ends_and_nothing_else_begins()
    {
        await using var http = await StartAsync();
        await using var connection = await http.ConnectAsync();
        await connection.WriteAsync(PlainHttp.Post(1), RawFrame.Data(1, "as "u8.ToArray()));
        await _begun.Task.WaitAsync(PlainHttp.Patience);

        var stopping = http.Host.StopAsync(TestContext.Current.CancellationToken);
        var farewell = await connection.NextAsync(FrameKind.GoAway);
        Assert.Equal(Http2Code.NoError, farewell.Code);
        Assert.Equal(int.MaxValue, farewell.LastStream); // Those on their way are refused one by one.

        await connection.WriteAsync(PlainHttp.Get(3), PlainHttp.Post(5));
        foreach (var stream in new[] { 3, 5 })
        {
            var refusal = await connection.NextAsync(FrameKind.Reset);
            Assert.Equal((stream, Http2Code.RefusedStream), (refusal.Stream, refusal.Code));
        }

        Assert.False(stopping.IsCompleted);
        _letGo.SetResult();
        await connection.WriteAsync(RawFrame.Data(1, "ever"u8.ToArray(), endStream: true));
        var answer = await connection.NextMessageAsync();
        Assert.Equal((1, "as ever"), (answer.Stream, System.Text.Encoding.UTF8.GetString(answer.Body)));

        await EndsAsync(connection);
        await stopping.WaitAsync(PlainHttp.Patience, TestContext.Current.CancellationToken);
        Assert.Empty(http.Errors.Lines);
    }

    [Fact]
    public async Task A_request_given_up_is_not_waited_for_by_its_connection()
    {
        await using var http = await StartAsync();
        await using var connection = await http.ConnectAsync();
        await connection.WriteAsync(PlainHttp.Post(1));
        await _begun.Task.WaitAsync(PlainHttp.Patience);
        var stopping = http.Host.StopAsync(TestContext.Current.CancellationToken);
        Assert.Equal(int.MaxValue, (await connection.NextAsync(FrameKind.GoAway)).LastStream);

        await connection.WriteAsync(RawFrame.Reset(1, Http2Code.Cancel));

        await EndsAsync(connection);
        _letGo.SetResult();
        await stopping.WaitAsync(PlainHttp.Patience, TestContext.Current.CancellationToken);
        Assert.Empty(http.Errors.Lines);
    }

    [Fact]
    public async Task A_connection_that_rests_ends_at_once()
    {
        await using var http = await StartAsync();
        await using var connection = await http.ConnectAsync();
        await PlainHttp.HasReadAllAsync(connection);
        var stopping = http.Host.StopAsync(TestContext.Current.CancellationToken);
        Assert.Equal(int.MaxValue, (await connection.NextAsync(FrameKind.GoAway)).LastStream);
        await EndsAsync(connection);
        await stopping.WaitAsync(PlainHttp.Patience, TestContext.Current.CancellationToken);
    }

    // Echoes what it is sent, once it may.
    private Task<PlainHttp> StartAsync() => PlainHttp.StartAsync(
        async context =>
        {
            _begun.SetResult();
            await _letGo.Task;
            await context.Request.Body.CopyToAsync(context.Response.Body);
        },
        options => options.StopTimeout = TimeSpan.FromMinutes(2));

    // The last word says what was looked at; nothing follows it.
    private static async Task EndsAsync(RawConnection connection)
    {
        var last = await connection.NextAsync(FrameKind.GoAway);
        Assert.Equal(Http2Code.NoError, last.Code);
        Assert.InRange(last.LastStream, 0, 5);
        Assert.Null(await connection.ReadAsync());
    }
}
