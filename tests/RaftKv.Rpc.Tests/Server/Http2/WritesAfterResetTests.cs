using RaftKv.Rpc.Tests.RawHttp2;

namespace RaftKv.Rpc.Tests.Server.Http2;

/// <summary>Handlers that go on writing to a client that has given them up.</summary>
public sealed class WritesAfterResetTests
{
    [Fact]
    public async Task What_they_write_is_held_by_nobody()
    {
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var held = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var http = await PlainHttp.StartAsync(async context =>
        {
            var gone = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            using var onGone = context.RequestAborted.Register(gone.SetResult);
            begun.SetResult();
            await gone.Task;

            // As a copy of a file does, which looks at nothing but what throws.
            for (var i = 0; i < 100; i++)
            {
                await context.Response.Body.WriteAsync(new byte[10_000]);
            }

            held.SetResult(context.Response.BodyWriter.UnflushedBytes);
        });
        await using var connection = await http.ConnectAsync();
        await connection.WriteAsync(PlainHttp.Get(1));
        await begun.Task.WaitAsync(PlainHttp.Patience, TestContext.Current.CancellationToken);

        await connection.WriteAsync(RawFrame.Reset(1, Http2Code.Cancel));

        Assert.Equal(0, await held.Task.WaitAsync(PlainHttp.Patience, TestContext.Current.CancellationToken));
    }
}
