using System.Collections;
using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Globalization;
using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using RaftKv.Raft;

namespace RaftKv.Server.Gateway;

/// <summary>
/// Messages from JSON, as etcd's gateway takes them: fields by either of their names, numbers also as strings, enumerations
/// by name or number, bytes in either alphabet of base64 with or without its padding. Unknown fields are passed over.
/// </summary>
/// <remarks>The parser of Google.Protobuf takes one alphabet only, and does not say which field was wrong.</remarks>
internal static class ProtoJsonReader
{
    private static readonly ConcurrentDictionary<MessageDescriptor, FrozenDictionary<string, FieldDescriptor>> FieldsOf = new();

    /// <exception cref="GatewayInputException">The value is not of that kind; the text names the field.</exception>
    public static IMessage Read(MessageDescriptor type, JsonElement json) => ReadMessage(type, json, "");

    private static IMessage ReadMessage(MessageDescriptor type, JsonElement json, string place)
    {
        if (json.ValueKind != JsonValueKind.Object)
        {
            throw Wrong(place, $"an object is expected, {Kind(json)} was sent");
        }

        var message = type.Parser.ParseFrom(ReadOnlySpan<byte>.Empty);
        var fields = FieldsOf.GetOrAdd(type, Names);
        HashSet<object>? seen = null;
        foreach (var property in json.EnumerateObject())
        {
            if (!fields.TryGetValue(property.Name, out var field) || property.Value.ValueKind == JsonValueKind.Null)
            {
                continue;
            }

            var at = place.Length == 0 ? property.Name : $"{place}.{property.Name}";
            seen ??= [];
            if (!seen.Add(field))
            {
                throw Wrong(at, "the field is there twice");
            }

            if (field.RealContainingOneof is { } choice && !seen.Add(choice))
            {
                throw Wrong(at, $"only one field of {choice.Name} may be set");
            }

            Set(message, field, property.Value, at);
        }

        return message;
    }

    private static FrozenDictionary<string, FieldDescriptor> Names(MessageDescriptor type)
    {
        var fields = new Dictionary<string, FieldDescriptor>(StringComparer.Ordinal);
        foreach (var field in type.Fields.InDeclarationOrder())
        {
            Invariant.Holds(!field.IsMap);
            fields[field.Name] = field;
            fields[field.JsonName] = field;
        }

        return fields.ToFrozenDictionary(StringComparer.Ordinal);
    }

    private static void Set(IMessage message, FieldDescriptor field, JsonElement json, string place)
    {
        if (!field.IsRepeated)
        {
            field.Accessor.SetValue(message, ReadValue(field, json, place));
            return;
        }

        if (json.ValueKind != JsonValueKind.Array)
        {
            throw Wrong(place, $"an array is expected, {Kind(json)} was sent");
        }

        var list = (IList)field.Accessor.GetValue(message);
        foreach (var element in json.EnumerateArray())
        {
            list.Add(ReadValue(field, element, $"{place}[{list.Count}]"));
        }
    }

    private static object ReadValue(FieldDescriptor field, JsonElement json, string place) => field.FieldType switch
    {
        FieldType.Message => ReadMessage(field.MessageType, json, place),
        FieldType.Enum => ReadEnum(field.EnumType, json, place),
        FieldType.Bytes => ReadBytes(ReadString(json, place), place),
        FieldType.String => ReadString(json, place),
        FieldType.Bool => json.ValueKind is JsonValueKind.True or JsonValueKind.False
            ? json.GetBoolean()
            : throw Wrong(place, $"true or false is expected, {Kind(json)} was sent"),
        FieldType.Int32 or FieldType.SInt32 or FieldType.SFixed32 => (int)ReadInteger(json, int.MinValue, int.MaxValue, place),
        FieldType.UInt32 or FieldType.Fixed32 => (uint)ReadInteger(json, uint.MinValue, uint.MaxValue, place),
        FieldType.Int64 or FieldType.SInt64 or FieldType.SFixed64 => (long)ReadInteger(json, long.MinValue, long.MaxValue, place),
        FieldType.UInt64 or FieldType.Fixed64 => (ulong)ReadInteger(json, ulong.MinValue, ulong.MaxValue, place),
        _ => throw new InvalidOperationException($"No request of etcd has a field like {field.FullName}."),
    };

    private static string ReadString(JsonElement json, string place)
    {
        if (json.ValueKind != JsonValueKind.String)
        {
            throw Wrong(place, $"a string is expected, {Kind(json)} was sent");
        }

        try
        {
            return json.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw Wrong(place, "the string has half of a surrogate pair in it");
        }
    }

    private static decimal ReadInteger(JsonElement json, decimal least, decimal most, string place)
    {
        var text = json.ValueKind switch
        {
            JsonValueKind.Number => json.GetRawText(),
            JsonValueKind.String => json.GetString()!,
            _ => throw Wrong(place, $"a number is expected, {Kind(json)} was sent"),
        };
        const NumberStyles Styles = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        if (!decimal.TryParse(text, Styles, CultureInfo.InvariantCulture, out var number) || decimal.Truncate(number) != number)
        {
            throw Wrong(place, $"{Shown(text)} is no whole number");
        }

        return number >= least && number <= most ? number : throw Wrong(place, $"{Shown(text)} is not within {least} to {most}");
    }

    private static object ReadEnum(EnumDescriptor type, JsonElement json, string place)
    {
        if (json.ValueKind == JsonValueKind.Number)
        {
            return Enum.ToObject(type.ClrType, (int)ReadInteger(json, int.MinValue, int.MaxValue, place));
        }

        var name = ReadString(json, place);
        return type.FindValueByName(name) is { } value
            ? Enum.ToObject(type.ClrType, value.Number)
            : throw Wrong(place, $"{Shown(name)} is none of {string.Join(", ", type.Values.Select(one => one.Name))}");
    }

    private static ByteString ReadBytes(string text, string place)
    {
        var standard = text.TrimEnd('=').Replace('-', '+').Replace('_', '/');
        var bytes = new byte[(standard.Length * 3 / 4) + 3];
        return Convert.TryFromBase64String(standard.PadRight((standard.Length + 3) / 4 * 4, '='), bytes, out var length)
            ? ByteString.CopyFrom(bytes, 0, length)
            : throw Wrong(place, $"{Shown(text)} is not base64");
    }

    private static string Shown(string text) => text.Length <= 60 ? $"\"{text}\"" : $"\"{text[..60]}...\"";

    private static string Kind(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.String => "a string",
        JsonValueKind.Number => "a number",
        _ => json.GetRawText(),
    };

    private static GatewayInputException Wrong(string place, string why)
        => new(place.Length == 0 ? $"The body is wrong: {why}." : $"Field {place}: {why}.");
}
