using System.Text;
using RaftKv.Rpc.Server.Http2.Hpack;
using RaftKv.Rpc.Tests.RawHttp2;

namespace RaftKv.Rpc.Tests.Server.Http2;

/// <summary>The server's Huffman code against the standard's examples, and against the test peer's, written by itself.</summary>
public sealed class HuffmanTextTests
{
    // RFC 7541, appendices C.4 and C.6.
    [Theory]
    [InlineData("www.example.com", "f1e3c2e5f23a6ba0ab90f4ff")]
    [InlineData("no-cache", "a8eb10649cbf")]
    [InlineData("custom-key", "25a849e95ba97d7f")]
    [InlineData("custom-value", "25a849e95bb8e8b4bf")]
    [InlineData("302", "6402")]
    [InlineData("private", "aec3771a4b")]
    [InlineData("Mon, 21 Oct 2013 20:13:21 GMT", "d07abe941054d444a8200595040b8166e082a62d1bff")]
    [InlineData("https://www.example.com", "9d29ad171863c78f0b97c8e9ae82ae43d3")]
    [InlineData("foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1", "94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007")]
    [InlineData("", "")]
    public void The_examples_of_the_standard_read_as_it_says(string text, string encoded)
        => Assert.Equal(text, Read(Convert.FromHexString(encoded)));

    [Theory]
    [InlineData("ff", "eight bits of padding")]
    [InlineData("f1e3c2e5f23a6ba0ab90f4ffff", "a byte of padding")]
    [InlineData("f1e3c2e5f23a6ba0ab90f4fe", "padding with a zero")]
    [InlineData("00", "padding of zeros")]
    [InlineData("fffffffc", "the end, and more")]
    [InlineData("ffffffff", "the end, written out")]
    public void What_is_no_text_is_refused(string encoded, string why)
        => Assert.True(Read(Convert.FromHexString(encoded)) is null, why);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Any_bytes_read_as_the_other_code_reads_them(int seed)
    {
        var chance = new Random(seed);
        var readable = 0;
        for (var i = 0; i < 20_000; i++)
        {
            var bytes = new byte[chance.Next(0, 40)];
            chance.NextBytes(bytes);

            // Long codes begin with ones, which are rare in random bytes; and so is right padding.
            for (var ones = chance.Next(0, 4); ones > 0 && bytes.Length > 0; ones--)
            {
                bytes[chance.Next(bytes.Length)] = 0xff;
            }

            if (bytes.Length > 0 && chance.Next(2) == 0)
            {
                bytes[^1] |= (byte)((1 << chance.Next(1, 8)) - 1);
            }

            var expected = ReadByTheOther(bytes);
            readable += expected is null ? 0 : 1;
            Assert.True(expected == Read(bytes), $"seed {seed}, text {i}: {Convert.ToHexString(bytes)} is {expected ?? "nothing"}, not {Read(bytes) ?? "nothing"}");
        }

        Assert.True(readable > 100, $"Only {readable} could be read at all.");
    }

    [Fact]
    public void Every_byte_can_be_read_between_any_two_others()
    {
        var codes = Enumerable.Range(0, 256).Select(CodeOf).ToArray();
        for (var symbol = 0; symbol < 256; symbol++)
        {
            foreach (var other in new[] { 'a', '&', '\0', '\n', 0xf9 })
            {
                var bits = codes[other] + codes[symbol] + codes[other];
                bits = bits.PadRight((bits.Length + 7) / 8 * 8, '1');
                var bytes = Enumerable.Range(0, bits.Length / 8).Select(i => Convert.ToByte(bits.Substring(8 * i, 8), 2)).ToArray();

                Assert.Equal($"{(char)other}{(char)symbol}{(char)other}", Read(bytes));
            }
        }
    }

    // Found by asking the other code: the shortest bits that it reads as this one byte.
    private static string CodeOf(int symbol) => Codes.Value[symbol];

    private static readonly Lazy<Dictionary<int, string>> Codes = new(() =>
    {
        var codes = new Dictionary<int, string>();
        var open = new Queue<string>([""]);
        while (codes.Count < 256 && open.TryDequeue(out var prefix))
        {
            foreach (var bit in "01")
            {
                var bits = prefix + bit;
                if (SymbolOf(bits) is { } symbol)
                {
                    codes.Add(symbol, bits);
                }
                else if (bits.Length < 30)
                {
                    open.Enqueue(bits);
                }
            }
        }

        return codes;
    });

    // A code eight times over is bytes without padding, and eight times its symbol. Nothing else of its length is.
    private static int? SymbolOf(string bits)
    {
        var eight = string.Concat(Enumerable.Repeat(bits, 8));
        var bytes = Enumerable.Range(0, bits.Length).Select(i => Convert.ToByte(eight.Substring(8 * i, 8), 2)).ToArray();
        return ReadByTheOther(bytes) is { Length: 8 } text && text.All(c => c == text[0]) ? text[0] : null;
    }

    private static string? Read(byte[] encoded)
    {
        var text = new byte[HuffmanText.MaxBytes(encoded.Length)];
        var length = HuffmanText.Decode(encoded, text);
        return length < 0 ? null : Encoding.Latin1.GetString(text, 0, length);
    }

    private static string? ReadByTheOther(byte[] encoded)
    {
        try
        {
            return HuffmanCode.Decode(encoded);
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }
}
