namespace RaftKv.Rpc.Tests.RawHttp2;

/// <summary>The test peer itself, against the examples of the standards.</summary>
public sealed class RawHttp2Tests
{
    // RFC 7541, C.4.1 to C.4.3: three requests on one connection, with Huffman and a growing memory.
    [Fact]
    public void The_examples_of_the_header_standard_decode_as_it_says()
    {
        var block = new HeaderBlock();

        Assert.Equal(
            [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com")],
            block.Decode(Convert.FromHexString("828684418cf1e3c2e5f23a6ba0ab90f4ff")));
        Assert.Equal(
            [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com"), ("cache-control", "no-cache")],
            block.Decode(Convert.FromHexString("828684be5886a8eb10649cbf")));
        Assert.Equal(
            [(":method", "GET"), (":scheme", "https"), (":path", "/index.html"), (":authority", "www.example.com"), ("custom-key", "custom-value")],
            block.Decode(Convert.FromHexString("828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf")));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(126)]
    [InlineData(127)]
    [InlineData(128)]
    [InlineData(5000)]
    public void Headers_of_any_length_survive_the_way_through(int length)
    {
        var value = new string('v', length);

        Assert.Equal([("name", value)], new HeaderBlock().Decode(HeaderBlock.Encode(("name", value))));
    }

    [Fact]
    public void A_frame_keeps_its_parts_through_its_bytes()
    {
        var bytes = RawFrame.GoAway(7, Http2Code.EnhanceYourCalm, "too_many_pings").ToBytes();
        var (kind, flags, stream, length) = RawFrame.ParseHeader(bytes);

        Assert.Equal((FrameKind.GoAway, (byte)0, 0, 22), (kind, flags, stream, length));
        var frame = new RawFrame(kind, flags, stream, bytes.AsMemory(RawFrame.HeaderSize));
        Assert.Equal((7, Http2Code.EnhanceYourCalm), (frame.LastStream, frame.Code));
    }
}
