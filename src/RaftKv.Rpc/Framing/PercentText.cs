using System.Buffers;
using System.Text;

namespace RaftKv.Rpc.Framing;

/// <summary>The grpc-message trailer: UTF-8 in which everything but printable ASCII, and '%' itself, is escaped as %XX.</summary>
internal static class PercentText
{
    private static readonly SearchValues<char> PlainChars = SearchValues.Create(Enumerable.Range(0x20, 0x5f).Select(c => (char)c).Where(c => c != '%').ToArray());

    public static string Encode(string text)
    {
        if (text.AsSpan().IndexOfAnyExcept(PlainChars) < 0)
        {
            return text;
        }

        var encoded = new StringBuilder(text.Length + 16);
        foreach (var b in Encoding.UTF8.GetBytes(text))
        {
            if (b is >= 0x20 and <= 0x7e and not (byte)'%')
            {
                encoded.Append((char)b);
            }
            else
            {
                encoded.Append('%').Append(HexDigit(b >> 4)).Append(HexDigit(b & 0xf));
            }
        }

        return encoded.ToString();
    }

    /// <summary>Never fails: an escape that is none is kept as it stands, and broken UTF-8 becomes replacement characters.</summary>
    public static string Decode(string text)
    {
        if (!text.Contains('%', StringComparison.Ordinal))
        {
            return text;
        }

        var bytes = new byte[Encoding.UTF8.GetMaxByteCount(text.Length)];
        var length = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '%' && i + 2 < text.Length && char.IsAsciiHexDigit(text[i + 1]) && char.IsAsciiHexDigit(text[i + 2]))
            {
                bytes[length++] = (byte)((HexValue(text[i + 1]) << 4) | HexValue(text[i + 2]));
                i += 2;
            }
            else
            {
                length += Encoding.UTF8.GetBytes(text.AsSpan(i, 1), bytes.AsSpan(length));
            }
        }

        return Encoding.UTF8.GetString(bytes, 0, length);
    }

    private static char HexDigit(int value) => "0123456789ABCDEF"[value];

    private static int HexValue(char digit) => char.IsAsciiDigit(digit) ? digit - '0' : (digit | 0x20) - 'a' + 10;
}
