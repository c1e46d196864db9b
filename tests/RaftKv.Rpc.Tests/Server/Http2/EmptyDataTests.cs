using System.Text;
using Microsoft.AspNetCore.Http;
using RaftKv.Rpc.Tests.RawHttp2;

namespace RaftKv.Rpc.Tests.Server.Http2;

/// <summary>Frames of data without data, which are allowed, and say nothing.</summary>
public sealed class EmptyDataTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(10)]
    public async Task They_disturb_nobody_who_waits_for_a_body(int padding)
    {
        var waits = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var http = await PlainHttp.StartAsync(async context =>
        {
            var bytes = new byte[100];
            var reading = context.Request.Body.ReadAsync(bytes);
            waits.SetResult();
            var length = await reading;
            await context.Response.WriteAsync($"got {Encoding.ASCII.GetString(bytes, 0, length)}");
        });
        await using var connection = await http.ConnectAsync();
        await connection.WriteAsync(PlainHttp.Post(1));
        await waits.Task.WaitAsync(PlainHttp.Patience, TestContext.Current.CancellationToken);

        var empty = padding == 0
            ? RawFrame.Data(1, default)
            : new RawFrame(FrameKind.Data, RawFrame.Padded, 1, (byte[])[(byte)padding, .. new byte[padding]]);
        await connection.WriteAsync(empty);
        await PlainHttp.HasReadAllAsync(connection);
        await connection.WriteAsync(RawFrame.Data(1, "it"u8.ToArray(), endStream: true));

        var answer = await connection.NextMessageAsync();
        Assert.Equal(("200", "got it"), (answer.Header(":status"), Encoding.ASCII.GetString(answer.Body)));
        Assert.Empty(http.Errors.Lines);
    }
}
