using RaftKv.Rpc.Tests.RawHttp2;

namespace RaftKv.Rpc.Tests.Server.Http2;

/// <summary>Headers that are few bytes on the wire and many to work through.</summary>
public sealed class HeaderListSizeTests
{
    [Fact]
    public async Task One_header_named_twenty_thousand_times_over_is_refused()
    {
        await using var http = await PlainHttp.StartAsync(_ => Task.CompletedTask);
        await using var connection = await http.ConnectAsync();

        // "a" without a value into the table, and again and again from there: each counts for 33 bytes (RFC 9113 §6.5.2),
        // all of them for twenty times the 32 KiB that the server has announced.
        byte[] block = [.. HeaderBlock.Encode(PlainHttp.Head("GET", "/")), 0x40, 1, (byte)'a', 0, .. Enumerable.Repeat((byte)0xbe, 20_000)];
        await connection.WriteAsync([.. GrpcFrames.InPieces(1, block, 16_384, endStream: true)]);

        while (true)
        {
            var frame = await connection.ReadAsync();
            if (frame is null or { Kind: FrameKind.Reset or FrameKind.GoAway })
            {
                return;
            }

            Assert.NotEqual(FrameKind.Headers, frame.Value.Kind);
        }
    }
}
