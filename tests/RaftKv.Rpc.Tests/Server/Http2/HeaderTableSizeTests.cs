using RaftKv.Rpc.Tests.RawHttp2;

namespace RaftKv.Rpc.Tests.Server.Http2;

/// <summary>A client that keeps a smaller table of headers than usual wants to be told that the server knows (RFC 7541
/// §4.2): those on nghttp2 take the first answer for broken otherwise.</summary>
public sealed class HeaderTableSizeTests
{
    private const ushort HeaderTableSize = 1;

    [Fact]
    public async Task The_first_headers_say_that_the_table_is_smaller()
    {
        await using var http = await PlainHttp.StartAsync(_ => Task.CompletedTask);
        await using var connection = await http.ConnectAsync((HeaderTableSize, 0));

        await connection.WriteAsync(PlainHttp.Get(1));

        var answer = await connection.NextAsync(FrameKind.Headers, 1);
        Assert.Equal(0x20, answer.Payload.Span[0]);
    }
}
