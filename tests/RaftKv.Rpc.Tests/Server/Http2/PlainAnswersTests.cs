using System.Text;
using Microsoft.AspNetCore.Http;
using RaftKv.Rpc.Tests.RawHttp2;

namespace RaftKv.Rpc.Tests.Server.Http2;

/// <summary>What a plain HTTP endpoint may count on, as under Kestrel.</summary>
public sealed class PlainAnswersTests
{
    [Fact]
    public async Task A_failure_before_the_answer_is_a_500_with_nothing_of_the_answer()
    {
        await using var http = await PlainHttp.StartAsync(context =>
        {
            context.Response.Headers["x-half"] = "done";
            context.Response.BodyWriter.GetSpan(10)[..4].Fill(1);
            context.Response.BodyWriter.Advance(4);
            throw new InvalidOperationException("half way");
        });
        await using var connection = await http.ConnectAsync();

        await connection.WriteAsync(PlainHttp.Get(1));

        var answer = await connection.NextMessageAsync();
        Assert.Equal(("500", null, 0), (answer.Header(":status"), answer.Header("x-half"), answer.Body.Length));
        Assert.Contains("half way", Assert.Single(http.Errors.Lines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_failure_within_the_answer_is_a_reset()
    {
        await using var http = await PlainHttp.StartAsync(async context =>
        {
            await context.Response.WriteAsync("first");
            throw new InvalidOperationException("half way");
        });
        await using var connection = await http.ConnectAsync();

        await connection.WriteAsync(PlainHttp.Get(1));

        Assert.Equal(Http2Code.InternalError, (await connection.NextAsync(FrameKind.Reset, 1)).Code);
        await PlainHttp.HasReadAllAsync(connection);
    }

    [Fact]
    public async Task An_answer_to_HEAD_has_no_body()
    {
        await using var http = await PlainHttp.StartAsync(async context =>
        {
            context.Response.ContentLength = 200_000;
            await context.Response.Body.WriteAsync(new byte[200_000]);
        });
        await using var connection = await http.ConnectAsync();

        await connection.WriteAsync(RawFrame.Headers(1, endStream: true, PlainHttp.Head("HEAD", "/")));

        var answer = await connection.NextMessageAsync();
        Assert.Equal(("200", "200000", 0), (answer.Header(":status"), answer.Header("content-length"), answer.Body.Length));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Who_asked_is_told_of_the_start_and_of_the_end(bool writes)
    {
        var told = new List<string>();
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var http = await PlainHttp.StartAsync(async context =>
        {
            context.Response.OnStarting(() => Tell("starts first", () => context.Response.Headers["x-order"] = string.Join(',', told)));
            context.Response.OnStarting(() => Tell("starts", () => { }));
            context.Response.OnCompleted(() => Tell("ended", ended.SetResult));
            if (writes)
            {
                await context.Response.WriteAsync("body");
                told.Add("written");
            }
        });
        await using var connection = await http.ConnectAsync();

        await connection.WriteAsync(PlainHttp.Get(1));

        var answer = await connection.NextMessageAsync();
        await ended.Task.WaitAsync(PlainHttp.Patience, TestContext.Current.CancellationToken);
        Assert.Equal("starts,starts first", answer.Header("x-order"));
        Assert.Equal(writes ? ["starts", "starts first", "written", "ended"] : ["starts", "starts first", "ended"], told);

        Task Tell(string what, Action then)
        {
            told.Add(what);
            then();
            return Task.CompletedTask;
        }
    }

    [Fact]
    public async Task A_length_that_is_not_what_comes_is_a_reset()
    {
        await using var http = await PlainHttp.StartAsync(async context =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            await context.Response.WriteAsync(Encoding.ASCII.GetString(body.ToArray()));
        });
        await using var connection = await http.ConnectAsync();

        await connection.WriteAsync(PlainHttp.Post(1, ("content-length", "3")), RawFrame.Data(1, "four"u8.ToArray(), endStream: true));
        Assert.Equal(Http2Code.ProtocolError, (await connection.NextAsync(FrameKind.Reset, 1)).Code);
        await connection.WriteAsync(PlainHttp.Post(3, ("content-length", "3")), RawFrame.Data(3, "to"u8.ToArray(), endStream: true));
        Assert.Equal(Http2Code.ProtocolError, (await connection.NextAsync(FrameKind.Reset, 3)).Code);

        // With trailers, which nobody asks for.
        await connection.WriteAsync(
            PlainHttp.Post(5, ("content-length", "4")), RawFrame.Data(5, "four"u8.ToArray()), RawFrame.Headers(5, endStream: true, ("x-late", "yes")));
        Assert.Equal("four", Encoding.ASCII.GetString((await connection.NextMessageAsync()).Body));
    }
}
