using System.Buffers;
using System.Collections;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace RaftKv.Server.Gateway;

/// <summary>
/// Messages as JSON, as etcd's gateway writes them: fields by their names in the .proto files, what is zero left out, numbers
/// of 64 bits as strings, enumerations by name, bytes in base64.
/// </summary>
/// <remarks>Without white space, as scripts that look for <c>"revision":"5"</c> expect it; the formatter of Google.Protobuf
/// puts some in.</remarks>
internal static class ProtoJsonWriter
{
    private static readonly JsonWriterOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    public static string Write(IMessage message)
    {
        var bytes = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(bytes, Plain))
        {
            WriteMessage(json, message);
        }

        return Encoding.UTF8.GetString(bytes.WrittenSpan);
    }

    private static void WriteMessage(Utf8JsonWriter json, IMessage message)
    {
        json.WriteStartObject();
        foreach (var field in message.Descriptor.Fields.InDeclarationOrder())
        {
            var value = field.Accessor.GetValue(message);
            if (field.IsRepeated)
            {
                WriteList(json, field, (IList)value);
            }
            else if (field.HasPresence ? field.Accessor.HasValue(message) : !IsZero(value))
            {
                json.WritePropertyName(field.Name);
                WriteValue(json, field, value);
            }
        }

        json.WriteEndObject();
    }

    private static void WriteList(Utf8JsonWriter json, FieldDescriptor field, IList values)
    {
        if (values.Count == 0)
        {
            return;
        }

        json.WriteStartArray(field.Name);
        foreach (var value in values)
        {
            WriteValue(json, field, value);
        }

        json.WriteEndArray();
    }

    private static void WriteValue(Utf8JsonWriter json, FieldDescriptor field, object value)
    {
        switch (value)
        {
            case IMessage message:
                WriteMessage(json, message);
                break;
            case ByteString bytes:
                json.WriteBase64StringValue(bytes.Span);
                break;
            case string text:
                json.WriteStringValue(text);
                break;
            case bool flag:
                json.WriteBooleanValue(flag);
                break;
            case long or ulong:
                json.WriteStringValue(((IFormattable)value).ToString(null, CultureInfo.InvariantCulture));
                break;
            case int number:
                json.WriteNumberValue(number);
                break;
            case uint number:
                json.WriteNumberValue(number);
                break;
            case Enum name when field.EnumType.FindValueByNumber(Convert.ToInt32(name, CultureInfo.InvariantCulture)) is { } known:
                json.WriteStringValue(known.Name);
                break;
            case Enum unknown:
                json.WriteNumberValue(Convert.ToInt32(unknown, CultureInfo.InvariantCulture));
                break;
            default:
                throw new InvalidOperationException($"No response of etcd has a field like {field.FullName}.");
        }
    }

    private static bool IsZero(object value) => value switch
    {
        ByteString bytes => bytes.IsEmpty,
        string text => text.Length == 0,
        bool flag => !flag,
        Enum name => Convert.ToInt32(name, CultureInfo.InvariantCulture) == 0,
        _ => value is 0 or 0U or 0L or 0UL,
    };
}
