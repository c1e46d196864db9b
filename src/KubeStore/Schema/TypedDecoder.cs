using System.Globalization;
using System.Text.Json.Nodes;
using KubeStore.Objects;

namespace KubeStore.Schema;

/// <summary>A value has not the type that its field has.</summary>
internal sealed class TypeMismatchException(string message) : Exception(message);

/// <summary>
/// Makes of any JSON an object of a built-in type, the way reading it into a struct would: what is not declared is dropped
/// and told, null and zero are absence, scalars take their usual form, and a type that is wrong is refused.
/// </summary>
internal sealed class TypedDecoder(string kind)
{
    // Structs that a Go program prints even when there is nothing in them.
    private static readonly string[] AlwaysThere = ["spec", "status", "resources", "strategy", "updateStrategy"];

    /// <summary>The fields that were dropped because nobody declared them.</summary>
    public List<string> Unknown { get; } = [];

    public JsonObject Decode(JsonObject value, ValueSchema schema)
    {
        var typed = (JsonObject)Struct(value, schema, "", isRoot: true)!;
        return typed;
    }

    private JsonNode? Value(JsonNode value, ValueSchema schema, string path) => schema.Kind switch
    {
        ValueKind.Any => value.DeepClone(),
        ValueKind.Struct => Struct(value, schema, path, isRoot: false),
        ValueKind.Map => Map(value, schema, path),
        ValueKind.List => List(value, schema, path),
        _ => Scalar(value, schema.Kind, path),
    };

    private JsonObject Struct(JsonNode value, ValueSchema schema, string path, bool isRoot)
    {
        if (value is not JsonObject given)
        {
            throw Mismatch(value, path, schema.TypeName);
        }

        var typed = new JsonObject();
        foreach (var (name, inner) in given)
        {
            if (isRoot && name is "kind" or "apiVersion")
            {
                typed[name] = inner?.DeepClone();
                continue;
            }

            var below = path.Length == 0 ? name : $"{path}.{name}";
            if (!schema.Fields.TryGetValue(name, out var field))
            {
                // A struct without any fields is one whose data are not there.
                if (schema.PreservesUnknown)
                {
                    typed[name] = inner?.DeepClone();
                }
                else
                {
                    Unknown.Add(below);
                }

                continue;
            }

            if (inner is not null && Value(inner, field.Schema, below) is { } decoded && !IsOmitted(decoded, field))
            {
                typed[name] = decoded;
            }
        }

        foreach (var name in AlwaysThere)
        {
            if (!typed.ContainsKey(name) && schema.Fields.TryGetValue(name, out var field)
                && field is { IsPointer: false, Schema.Kind: ValueKind.Struct })
            {
                typed[name] = new JsonObject();
            }
        }

        return typed;
    }

    private JsonObject Map(JsonNode value, ValueSchema schema, string path)
    {
        if (value is not JsonObject given)
        {
            throw Mismatch(value, path, "map");
        }

        var typed = new JsonObject();
        foreach (var (name, inner) in given)
        {
            // Null in a map of strings is the empty string; the key is there.
            typed[name] = inner is null
                ? schema.Element.Kind == ValueKind.String ? JsonValue.Create("") : null
                : Value(inner, schema.Element, $"{path}.{name}");
        }

        return typed;
    }

    private JsonArray List(JsonNode value, ValueSchema schema, string path)
    {
        if (value is not JsonArray given)
        {
            throw Mismatch(value, path, "[]" + (schema.Element.TypeName.Length > 0 ? schema.Element.TypeName : GoName(schema.Element.Kind)));
        }

        var typed = new JsonArray();
        for (var i = 0; i < given.Count; i++)
        {
            var below = string.Create(CultureInfo.InvariantCulture, $"{path}[{i}]");
            typed.Add(given[i] is { } inner ? Value(inner, schema.Element, below)
                : schema.Element.Kind == ValueKind.Struct ? new JsonObject()
                : schema.Element.Kind == ValueKind.String ? JsonValue.Create("")
                : null);
        }

        return typed;
    }

    private JsonValue? Scalar(JsonNode value, ValueKind type, string path)
    {
        var text = value.AsText();
        switch (type)
        {
            case ValueKind.String:
                return JsonValue.Create(text ?? throw Mismatch(value, path, "string"));
            case ValueKind.Boolean:
                return value is JsonValue flag && flag.TryGetValue<bool>(out var isSet) ? JsonValue.Create(isSet) : throw Mismatch(value, path, "bool");
            case ValueKind.Int32:
                return value.AsInteger() is { } small and >= int.MinValue and <= int.MaxValue ? JsonValue.Create(small) : throw Mismatch(value, path, "int32");
            case ValueKind.Int64:
                return value.AsInteger() is { } large ? JsonValue.Create(large) : throw Mismatch(value, path, "int64");
            case ValueKind.Float:
                return value.AsNumber() is not null ? (JsonValue)value.DeepClone() : throw Mismatch(value, path, "float64");
            case ValueKind.Bytes:
                return text is not null && IsBase64(text) ? JsonValue.Create(text) : throw (text is null
                    ? Mismatch(value, path, "[]byte")
                    : new TypeMismatchException($"illegal base64 data in field {kind}.{path}"));
            case ValueKind.Time:
                return text is { Length: 0 } ? null
                    : KubeTime.TryParse(text, out var time) ? JsonValue.Create(KubeTime.Seconds(time))
                    : throw BadTime(value, path);
            case ValueKind.MicroTime:
                return text is { Length: 0 } ? null
                    : KubeTime.TryParse(text, out var fine) ? JsonValue.Create(KubeTime.Micro(fine))
                    : throw BadTime(value, path);
            case ValueKind.Duration:
                return JsonValue.Create(text ?? throw Mismatch(value, path, "v1.Duration"));
            case ValueKind.Quantity:
                return JsonValue.Create(Quantity.IsValid(text ?? value.Shown())
                    ? text ?? value.Shown()
                    : throw new TypeMismatchException($"quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$' (field {kind}.{path})"));
            default:
                return text is not null ? JsonValue.Create(text)
                    : value.AsInteger() is { } whole and >= int.MinValue and <= int.MaxValue ? JsonValue.Create(whole)
                    : throw Mismatch(value, path, "intstr.IntOrString");
        }
    }

    // What an omitted field and a zero have in common: a program that reads the object cannot tell them apart.
    private static bool IsOmitted(JsonNode value, FieldSchema field) => value switch
    {
        JsonObject { Count: 0 } => !field.IsRequired && field.Schema.Kind == ValueKind.Map,
        JsonArray { Count: 0 } => !field.IsRequired && field.Name != "managedFields", // there, an empty list means something
        JsonValue when field.IsRequired || field.IsPointer => false,
        JsonValue scalar => field.Schema.Kind is not (ValueKind.Any or ValueKind.IntOrString or ValueKind.Quantity)
            && ((scalar.TryGetValue<string>(out var text) && text.Length == 0)
                || (scalar.TryGetValue<long>(out var number) && number == 0)
                || (scalar.TryGetValue<bool>(out var flag) && !flag)),
        _ => false,
    };

    private static bool IsBase64(string text)
    {
        var bytes = new byte[(text.Length * 3 / 4) + 3];
        return Convert.TryFromBase64String(text, bytes, out _);
    }

    private TypeMismatchException BadTime(JsonNode value, string path)
        => new($"parsing time {value.ToJsonString()} as \"2006-01-02T15:04:05Z07:00\": cannot parse (field {kind}.{path})");

    private TypeMismatchException Mismatch(JsonNode value, string path, string type)
        => new($"json: cannot unmarshal {JsonName(value)} into Go struct field {kind}.{path} of type {(type.Length > 0 ? type.Replace('/', '.') : "object")}");

    private static string JsonName(JsonNode value) => value switch
    {
        JsonObject => "object",
        JsonArray => "array",
        JsonValue one when one.TryGetValue<string>(out _) => "string",
        JsonValue one when one.TryGetValue<bool>(out _) => "bool",
        _ => "number",
    };

    private static string GoName(ValueKind kind) => kind switch
    {
        ValueKind.String => "string",
        ValueKind.Boolean => "bool",
        ValueKind.Int32 => "int32",
        ValueKind.Int64 => "int64",
        ValueKind.Bytes => "uint8",
        _ => "object",
    };
}
