using System.Globalization;
using System.Text.Json.Nodes;
using KubeStore.Failures;
using KubeStore.Objects;

namespace KubeStore.Patches;

/// <summary>A list of operations, one after the other (RFC 6902).</summary>
internal static class JsonPatch
{
    private const int MaxOperations = 10_000;

    public static JsonNode? Apply(JsonNode? value, JsonNode? patch)
    {
        if (patch is not JsonArray operations || operations.Any(one => one is not JsonObject))
        {
            throw Failure.BadRequest("error decoding patch: a JSON patch is a list of operations");
        }

        if (operations.Count > MaxOperations)
        {
            throw new StatusException(new Status(
                413,
                "RequestEntityTooLarge",
                string.Create(CultureInfo.InvariantCulture, $"The allowed maximum operations in a JSON patch is {MaxOperations}, got {operations.Count}")));
        }

        foreach (var operation in operations.Objects())
        {
            value = Step(value, operation);
        }

        return value;
    }

    private static JsonNode? Step(JsonNode? value, JsonObject operation)
    {
        var path = Pointer(operation, "path");
        switch (operation.TextAt("op"))
        {
            case "add":
                return Add(value, path, Given(operation));
            case "remove":
                return Remove(value, path, out _);
            case "replace":
                Find(value, path);
                return path.Length == 0 ? Given(operation) : Add(Remove(value, path, out _), path, Given(operation), inPlace: true);
            case "move":
                value = Remove(value, Pointer(operation, "from"), out var moved);
                return Add(value, path, moved);
            case "copy":
                return Add(value, path, Find(value, Pointer(operation, "from"))?.DeepClone());
            case "test":
                return JsonNode.DeepEquals(Find(value, path), operation.At("value"))
                    ? value
                    : throw Failed($"testing value {operation.TextAt("path")} failed");
            default:
                throw Failure.BadRequest($"error decoding patch: unexpected kind: {operation.TextAt("op")}");
        }
    }

    private static JsonNode? Given(JsonObject operation)
        => operation.TryGetPropertyValue("value", out var value)
            ? value?.DeepClone()
            : throw Failure.BadRequest("error decoding patch: an operation is missing its value");

    private static string[] Pointer(JsonObject operation, string name)
    {
        var text = operation.At(name).AsText() ?? throw Failure.BadRequest($"error decoding patch: an operation is missing its {name}");
        if (text.Length == 0)
        {
            return [];
        }

        return text[0] == '/'
            ? [.. text[1..].Split('/').Select(part => part.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal))]
            : throw Failure.BadRequest($"error decoding patch: '{text}' is no JSON pointer");
    }

    private static JsonNode? Find(JsonNode? value, ReadOnlySpan<string> path)
    {
        foreach (var name in path)
        {
            value = value switch
            {
                JsonObject fields when fields.TryGetPropertyValue(name, out var inner) => inner,
                JsonArray list when Index(name, list.Count - 1) is { } index => list[index],
                _ => throw Failed($"there is nothing at {name}"),
            };
        }

        return value;
    }

    private static JsonNode? Add(JsonNode? value, string[] path, JsonNode? added, bool inPlace = false)
    {
        if (path.Length == 0)
        {
            return added;
        }

        var last = path[^1];
        switch (Find(value, path.AsSpan(0, path.Length - 1)))
        {
            case JsonObject fields:
                fields[last] = added;
                return value;
            case JsonArray list when last == "-" && !inPlace:
                list.Add(added);
                return value;
            case JsonArray list when Index(last, list.Count) is { } index:
                list.Insert(index, added);
                return value;
            default:
                throw Failed($"nothing can be added at {last}");
        }
    }

    private static JsonNode? Remove(JsonNode? value, string[] path, out JsonNode? removed)
    {
        removed = Find(value, path);
        if (path.Length == 0)
        {
            return null;
        }

        var parent = Find(value, path.AsSpan(0, path.Length - 1));
        if (parent is JsonObject fields)
        {
            fields.Remove(path[^1]);
        }
        else
        {
            ((JsonArray)parent!).RemoveAt(Index(path[^1], int.MaxValue)!.Value);
        }

        return value;
    }

    private static int? Index(string text, int last)
        => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index <= last && (text.Length == 1 || text[0] != '0')
            ? index
            : null;

    private static StatusException Failed(string why)
        => new(new Status(422, "Invalid", $"the server rejected our request due to an error in our request: {why}"));
}
