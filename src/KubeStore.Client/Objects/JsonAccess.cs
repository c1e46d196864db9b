using System.Globalization;
using System.Text.Json.Nodes;

namespace KubeStore.Objects;

/// <summary>Short ways into trees whose shape is not certain.</summary>
internal static class JsonAccess
{
    /// <summary>What lies at the end of the path, null if it is not there.</summary>
    public static JsonNode? At(this JsonNode? node, params ReadOnlySpan<string> path)
    {
        foreach (var name in path)
        {
            if (node is not JsonObject inner || !inner.TryGetPropertyValue(name, out node))
            {
                return null;
            }
        }

        return node;
    }

    public static JsonObject? ObjectAt(this JsonNode? node, params ReadOnlySpan<string> path) => node.At(path) as JsonObject;

    public static JsonArray? ArrayAt(this JsonNode? node, params ReadOnlySpan<string> path) => node.At(path) as JsonArray;

    /// <summary>The string at the end of the path; empty if there is none.</summary>
    public static string TextAt(this JsonNode? node, params ReadOnlySpan<string> path) => node.At(path).AsText() ?? "";

    public static long? IntegerAt(this JsonNode? node, params ReadOnlySpan<string> path) => node.At(path).AsInteger();

    public static bool FlagAt(this JsonNode? node, params ReadOnlySpan<string> path)
        => node.At(path) is JsonValue value && value.TryGetValue<bool>(out var flag) && flag;

    public static string? AsText(this JsonNode? node) => node is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    public static long? AsInteger(this JsonNode? node)
    {
        if (node is not JsonValue value)
        {
            return null;
        }

        if (value.TryGetValue<long>(out var whole))
        {
            return whole;
        }

        return value.TryGetValue<double>(out var number) && number == Math.Truncate(number) && Math.Abs(number) < 1e15
            ? (long)number
            : null;
    }

    public static double? AsNumber(this JsonNode? node)
        => node is not JsonValue value ? null
            : value.TryGetValue<long>(out var whole) ? whole
            : value.TryGetValue<double>(out var number) ? number
            : null;

    /// <summary>The object of this name, made if it is not there (or is something else).</summary>
    public static JsonObject Ensure(this JsonObject node, string name)
    {
        if (node.TryGetPropertyValue(name, out var found) && found is JsonObject inner)
        {
            return inner;
        }

        var made = new JsonObject();
        node[name] = made;
        return made;
    }

    /// <summary>Sets a default: only what is absent or null is given the value.</summary>
    public static void Default(this JsonObject node, string name, JsonNode? value)
    {
        if (node.At(name) is null)
        {
            node[name] = value;
        }
    }

    /// <summary>Takes the value of another object's field: copied if it is there, gone if it is not.</summary>
    public static void TakeFrom(this JsonObject node, string name, JsonObject other)
    {
        if (other.TryGetPropertyValue(name, out var value))
        {
            node[name] = value?.DeepClone();
        }
        else
        {
            node.Remove(name);
        }
    }

    public static IEnumerable<string> Texts(this JsonArray? array) => array?.Select(one => one.AsText()).OfType<string>() ?? [];

    public static IEnumerable<JsonObject> Objects(this JsonArray? array) => array?.OfType<JsonObject>() ?? [];

    /// <summary>A value as it stands in a message or a column: strings bare, everything else as JSON.</summary>
    public static string Shown(this JsonNode? node) => node switch
    {
        null => "",
        JsonValue value when value.TryGetValue<string>(out var text) => text,
        JsonValue value when value.TryGetValue<long>(out var whole) => whole.ToString(CultureInfo.InvariantCulture),
        _ => System.Text.Encoding.UTF8.GetString(JsonText.Write(node)),
    };

    public static JsonArray ToArray(IEnumerable<string> texts)
    {
        var array = new JsonArray();
        foreach (var text in texts)
        {
            array.Add((JsonNode)JsonValue.Create(text));
        }

        return array;
    }

    public static JsonArray ToArray(IEnumerable<JsonNode?> nodes)
    {
        var array = new JsonArray();
        foreach (var node in nodes)
        {
            array.Add(node);
        }

        return array;
    }
}
