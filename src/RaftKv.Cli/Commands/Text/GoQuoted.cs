using System.Buffers;
using System.Globalization;
using System.Text;

namespace RaftKv.Cli.Commands.Text;

/// <summary>Strings in double quotes as Go writes and reads them.</summary>
/// <example>The bytes 61 0a 22 ff are "a\n\"\xff".</example>
internal static class GoQuoted
{
    public static string Of(string text) => Of(ByteText.Bytes(text));

    public static string Of(ReadOnlySpan<byte> bytes)
    {
        var quoted = new StringBuilder(bytes.Length + 2).Append('"');
        while (!bytes.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(bytes, out var rune, out var length) != OperationStatus.Done)
            {
                length = 1;
                Append(quoted, $"\\x{bytes[0]:x2}");
            }
            else
            {
                AppendRune(quoted, rune);
            }

            bytes = bytes[length..];
        }

        return quoted.Append('"').ToString();
    }

    /// <summary>Reads a string in double quotes at the start of a text.</summary>
    /// <returns>How many characters it takes there, or 0 if it is none.</returns>
    public static int Read(ReadOnlySpan<char> text, out byte[] bytes)
    {
        bytes = [];
        if (text is not ['"', ..])
        {
            return 0;
        }

        var content = new ArrayBufferWriter<byte>();
        for (var i = 1; i < text.Length;)
        {
            if (text[i] == '"')
            {
                bytes = content.WrittenSpan.ToArray();
                return i + 1;
            }

            if (text[i] == '\n')
            {
                return 0;
            }

            var length = text[i] == '\\' ? ReadEscape(text[i..], content) : ReadPlain(text[i..], content);
            if (length == 0)
            {
                return 0;
            }

            i += length;
        }

        return 0;
    }

    private static void AppendRune(StringBuilder quoted, Rune rune)
    {
        switch (rune.Value)
        {
            case '"' or '\\':
                quoted.Append('\\').Append((char)rune.Value);
                break;
            case >= '\a' and <= '\r':
                quoted.Append('\\').Append("abtnvfr"[rune.Value - '\a']);
                break;
            case < ' ' or 0x7f:
                Append(quoted, $"\\x{rune.Value:x2}");
                break;
            case var value when IsPrintable(rune):
                quoted.Append(char.ConvertFromUtf32(value));
                break;
            case < 0x10000:
                Append(quoted, $"\\u{rune.Value:x4}");
                break;
            default:
                Append(quoted, $"\\U{rune.Value:x8}");
                break;
        }
    }

    private static void Append(StringBuilder quoted, FormattableString escape) => quoted.Append(FormattableString.Invariant(escape));

    private static bool IsPrintable(Rune rune) => rune.Value == ' ' || Rune.GetUnicodeCategory(rune)
        is <= UnicodeCategory.OtherNumber
        or (>= UnicodeCategory.ConnectorPunctuation and <= UnicodeCategory.OtherSymbol);

    private static int ReadPlain(ReadOnlySpan<char> text, ArrayBufferWriter<byte> content)
    {
        var length = char.IsHighSurrogate(text[0]) && text.Length > 1 ? 2 : 1;
        content.Write(ByteText.Bytes(text[..length].ToString()));
        return length;
    }

    private static int ReadEscape(ReadOnlySpan<char> text, ArrayBufferWriter<byte> content)
    {
        if (text.Length < 2)
        {
            return 0;
        }

        var kind = text[1];
        var simple = "abtnvfr".IndexOf(kind, StringComparison.Ordinal);
        if (simple >= 0)
        {
            content.Write([(byte)('\a' + simple)]);
            return 2;
        }

        if (kind is '\\' or '"')
        {
            content.Write([(byte)kind]);
            return 2;
        }

        return kind switch
        {
            'x' => ReadNumber(text[2..], 16, 2, isByte: true, content, 2),
            'u' => ReadNumber(text[2..], 16, 4, isByte: false, content, 2),
            'U' => ReadNumber(text[2..], 16, 8, isByte: false, content, 2),
            >= '0' and <= '7' => ReadNumber(text[1..], 8, 3, isByte: true, content, 1),
            _ => 0,
        };
    }

    private static int ReadNumber(ReadOnlySpan<char> text, int radix, int digits, bool isByte, ArrayBufferWriter<byte> content, int prefix)
    {
        if (text.Length < digits)
        {
            return 0;
        }

        var number = 0L;
        foreach (var digit in text[..digits])
        {
            var value = char.IsAsciiHexDigit(digit) ? Convert.ToInt32(digit.ToString(), 16) : radix;
            if (value >= radix)
            {
                return 0;
            }

            number = (number * radix) + value;
        }

        if (isByte)
        {
            if (number > byte.MaxValue)
            {
                return 0;
            }

            content.Write([(byte)number]);
            return prefix + digits;
        }

        if (number > int.MaxValue || !Rune.IsValid((int)number))
        {
            return 0;
        }

        content.Advance(new Rune((int)number).EncodeToUtf8(content.GetSpan(4)));
        return prefix + digits;
    }
}
