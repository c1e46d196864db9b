using System.Collections;
using System.Globalization;
using System.Text;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace RaftKv.Differential.Text;

/// <summary>
/// A message on one line, for scripts and for people: <c>key="a\x00" limit=2 sort_target=MOD revision=@1</c>. Messages
/// stand in braces, lists in brackets. What is repeated is counted, <c>"x"*1000</c>, so that large requests stay
/// readable. What is not set is left out.
/// </summary>
public static class MessageText
{
    private const int CountedFrom = 4;
    private const int CountedBytesFrom = 40;

    public static string Write(IMessage message)
    {
        var text = new StringBuilder();
        WriteFields(text, message);
        return text.ToString();
    }

    /// <summary>Bytes as they stand in a message's text.</summary>
    public static string Write(ByteString bytes)
    {
        var text = new StringBuilder();
        WriteBytes(text, bytes.Span);
        return text.ToString();
    }

    /// <exception cref="FormatException">The text is no such message; what and where.</exception>
    public static IMessage Parse(MessageDescriptor type, string text)
    {
        var reader = new MessageTextReader(text);
        var message = reader.ReadFields(type, end: null);
        reader.ExpectEnd();
        return message;
    }

    public static TMessage Parse<TMessage>(string text)
        where TMessage : IMessage<TMessage>, new()
        => (TMessage)Parse(new TMessage().Descriptor, text);

    /// <summary>Whether a field says anything: it is not its default, or is the chosen member of a union.</summary>
    internal static bool IsSet(IMessage message, FieldDescriptor field)
    {
        if (field.IsRepeated)
        {
            return ((IList)field.Accessor.GetValue(message)).Count > 0;
        }

        if (field.HasPresence)
        {
            return field.Accessor.HasValue(message);
        }

        return field.Accessor.GetValue(message) switch
        {
            ByteString bytes => !bytes.IsEmpty,
            string text => text.Length > 0,
            bool flag => flag,
            var number => Convert.ToInt64(number, CultureInfo.InvariantCulture) != 0,
        };
    }

    private static void WriteFields(StringBuilder text, IMessage message)
    {
        var first = true;
        foreach (var field in message.Descriptor.Fields.InFieldNumberOrder())
        {
            if (!IsSet(message, field))
            {
                continue;
            }

            text.Append(first ? "" : " ").Append(field.Name).Append('=');
            first = false;
            var value = field.Accessor.GetValue(message);
            if (field.IsRepeated)
            {
                WriteList(text, field, (IList)value);
            }
            else
            {
                WriteValue(text, field, value);
            }
        }
    }

    private static void WriteList(StringBuilder text, FieldDescriptor field, IList list)
    {
        text.Append('[');
        for (var i = 0; i < list.Count;)
        {
            var alike = 1;
            while (i + alike < list.Count && Equals(list[i], list[i + alike]))
            {
                alike++;
            }

            var written = alike >= CountedFrom ? 1 : alike;
            for (var copy = 0; copy < written; copy++)
            {
                text.Append(i + copy == 0 ? "" : " ");
                WriteValue(text, field, list[i]!);
            }

            if (alike >= CountedFrom)
            {
                text.Append('*').Append(alike);
            }

            i += alike;
        }

        text.Append(']');
    }

    private static void WriteValue(StringBuilder text, FieldDescriptor field, object value)
    {
        switch (value)
        {
            case IMessage message:
                text.Append('{');
                WriteFields(text, message);
                text.Append('}');
                break;
            case ByteString bytes:
                WriteBytes(text, bytes.Span);
                break;
            case string plain:
                WriteBytes(text, Encoding.UTF8.GetBytes(plain));
                break;
            case bool flag:
                text.Append(flag ? "true" : "false");
                break;
            case long number:
                text.Append(RelativeNumber.ToText(number));
                break;
            case Enum:
                var numeric = Convert.ToInt32(value, CultureInfo.InvariantCulture);
                text.Append(field.EnumType.FindValueByNumber(numeric)?.Name ?? numeric.ToString(CultureInfo.InvariantCulture));
                break;
            default:
                text.Append(Convert.ToString(value, CultureInfo.InvariantCulture));
                break;
        }
    }

    private static void WriteBytes(StringBuilder text, ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length >= CountedBytesFrom && !bytes.ContainsAnyExcept(bytes[0]))
        {
            WriteBytes(text, bytes[..1]);
            text.Append('*').Append(bytes.Length);
            return;
        }

        text.Append('"');
        foreach (var b in bytes)
        {
            if (b is (byte)'"' or (byte)'\\')
            {
                text.Append('\\').Append((char)b);
            }
            else if (b is >= 0x20 and < 0x7f)
            {
                text.Append((char)b);
            }
            else
            {
                text.Append("\\x").Append(b.ToString("x2", CultureInfo.InvariantCulture));
            }
        }

        text.Append('"');
    }
}
