using System.Globalization;
using System.Text.Json.Nodes;
using KubeStore.Objects;

namespace KubeStore.Failures;

/// <summary>What is wrong with one field of an object.</summary>
public sealed record FieldError(string Reason, string Field, string Message)
{
    internal static FieldError Required(string field, string detail = "")
        => new("FieldValueRequired", field, detail.Length == 0 ? "Required value" : $"Required value: {detail}");

    internal static FieldError Invalid(string field, string value, string detail)
        => new("FieldValueInvalid", field, $"Invalid value: {Quoted(value)}: {detail}");

    internal static FieldError Invalid(string field, JsonNode? value, string detail)
        => new("FieldValueInvalid", field, $"Invalid value: {Shown(value)}: {detail}");

    internal static FieldError WrongType(string field, JsonNode? value, string detail)
        => new("FieldValueTypeInvalid", field, $"Invalid value: {Quoted(TypeName(value))}: {detail}");

    internal static FieldError Duplicate(string field, JsonNode? value)
        => new("FieldValueDuplicate", field, $"Duplicate value: {Shown(value)}");

    internal static FieldError NotSupported(string field, JsonNode? value, IEnumerable<string> supported)
        => new("FieldValueNotSupported", field, $"Unsupported value: {Shown(value)}: supported values: {string.Join(", ", supported.Select(Quoted))}");

    internal static FieldError Forbidden(string field, string detail) => new("FieldValueForbidden", field, $"Forbidden: {detail}");

    internal static FieldError TooLong(string field, int limit)
        => new("FieldValueTooLong", field, string.Create(CultureInfo.InvariantCulture, $"Too long: must have at most {limit} bytes"));

    internal static FieldError TooMany(string field, int count, int limit)
        => new("FieldValueTooMany", field, string.Create(CultureInfo.InvariantCulture, $"Too many: {count}: must have at most {limit} items"));

    internal static string TypeName(JsonNode? value) => value switch
    {
        null => "null",
        JsonObject => "object",
        JsonArray => "array",
        JsonValue one when one.TryGetValue<string>(out _) => "string",
        JsonValue one when one.TryGetValue<bool>(out _) => "boolean",
        JsonValue one when one.TryGetValue<long>(out _) => "integer",
        _ => "number",
    };

    internal static string Quoted(string text) => $"\"{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";

    private static string Shown(JsonNode? value) => value.AsText() is { } text ? Quoted(text) : value is null ? "null" : value.Shown();

    public override string ToString() => $"{Field}: {Message}";
}
