using System.Text;

namespace RaftKv.Rpc.Tests.RawHttp2;

/// <summary>
/// The Huffman code of RFC 7541, appendix B. It is canonical: codes of one length are consecutive and in the order of
/// their symbols, so the lengths alone give all of it.
/// </summary>
internal static class HuffmanCode
{
    private const int ShortestBits = 5;
    private const int LongestBits = 30;
    private const int EndOfText = 256;

    // Bits per symbol, from symbol 0 to 256: 'A' is 5, 'B' is 6, and so on.
    private const string Lengths =
        "ISXXXXXXXTZXXZXXXXXXXXZXXXXXXXXXBFFHIBDGFFDGDBBBAAABBBBBBBCDKBHF"
        + "IBCCCCCCCCCCCCCCCCCCCCCCDCDIOIJBKABABABBBACCBBBABCBAABCCCCCKGJIX"
        + "PRPPRRRSRSSSSSTSTTRSTSSSSQRSRSSTRQPRRSSQSRRTQRSSQQRQSRSSPRRRSRRS"
        + "VVPORSRUVVVWWVTUOQVWWVWTQQVVXWWWPTPQRQQSRRUUTTVSVWVVWWWWWXWWWWWV"
        + "Z";

    private static readonly Dictionary<(int Bits, uint Code), int> Symbols = Build();

    /// <exception cref="InvalidDataException">The bits are no code, or the padding is more than a byte.</exception>
    public static string Decode(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder();
        uint code = 0;
        var bits = 0;
        foreach (var b in bytes)
        {
            for (var i = 7; i >= 0; i--)
            {
                code = (code << 1) | (uint)((b >> i) & 1);
                bits++;
                if (Symbols.TryGetValue((bits, code), out var symbol))
                {
                    text.Append(symbol == EndOfText ? throw new InvalidDataException("A text contains its own end.") : (char)symbol);
                    code = 0;
                    bits = 0;
                }
                else if (bits >= LongestBits)
                {
                    throw new InvalidDataException($"0x{code:x} is no code.");
                }
            }
        }

        // Padding is the beginning of the code of the end: ones, less than a byte.
        var isPadding = bits < 8 && code == (1u << bits) - 1;
        return isPadding ? text.ToString() : throw new InvalidDataException("A text ends inside a code.");
    }

    private static Dictionary<(int Bits, uint Code), int> Build()
    {
        var symbols = new Dictionary<(int, uint), int>();
        uint code = 0;
        for (var bits = ShortestBits; bits <= LongestBits; bits++)
        {
            for (var symbol = 0; symbol < Lengths.Length; symbol++)
            {
                if (Lengths[symbol] - 'A' + ShortestBits == bits)
                {
                    symbols.Add((bits, code++), symbol);
                }
            }

            code <<= 1;
        }

        return symbols;
    }
}
