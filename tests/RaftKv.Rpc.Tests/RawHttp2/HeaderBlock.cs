using System.Text;

namespace RaftKv.Rpc.Tests.RawHttp2;

/// <summary>
/// HPACK (RFC 7541), as much as a test peer needs: every header is written as a literal without indexing and without
/// Huffman; reading understands all of it, with one reader for each direction of a connection, since it has a memory.
/// </summary>
internal sealed class HeaderBlock
{
    // Appendix A. Index 1 is the first.
    private static readonly (string Name, string Value)[] StaticTable =
    [
        (":authority", ""), (":method", "GET"), (":method", "POST"), (":path", "/"), (":path", "/index.html"),
        (":scheme", "http"), (":scheme", "https"), (":status", "200"), (":status", "204"), (":status", "206"),
        (":status", "304"), (":status", "400"), (":status", "404"), (":status", "500"), ("accept-charset", ""),
        ("accept-encoding", "gzip, deflate"), ("accept-language", ""), ("accept-ranges", ""), ("accept", ""),
        ("access-control-allow-origin", ""), ("age", ""), ("allow", ""), ("authorization", ""), ("cache-control", ""),
        ("content-disposition", ""), ("content-encoding", ""), ("content-language", ""), ("content-length", ""),
        ("content-location", ""), ("content-range", ""), ("content-type", ""), ("cookie", ""), ("date", ""), ("etag", ""),
        ("expect", ""), ("expires", ""), ("from", ""), ("host", ""), ("if-match", ""), ("if-modified-since", ""),
        ("if-none-match", ""), ("if-range", ""), ("if-unmodified-since", ""), ("last-modified", ""), ("link", ""),
        ("location", ""), ("max-forwards", ""), ("proxy-authenticate", ""), ("proxy-authorization", ""), ("range", ""),
        ("referer", ""), ("refresh", ""), ("retry-after", ""), ("server", ""), ("set-cookie", ""),
        ("strict-transport-security", ""), ("transfer-encoding", ""), ("user-agent", ""), ("vary", ""), ("via", ""),
        ("www-authenticate", ""),
    ];

    // Newest first, as indexes count.
    private readonly List<(string Name, string Value)> _dynamicTable = [];
    private int _dynamicBytes;
    private int _dynamicBytesMax = 4096;

    public static byte[] Encode(params ReadOnlySpan<(string Name, string Value)> headers)
    {
        var block = new List<byte>();
        foreach (var (name, value) in headers)
        {
            block.Add(0x00);
            AddText(block, name);
            AddText(block, value);
        }

        return [.. block];
    }

    /// <exception cref="InvalidDataException">The block breaks the rules of HPACK.</exception>
    public List<(string Name, string Value)> Decode(ReadOnlySpan<byte> block)
    {
        var headers = new List<(string, string)>();
        while (block.Length > 0)
        {
            var first = block[0];
            if ((first & 0x80) != 0)
            {
                headers.Add(Entry(TakeNumber(ref block, 7)));
            }
            else if ((first & 0xe0) == 0x20)
            {
                _dynamicBytesMax = TakeNumber(ref block, 5);
                Evict();
            }
            else
            {
                var isIndexed = (first & 0x40) != 0;
                var nameIndex = TakeNumber(ref block, isIndexed ? 6 : 4);
                var name = nameIndex == 0 ? TakeText(ref block) : Entry(nameIndex).Name;
                var header = (name, TakeText(ref block));
                headers.Add(header);
                if (isIndexed)
                {
                    _dynamicTable.Insert(0, header);
                    _dynamicBytes += SizeOf(header);
                    Evict();
                }
            }
        }

        return headers;
    }

    private static int SizeOf((string Name, string Value) header) => header.Name.Length + header.Value.Length + 32;

    private static void AddText(List<byte> block, string text)
    {
        var bytes = Encoding.Latin1.GetBytes(text);
        AddNumber(block, bytes.Length, 7);
        block.AddRange(bytes);
    }

    // §5.1: what does not fit the prefix follows in groups of seven bits, the lowest first.
    private static void AddNumber(List<byte> block, int number, int prefixBits)
    {
        var full = (1 << prefixBits) - 1;
        if (number < full)
        {
            block.Add((byte)number);
            return;
        }

        block.Add((byte)full);
        for (number -= full; number >= 0x80; number >>= 7)
        {
            block.Add((byte)(number | 0x80));
        }

        block.Add((byte)number);
    }

    private static int TakeNumber(ref ReadOnlySpan<byte> block, int prefixBits)
    {
        var full = (1 << prefixBits) - 1;
        var number = block[0] & full;
        block = block[1..];
        if (number < full)
        {
            return number;
        }

        for (var shift = 0; ; shift += 7)
        {
            var next = block[0];
            block = block[1..];
            number += (next & 0x7f) << shift;
            if ((next & 0x80) == 0)
            {
                return number;
            }
        }
    }

    private static string TakeText(ref ReadOnlySpan<byte> block)
    {
        var isHuffman = (block[0] & 0x80) != 0;
        var length = TakeNumber(ref block, 7);
        var text = block[..length];
        block = block[length..];
        return isHuffman ? HuffmanCode.Decode(text) : Encoding.Latin1.GetString(text);
    }

    private (string Name, string Value) Entry(int index)
    {
        if (index >= 1 && index <= StaticTable.Length)
        {
            return StaticTable[index - 1];
        }

        var dynamicIndex = index - StaticTable.Length - 1;
        return dynamicIndex >= 0 && dynamicIndex < _dynamicTable.Count
            ? _dynamicTable[dynamicIndex]
            : throw new InvalidDataException($"Header index {index} names nothing; {_dynamicTable.Count} headers are remembered.");
    }

    private void Evict()
    {
        while (_dynamicBytes > _dynamicBytesMax)
        {
            _dynamicBytes -= SizeOf(_dynamicTable[^1]);
            _dynamicTable.RemoveAt(_dynamicTable.Count - 1);
        }
    }
}
