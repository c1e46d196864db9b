using System.Buffers;
using System.Text;
using Google.Protobuf;

namespace RaftKv.Cli.Commands.Text;

/// <summary>
/// Bytes as a string that gives them back: keys and values are any bytes, but flags and arguments are strings. What is
/// not UTF-8 becomes a lone surrogate, one for each byte, which no UTF-8 text decodes to.
/// </summary>
/// <example>The bytes 61 ff become "a\udcff".</example>
internal static class ByteText
{
    private const char FirstEscape = '\udc00';

    public static string Decode(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder(bytes.Length);
        Span<char> characters = stackalloc char[2];
        while (!bytes.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(bytes, out var rune, out var length) == OperationStatus.Done)
            {
                text.Append(characters[..rune.EncodeToUtf16(characters)]);
            }
            else
            {
                length = 1;
                text.Append((char)(FirstEscape + bytes[0]));
            }

            bytes = bytes[length..];
        }

        return text.ToString();
    }

    public static ByteString Encode(string text) => UnsafeByteOperations.UnsafeWrap(Bytes(text));

    public static byte[] Bytes(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange(FirstEscape, (char)(FirstEscape + byte.MaxValue)))
        {
            return Encoding.UTF8.GetBytes(text);
        }

        var bytes = new ArrayBufferWriter<byte>(text.Length);
        for (var i = 0; i < text.Length;)
        {
            if (Rune.TryGetRuneAt(text, i, out var rune))
            {
                bytes.Advance(rune.EncodeToUtf8(bytes.GetSpan(4)));
                i += rune.Utf16SequenceLength;
            }
            else
            {
                bytes.GetSpan(1)[0] = (byte)(text[i] - FirstEscape);
                bytes.Advance(1);
                i++;
            }
        }

        return bytes.WrittenSpan.ToArray();
    }
}
