using System.Text;

namespace RaftKv.Rpc.Server.Http2.Hpack;

/// <summary>
/// Reads blocks of compressed headers (RFC 7541). What a client repeats stands in the table as strings, so that most
/// requests of a connection make none.
/// </summary>
/// <param name="rawNames">Names whose values may be any bytes: each becomes one character of the same number.</param>
internal sealed class HeaderDecoder(ISet<string> rawNames)
{
    /// <summary>How large the table may grow; what HTTP/2 begins with, and what we leave it at.</summary>
    public const int TableBytesMax = 4096;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    // A ring; the newest is at _newest.
    private readonly HeaderField[] _table = new HeaderField[TableBytesMax / HeaderField.Overhead];
    private int _newest;
    private int _count;
    private int _tableBytes;
    private int _tableBytesMax = TableBytesMax;
    private byte[] _unpacked = [];

    /// <summary>Reads one block.</summary>
    /// <param name="block">All of it.</param>
    /// <param name="into">Is given the headers, in their order.</param>
    /// <exception cref="Http2Exception">The block breaks the rules of compression, and what comes behind it cannot be read.</exception>
    public void Decode(ReadOnlySpan<byte> block, List<HeaderField> into)
    {
        var at = 0;
        var mayResize = true;
        while (at < block.Length)
        {
            var first = block[at];
            if ((first & 0x80) != 0)
            {
                into.Add(Field(Number(block, ref at, 7)));
            }
            else if ((first & 0x40) != 0)
            {
                var field = Literal(block, ref at, 6);
                Insert(field);
                into.Add(field);
            }
            else if ((first & 0x20) != 0)
            {
                if (!mayResize)
                {
                    throw Broken("a table is resized behind a header");
                }

                Resize(Number(block, ref at, 5));
                continue;
            }
            else
            {
                into.Add(Literal(block, ref at, 4));
            }

            mayResize = false;
        }
    }

    private HeaderField Field(int index)
    {
        if (index == 0)
        {
            throw Broken("a header has index 0");
        }

        if (index <= StaticTable.Count)
        {
            return StaticTable.At(index);
        }

        var behind = index - StaticTable.Count - 1;
        if (behind >= _count)
        {
            throw Broken("an index is behind the table");
        }

        return _table[(_newest - behind + _table.Length) % _table.Length];
    }

    private HeaderField Literal(ReadOnlySpan<byte> block, ref int at, int prefixBits)
    {
        var index = Number(block, ref at, prefixBits);
        string name;
        bool isFit;
        var nameBytes = 0;
        if (index != 0)
        {
            var named = Field(index);
            name = named.Name;
            nameBytes = name.Length;
            isFit = IsFitName(name);
        }
        else
        {
            var bytes = Text(block, ref at);
            nameBytes = bytes.Length;
            name = KnownNames.Find(bytes) ?? Encoding.Latin1.GetString(bytes);
            isFit = IsFitName(name);
        }

        var valueBytes = Text(block, ref at);
        var size = nameBytes + valueBytes.Length + HeaderField.Overhead;
        return new HeaderField(name, Value(name, valueBytes, ref isFit), size, isFit);
    }

    private string Value(string name, ReadOnlySpan<byte> bytes, ref bool isFit)
    {
        if (bytes.IndexOfAny((byte)'\0', (byte)'\r', (byte)'\n') >= 0)
        {
            isFit = false;
            return "";
        }

        if (bytes.IsEmpty)
        {
            return "";
        }

        if (name == ":authority")
        {
            return AuthorityText.HostOf(Encoding.Latin1.GetString(bytes));
        }

        if (rawNames.Contains(name))
        {
            return Encoding.Latin1.GetString(bytes);
        }

        try
        {
            return StrictUtf8.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            isFit = false;
            return "";
        }
    }

    // RFC 9113 §8.2.1, in essence: no upper case, nothing that would end a name.
    private static bool IsFitName(string name)
    {
        if (name.Length == 0)
        {
            return false;
        }

        foreach (var c in name.AsSpan(name[0] == ':' ? 1 : 0))
        {
            if (c is <= ' ' or >= '\x7f' or ':' or (>= 'A' and <= 'Z'))
            {
                return false;
            }
        }

        return name != ":";
    }

    // Lent until the next one.
    private ReadOnlySpan<byte> Text(ReadOnlySpan<byte> block, ref int at)
    {
        if (at == block.Length)
        {
            throw Broken("it ends before a text");
        }

        var isPacked = (block[at] & 0x80) != 0;
        var length = Number(block, ref at, 7);
        if (length > block.Length - at)
        {
            throw Broken("a text is cut off");
        }

        var bytes = block.Slice(at, length);
        at += length;
        if (!isPacked)
        {
            return bytes;
        }

        var most = HuffmanText.MaxBytes(length);
        if (_unpacked.Length < most)
        {
            _unpacked = new byte[Math.Max(256, most)];
        }

        var unpacked = HuffmanText.Decode(bytes, _unpacked);
        return unpacked < 0 ? throw Broken("a text is no Huffman code") : _unpacked.AsSpan(0, unpacked);
    }

    private static int Number(ReadOnlySpan<byte> block, ref int at, int prefixBits)
    {
        var most = (1 << prefixBits) - 1;
        var number = (long)(block[at++] & most);
        if (number < most)
        {
            return (int)number;
        }

        for (var shift = 0; ; shift += 7)
        {
            if (at == block.Length)
            {
                throw Broken("it ends within a number");
            }

            var next = block[at++];
            number += (long)(next & 0x7f) << shift;
            if (number > int.MaxValue || shift > 28)
            {
                throw Broken("a number is too great");
            }

            if (next < 0x80)
            {
                return (int)number;
            }
        }
    }

    private void Insert(HeaderField field)
    {
        Evict(_tableBytesMax - field.Bytes);
        if (field.Bytes > _tableBytesMax)
        {
            return;
        }

        _newest = (_newest + 1) % _table.Length;
        _table[_newest] = field;
        _count++;
        _tableBytes += field.Bytes;
    }

    private void Resize(int bytes)
    {
        if (bytes > TableBytesMax)
        {
            throw Broken("a table is larger than agreed");
        }

        _tableBytesMax = bytes;
        Evict(bytes);
    }

    private void Evict(int bytesMax)
    {
        while (_count > 0 && _tableBytes > bytesMax)
        {
            var oldest = (_newest - _count + 1 + _table.Length) % _table.Length;
            _tableBytes -= _table[oldest].Bytes;
            _table[oldest] = null!;
            _count--;
        }
    }

    private static Http2Exception Broken(string what) => new(Http2Error.Compression, $"headers cannot be read: {what}");
}
