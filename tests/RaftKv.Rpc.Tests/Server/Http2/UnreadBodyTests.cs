using Microsoft.AspNetCore.Http;
using RaftKv.Rpc.Server;
using RaftKv.Rpc.Tests.RawHttp2;

namespace RaftKv.Rpc.Tests.Server.Http2;

/// <summary>Handlers that answer without having read the request.</summary>
public sealed class UnreadBodyTests
{
    [Fact]
    public async Task The_client_is_told_to_stop_and_may_send_as_much_on_other_streams()
    {
        await using var http = await PlainHttp.StartAsync(
            context => context.Response.WriteAsync("enough"), options => options.Connections = new RpcConnectionLimits { ConnectionWindowBytes = 65_535 });
        await using var connection = await http.ConnectAsync();
        for (var stream = 1; stream < 201; stream += 2)
        {
            await connection.WriteAsync(PlainHttp.Post(stream), RawFrame.Data(stream, new byte[16_000]), RawFrame.Data(stream, new byte[10_000]));
            Assert.Equal(6, (await connection.NextMessageAsync()).Body.Length);
            Assert.Equal(Http2Code.NoError, (await connection.NextAsync(FrameKind.Reset, stream)).Code);

            // Sent before the client knew.
            await connection.WriteAsync(RawFrame.Data(stream, new byte[5000], endStream: true));
            await PlainHttp.HasReadAllAsync(connection);
        }

        Assert.Empty(http.Errors.Lines);
    }
}
