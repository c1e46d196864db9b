namespace RaftKv.Rpc.Server.Http2.Hpack;

/// <summary>
/// Reads the Huffman code of RFC 7541, appendix B, eight bits at a time. The code is canonical: codes of one length are
/// consecutive and in the order of their symbols, so the lengths alone give all of it.
/// </summary>
internal static class HuffmanText
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

    // A tree of tables, each of 256 entries, one for each byte that may come next. An entry is a symbol and how many of
    // the eight bits it takes, or another table and all eight.
    private static readonly Entry[][] Tables = Build();

    /// <summary>At most as many bytes as so many encoded ones can stand for: the shortest code has five bits.</summary>
    public static int MaxBytes(int encodedBytes) => (encodedBytes * 8 / ShortestBits) + 1;

    /// <returns>How many bytes there are, or -1: the bits are no code, contain the end, or the padding is none.</returns>
    public static int Decode(ReadOnlySpan<byte> encoded, Span<byte> text)
    {
        var length = 0;
        var table = Tables[0];
        uint bits = 0;
        var bitCount = 0;

        // What of the code that is being read lies in tables that were left behind.
        var bitsBefore = 0;
        foreach (var next in encoded)
        {
            bits = (bits << 8) | next;
            bitCount += 8;
            while (bitCount >= 8)
            {
                var entry = table[(byte)(bits >> (bitCount - 8))];
                if (!Take(entry, ref table, ref bitCount, ref bitsBefore, text, ref length))
                {
                    return -1;
                }
            }
        }

        // The rest, filled up with ones as the encoder did.
        while (bitCount > 0)
        {
            var padded = (byte)((bits << (8 - bitCount)) | ((1u << (8 - bitCount)) - 1));
            var entry = table[padded];
            if (entry.Bits > bitCount || entry.Table is not null || entry.Bits == 0)
            {
                break;
            }

            if (!Take(entry, ref table, ref bitCount, ref bitsBefore, text, ref length))
            {
                return -1;
            }
        }

        // Padding is the beginning of the code of the end: ones, less than a byte.
        return bitsBefore == 0 && bitCount < 8 && (bits & ((1u << bitCount) - 1)) == (1u << bitCount) - 1 ? length : -1;
    }

    private static bool Take(in Entry entry, ref Entry[] table, ref int bitCount, ref int bitsBefore, Span<byte> text, ref int length)
    {
        if (entry.Table is { } further)
        {
            table = further;
            bitCount -= 8;
            bitsBefore += 8;
            return true;
        }

        if (entry.Bits == 0 || entry.Symbol == EndOfText)
        {
            return false;
        }

        text[length++] = (byte)entry.Symbol;
        bitCount -= entry.Bits;
        bitsBefore = 0;
        table = Tables[0];
        return true;
    }

    private static Entry[][] Build()
    {
        var tables = new List<Entry[]> { new Entry[256] };
        uint code = 0;
        for (var bits = ShortestBits; bits <= LongestBits; bits++)
        {
            for (var symbol = 0; symbol < Lengths.Length; symbol++)
            {
                if (Lengths[symbol] - 'A' + ShortestBits == bits)
                {
                    Add(tables, symbol, code++, bits);
                }
            }

            code <<= 1;
        }

        return [.. tables];
    }

    private static void Add(List<Entry[]> tables, int symbol, uint code, int bits)
    {
        var table = tables[0];
        while (bits > 8)
        {
            ref var entry = ref table[(byte)(code >> (bits - 8))];
            if (entry.Table is null)
            {
                var further = new Entry[256];
                tables.Add(further);
                entry = new Entry(0, 8, further);
            }

            table = entry.Table!;
            bits -= 8;
        }

        // All that begin with the code.
        var first = (int)(code << (8 - bits)) & 0xff;
        for (var rest = 0; rest < 1 << (8 - bits); rest++)
        {
            table[first + rest] = new Entry(symbol, bits, null);
        }
    }

    private readonly record struct Entry(int Symbol, int Bits, Entry[]? Table);
}
