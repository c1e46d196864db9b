using RaftKv.Rpc.Tests.RawHttp2;

namespace RaftKv.Rpc.Tests.Server.Http2;

/// <summary>What a handler has asked to be told of a client's end, and that fails.</summary>
public sealed class ThrowingCallbackTests
{
    [Fact]
    public async Task It_is_logged_and_the_process_lives()
    {
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var told = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var http = await PlainHttp.StartAsync(async context =>
        {
            using var first = context.RequestAborted.Register(told.SetResult);
            using var second = context.RequestAborted.Register(() => throw new InvalidOperationException("I cannot be told."));
            begun.SetResult();
            await told.Task;
        });
        await using var connection = await http.ConnectAsync();
        await connection.WriteAsync(PlainHttp.Get(1));
        await begun.Task.WaitAsync(PlainHttp.Patience, TestContext.Current.CancellationToken);

        await connection.WriteAsync(RawFrame.Reset(1, Http2Code.Cancel));
        await told.Task.WaitAsync(PlainHttp.Patience, TestContext.Current.CancellationToken);
        await connection.WriteAsync(PlainHttp.Get(3, "/again"));
        await PlainHttp.HasReadAllAsync(connection);
    }
}
