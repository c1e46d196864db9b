using RaftKv.Rpc.Server.Http2;
using RaftKv.Rpc.Server.Http2.Hpack;
using RaftKv.Rpc.Tests.RawHttp2;

namespace RaftKv.Rpc.Tests.Server.Http2;

/// <summary>How the server reads blocks of headers, one after the other, as its table changes.</summary>
public sealed class HeaderDecoderTests
{
    public static TheoryData<string, string[], string[]> Examples => new()
    {
        {
            "C.3: requests", ["828684410f7777772e6578616d706c652e636f6d", "828684be58086e6f2d6361636865", "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565"],
            Requests
        },
        {
            "C.4: requests with Huffman code", ["828684418cf1e3c2e5f23a6ba0ab90f4ff", "828684be5886a8eb10649cbf", "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf"],
            Requests
        },
    };

    private static string[] Requests =>
    [
        ":method=GET|:scheme=http|:path=/|:authority=www.example.com",
        ":method=GET|:scheme=http|:path=/|:authority=www.example.com|cache-control=no-cache",
        ":method=GET|:scheme=https|:path=/index.html|:authority=www.example.com|custom-key=custom-value",
    ];

    [Theory]
    [MemberData(nameof(Examples))]
    public void The_examples_of_the_standard_read_as_it_says(string what, string[] blocks, string[] headers)
    {
        var decoder = new HeaderDecoder(new HashSet<string>());

        Assert.Equal(headers, blocks.Select(block => string.Join('|', Read(decoder, Convert.FromHexString(block)).Select(h => $"{h.Name}={h.Value}"))));
        Assert.NotEmpty(what);
    }

    // C.5 and C.6 are answers, under a table of 256 bytes; which the encoder may choose for itself (0x3f 0xe1 0x01).
    [Theory]
    [InlineData("3fe1014803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d", "4803333037c1c0bf", "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31")]
    [InlineData("3fe101488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3", "4883640effc1c0bf", "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007")]
    public void The_examples_with_a_small_table_read_as_the_standard_says(params string[] blocks)
    {
        var decoder = new HeaderDecoder(new HashSet<string>());
        string[] expected =
        [
            ":status=302|cache-control=private|date=Mon, 21 Oct 2013 20:13:21 GMT|location=https://www.example.com",
            ":status=307|cache-control=private|date=Mon, 21 Oct 2013 20:13:21 GMT|location=https://www.example.com",
            ":status=200|cache-control=private|date=Mon, 21 Oct 2013 20:13:22 GMT|location=https://www.example.com|content-encoding=gzip"
                + "|set-cookie=foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
        ];

        Assert.Equal(expected, blocks.Select(block => string.Join('|', Read(decoder, Convert.FromHexString(block)).Select(h => $"{h.Name}={h.Value}"))));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void Whatever_an_encoder_chooses_is_read(int seed)
    {
        var writing = new HeaderWriting(seed);
        var decoder = new HeaderDecoder(new HashSet<string>());
        var other = new HeaderBlock();
        for (var i = 0; i < 2000; i++)
        {
            var (block, headers) = writing.Next();

            Assert.Equal(headers, other.Decode(block));
            var read = Read(decoder, block);
            Assert.True(headers.SequenceEqual(read.Select(field => (field.Name, field.Value))), $"seed {seed}, block {i}: {Convert.ToHexString(block)}");
            Assert.All(read, field => Assert.True(field.IsFit && field.Bytes == field.Name.Length + field.Value.Length + 32));
        }
    }

    [Theory]
    [InlineData("80", "index 0")]
    [InlineData("be", "an index behind an empty table")]
    [InlineData("ffffffff7f", "an index far behind the table")]
    [InlineData("ff80808080808080", "a number without an end")]
    [InlineData("ff", "a number that ends at once")]
    [InlineData("ffffffffff07", "a number beyond 31 bits")]
    [InlineData("000561", "a name cut short")]
    [InlineData("00", "no name")]
    [InlineData("000161", "no value")]
    [InlineData("0001610561", "a value cut short")]
    [InlineData("7f", "a name by an index that is cut short")]
    [InlineData("7e0161", "a name by an index behind the table")]
    [InlineData("3fe21f", "a table one byte larger than agreed")]
    [InlineData("8220", "a new size behind a header")]
    [InlineData("0084ffffffff0178", "a name that is no Huffman code")]
    [InlineData("00016181ff", "a value that is padding and nothing else")]
    public void What_breaks_the_rules_cannot_be_read(string block, string what)
    {
        var decoder = new HeaderDecoder(new HashSet<string>());

        var broken = Assert.Throws<Http2Exception>(() => Read(decoder, Convert.FromHexString(block)));

        Assert.True(broken.Error == Http2Error.Compression, what);
    }

    [Theory]
    [InlineData(7)]
    [InlineData(8)]
    public void Any_bytes_are_read_or_refused(int seed)
    {
        var chance = new Random(seed);
        for (var i = 0; i < 20_000; i++)
        {
            var decoder = new HeaderDecoder(new HashSet<string>());
            for (var blocks = 0; blocks < 3; blocks++)
            {
                var block = new byte[chance.Next(0, 60)];
                chance.NextBytes(block);
                try
                {
                    Read(decoder, block);
                }
                catch (Http2Exception broken) when (broken.Error == Http2Error.Compression)
                {
                    break;
                }
            }
        }
    }

    [Theory]
    [InlineData("Upper", "v")]
    [InlineData("with space", "v")]
    [InlineData("with:colon", "v")]
    [InlineData("", "v")]
    [InlineData(":", "v")]
    [InlineData("n\u00e4me", "v")]
    [InlineData("line", "a\r\nb")]
    [InlineData("zero", "a\0b")]
    [InlineData("bytes", "\u00ff\u00fe")]
    public void What_no_request_may_have_is_unfit_and_leaves_the_table_right(string name, string value)
    {
        var decoder = new HeaderDecoder(new HashSet<string>());
        byte[] unfit = [.. HeaderBlock.Encode((name, value))];
        byte[] fit = [.. HeaderBlock.Encode(("fit", "yes"))];
        unfit[0] = fit[0] = 0x40;

        var field = Assert.Single(Read(decoder, unfit));
        Read(decoder, fit);
        var again = Read(decoder, [0xbf, 0xbe]);

        Assert.False(field.IsFit);
        Assert.Equal(name.Length + value.Length + 32, field.Bytes);
        Assert.Equal([false, true], again.Select(entry => entry.IsFit));
        Assert.Equal(("fit", "yes"), (again[1].Name, again[1].Value));

        // 128 entries of 32 bytes are what a table holds: of one byte less each, and these two are out.
        byte[] small = [.. Enumerable.Repeat<byte[]>([0x40, 1, (byte)'s', 0], 124).SelectMany(bytes => bytes)];
        Read(decoder, small);
        Assert.Throws<Http2Exception>(() => Read(decoder, [0x80 | 0x7f, 62 + 124 - 127]));
    }

    [Fact]
    public void Values_under_raw_names_are_any_bytes()
    {
        var decoder = new HeaderDecoder(new HashSet<string> { "token" });

        var fields = Read(decoder, HeaderBlock.Encode(("token", "\u00ff\u00fe\u0080"), ("other", "gr\u00c3\u00bcn")));

        Assert.Equal([("token", "\u00ff\u00fe\u0080"), ("other", "gr\u00fcn")], fields.Select(field => (field.Name, field.Value)));
        Assert.All(fields, field => Assert.True(field.IsFit));
    }

    private static List<HeaderField> Read(HeaderDecoder decoder, byte[] block)
    {
        var fields = new List<HeaderField>();
        decoder.Decode(block, fields);
        return fields;
    }
}
