using Microsoft.AspNetCore.Http;
using RaftKv.Rpc.Tests.RawHttp2;

namespace RaftKv.Rpc.Tests.Server.Http2;

/// <summary>Requests that are reset in the middle of their bodies, and what comes behind them on objects used before.</summary>
public sealed class PooledStreamsTests
{
    private const int Rounds = 400;
    private const int BodyBytes = 3_000;

    private readonly Random _random = new(1);

    [Theory]
    [InlineData(Moment.AtOnce)]
    [InlineData(Moment.WhenTheServerHasIt)]
    [InlineData(Moment.WhenTheHandlerWaitsForMore)]
    public async Task The_next_requests_are_themselves(Moment moment)
    {
        await using var http = await PlainHttp.StartAsync(EchoAsync);
        await using var connection = await http.ConnectAsync();
        await connection.WriteAsync(RawFrame.WindowUpdate(0, 1 << 30));
        for (var (round, stream) = (0, 1); round < Rounds; round++, stream += 6)
        {
            var half = Body();
            RawFrame[] begun = [PlainHttp.Post(stream, ("mark", $"{stream}"), ("given-up", "yes")), RawFrame.Data(stream, half)];
            RawFrame[] reset = [RawFrame.Reset(stream, Http2Code.Cancel)];
            var (one, other) = (Body(), Body());
            RawFrame[] next =
            [
                PlainHttp.Post(stream + 2, ("mark", $"{stream + 2}")),
                PlainHttp.Post(stream + 4, ("mark", $"{stream + 4}")),
                RawFrame.Data(stream + 2, one.AsMemory(0, BodyBytes / 3)),
                RawFrame.Data(stream + 4, other, endStream: true),
                RawFrame.Data(stream + 2, one.AsMemory(BodyBytes / 3), endStream: true),
            ];
            if (moment == Moment.AtOnce)
            {
                await connection.WriteAsync([.. begun, .. reset, .. next]);
            }
            else
            {
                await connection.WriteAsync(begun);
                await ComesAsync(connection, moment, stream, half);
                await connection.WriteAsync([.. reset, .. next]);
            }

            RawMessage[] answers = [await connection.NextMessageAsync(), await connection.NextMessageAsync()];
            IsEchoOf(one, Assert.Single(answers, answer => answer.Stream == stream + 2));
            IsEchoOf(other, Assert.Single(answers, answer => answer.Stream == stream + 4));
        }

        Assert.Empty(http.Errors.Lines);
    }

    public enum Moment
    {
        AtOnce,
        WhenTheServerHasIt,
        WhenTheHandlerWaitsForMore,
    }

    private static async Task EchoAsync(HttpContext context)
    {
        context.Response.Headers["mark"] = context.Request.Headers["mark"];
        context.Response.Headers["given-up"] = context.Request.Headers["given-up"].Count == 0 ? "no" : "yes";
        var buffer = new byte[BodyBytes];
        while (await context.Request.Body.ReadAsync(buffer) is > 0 and var bytes)
        {
            await context.Response.Body.WriteAsync(buffer.AsMemory(0, bytes));
            await context.Response.Body.FlushAsync();
        }
    }

    private static async Task ComesAsync(RawConnection connection, Moment moment, int stream, byte[] half)
    {
        if (moment == Moment.WhenTheServerHasIt)
        {
            await PlainHttp.HasReadAllAsync(connection);
            return;
        }

        await connection.NextHeadersAsync(stream);
        Assert.Equal(half, (await connection.NextAsync(FrameKind.Data, stream)).Payload.ToArray());
    }

    private static void IsEchoOf(byte[] body, RawMessage answer)
    {
        Assert.Equal("200", answer.Header(":status"));
        Assert.Equal($"{answer.Stream}", answer.Header("mark"));
        Assert.Equal("no", answer.Header("given-up"));
        Assert.Equal(body, answer.Body);
    }

    private byte[] Body()
    {
        var body = new byte[BodyBytes];
        _random.NextBytes(body);
        return body;
    }
}
