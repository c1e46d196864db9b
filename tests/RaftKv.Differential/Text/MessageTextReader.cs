using System.Collections;
using System.Globalization;
using System.Text;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace RaftKv.Differential.Text;

/// <summary>Reads what <see cref="MessageText"/> writes.</summary>
internal sealed class MessageTextReader(string text)
{
    private int _at;

    public IMessage ReadFields(MessageDescriptor type, char? end)
    {
        var message = type.Parser.ParseFrom(ByteString.Empty);
        while (true)
        {
            SkipSpace();
            if (_at == text.Length || text[_at] == end)
            {
                return message;
            }

            var name = ReadWord();
            var field = type.FindFieldByName(name) ?? throw Wrong($"{type.Name} has no field '{name}'");
            Expect('=');
            if (field.IsRepeated)
            {
                ReadList((IList)field.Accessor.GetValue(message), field);
            }
            else
            {
                var (value, count) = ReadCounted(field);
                field.Accessor.SetValue(message, count == 1 ? value : throw Wrong($"'{name}' is one value"));
            }
        }
    }

    public void ExpectEnd()
    {
        SkipSpace();
        if (_at < text.Length)
        {
            throw Wrong("nothing more was expected");
        }
    }

    private void ReadList(IList list, FieldDescriptor field)
    {
        Expect('[');
        while (true)
        {
            SkipSpace();
            if (_at < text.Length && text[_at] == ']')
            {
                _at++;
                return;
            }

            var (value, count) = ReadCounted(field);
            for (var i = 0; i < count; i++)
            {
                list.Add(value is IMessage message ? MessageCopy.Of(message) : value);
            }
        }
    }

    /// <summary>A value and how often it stands there. Counted bytes are one value.</summary>
    private (object Value, int Count) ReadCounted(FieldDescriptor field)
    {
        var value = ReadValue(field);
        if (_at == text.Length || text[_at] != '*')
        {
            return (value, 1);
        }

        _at++;
        var count = int.Parse(ReadWord(), CultureInfo.InvariantCulture);
        return value switch
        {
            ByteString { Length: 1 } bytes => (Repeated(bytes[0], count), 1),
            _ => (value, count),
        };
    }

    private object ReadValue(FieldDescriptor field)
    {
        switch (field.FieldType)
        {
            case FieldType.Message:
                Expect('{');
                var message = ReadFields(field.MessageType, '}');
                Expect('}');
                return message;
            case FieldType.Bytes:
                return ByteString.CopyFrom(ReadBytes());
            case FieldType.String:
                return Encoding.UTF8.GetString(ReadBytes());
            case FieldType.Bool:
                return bool.Parse(ReadWord());
            case FieldType.Int64:
                return RelativeNumber.Parse(ReadWord());
            case FieldType.UInt64:
                return ulong.Parse(ReadWord(), CultureInfo.InvariantCulture);
            case FieldType.UInt32:
                return uint.Parse(ReadWord(), CultureInfo.InvariantCulture);
            case FieldType.Int32:
                return int.Parse(ReadWord(), CultureInfo.InvariantCulture);
            case FieldType.Enum:
                var word = ReadWord();
                var number = field.EnumType.FindValueByName(word)?.Number
                    ?? (int.TryParse(word, CultureInfo.InvariantCulture, out var unknown) ? unknown : throw Wrong($"no '{word}' in {field.EnumType.Name}"));
                return Enum.ToObject(field.EnumType.ClrType, number);
            default:
                throw Wrong($"fields of type {field.FieldType} have no text");
        }
    }

    private byte[] ReadBytes()
    {
        Expect('"');
        var bytes = new List<byte>();
        while (_at < text.Length && text[_at] != '"')
        {
            if (text[_at] != '\\')
            {
                bytes.AddRange(Encoding.UTF8.GetBytes(text, _at, 1));
                _at++;
            }
            else if (text[_at + 1] == 'x')
            {
                bytes.Add(byte.Parse(text.AsSpan(_at + 2, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture));
                _at += 4;
            }
            else
            {
                bytes.Add((byte)text[_at + 1]);
                _at += 2;
            }
        }

        Expect('"');
        return [.. bytes];
    }

    private string ReadWord()
    {
        var from = _at;
        while (_at < text.Length && (char.IsAsciiLetterOrDigit(text[_at]) || text[_at] is '_' or '-' or '@' or '$'))
        {
            _at++;
        }

        return _at > from ? text[from.._at] : throw Wrong("a name or a number is missing");
    }

    private void Expect(char expected)
    {
        if (_at == text.Length || text[_at] != expected)
        {
            throw Wrong($"'{expected}' is missing");
        }

        _at++;
    }

    private void SkipSpace()
    {
        while (_at < text.Length && text[_at] == ' ')
        {
            _at++;
        }
    }

    private static ByteString Repeated(byte value, int count)
    {
        var bytes = new byte[count];
        Array.Fill(bytes, value);
        return ByteString.CopyFrom(bytes);
    }

    private FormatException Wrong(string what) => new($"{what}, at column {_at + 1} of: {text}");
}
