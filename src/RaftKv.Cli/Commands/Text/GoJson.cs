using System.Collections;
using System.Globalization;
using System.Text;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace RaftKv.Cli.Commands.Text;

/// <summary>
/// Messages as Go's JSON package writes etcd's structs, which is not protobuf's own JSON: names as in the .proto,
/// 64-bit numbers as numbers, enums by number, and nothing that is zero.
/// </summary>
internal sealed class GoJson
{
    private readonly StringBuilder _text = new();
    private bool _isFirst = true;

    public static string Of(IMessage message)
    {
        var json = new GoJson();
        json.Message(message);
        return json.ToString();
    }

    public GoJson Begin(char bracket)
    {
        _text.Append(bracket);
        _isFirst = true;
        return this;
    }

    public GoJson End(char bracket)
    {
        _text.Append(bracket);
        _isFirst = false;
        return this;
    }

    public GoJson Name(string name)
    {
        Next().String(name);
        _text.Append(':');
        return this;
    }

    /// <summary>The comma before a further element.</summary>
    public GoJson Next()
    {
        if (!_isFirst)
        {
            _text.Append(',');
        }

        _isFirst = false;
        return this;
    }

    public GoJson Number(long number)
    {
        _text.Append(CultureInfo.InvariantCulture, $"{number}");
        return this;
    }

    public GoJson Raw(string json)
    {
        _text.Append(json);
        return this;
    }

    public GoJson Bytes(ByteString bytes)
    {
        _text.Append('"').Append(bytes.ToBase64()).Append('"');
        return this;
    }

    public GoJson String(string text)
    {
        _text.Append('"');
        foreach (var rune in text.EnumerateRunes())
        {
            switch (rune.Value)
            {
                case '"' or '\\':
                    _text.Append('\\').Append((char)rune.Value);
                    break;
                case '\n':
                    _text.Append("\\n");
                    break;
                case '\r':
                    _text.Append("\\r");
                    break;
                case '\t':
                    _text.Append("\\t");
                    break;
                case < ' ' or '<' or '>' or '&' or 0x2028 or 0x2029:
                    _text.Append(CultureInfo.InvariantCulture, $"\\u{rune.Value:x4}");
                    break;
                default:
                    _text.Append(rune.ToString());
                    break;
            }
        }

        _text.Append('"');
        return this;
    }

    public GoJson Message(IMessage message) => Begin('{').Fields(message).End('}');

    /// <summary>A message's fields without its brackets, for structs that embed it.</summary>
    public GoJson Fields(IMessage? message)
    {
        foreach (var field in message?.Descriptor.Fields.InDeclarationOrder() ?? [])
        {
            if (field.RealContainingOneof is { } choice)
            {
                if (choice.Accessor.GetCaseFieldDescriptor(message) == field)
                {
                    Name(Capitals(choice.Name)).Begin('{').Name(Capitals(field.Name)).Value(field, field.Accessor.GetValue(message)).End('}');
                }
            }
            else if (field.Accessor.GetValue(message) is { } value && !IsEmpty(field, value))
            {
                Name(field.Name).Value(field, value);
            }
        }

        return this;
    }

    public override string ToString() => _text.ToString();

    // Go's name for what a .proto calls response_put.
    private static string Capitals(string name) => string.Concat(name.Split('_').Select(word => char.ToUpperInvariant(word[0]) + word[1..]));

    private static bool IsEmpty(FieldDescriptor field, object value) => value switch
    {
        IList list => list.Count == 0,
        ByteString bytes => bytes.IsEmpty,
        string text => text.Length == 0,
        bool flag => !flag,
        IMessage => false,
        _ => field.FieldType == FieldType.Enum ? (int)value == 0 : Convert.ToDecimal(value, CultureInfo.InvariantCulture) == 0,
    };

    private GoJson Value(FieldDescriptor field, object value)
    {
        switch (value)
        {
            case IList list:
                Begin('[');
                foreach (var element in list)
                {
                    Next().Value(field, element!);
                }

                return End(']');
            case ByteString bytes:
                return Bytes(bytes);
            case string text:
                return String(text);
            case bool flag:
                return Raw(flag ? "true" : "false");
            case IMessage message:
                return Message(message);
            default:
                return field.FieldType == FieldType.Enum ? Number((int)value) : Raw(Convert.ToString(value, CultureInfo.InvariantCulture)!);
        }
    }
}
