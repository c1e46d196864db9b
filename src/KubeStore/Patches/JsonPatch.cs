using System.Globalization;
using System.Text.Json.Nodes;
using KubeStore.Failures;
using KubeStore.Objects;

namespace KubeStore.Patches;

/// <summary>A list of operations, one after the other (RFC 6902).</summary>
internal static class JsonPatch
{
    private const int MaxOperations = 10_000;

    // What copies of copies may come to, in letters and values.
    private const long MaxCopied = 3 * 1024 * 1024;

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

        var copied = 0L;
        foreach (var operation in operations.Objects())
        {
            value = Step(value, operation, ref copied);
        }

        return value;
    }

    private static JsonNode? Step(JsonNode? value, JsonObject operation, ref long copied)
    {
        var path = Pointer(operation, "path");
        switch (operation.TextAt("op"))
        {
            case "add":
                var added = Given(operation);
                _ = Size(added, path.Length);
                return Add(value, path, added);
            case "remove":
                return Remove(value, path, out _);
            case "replace":
                Find(value, path);
                return path.Length == 0 ? Given(operation) : Add(Remove(value, path, out _), path, Given(operation), inPlace: true);
            case "move":
                value = Remove(value, Pointer(operation, "from"), out var moved);
                _ = Size(moved, path.Length);
                return Add(value, path, moved);
            case "copy":
                var source = Find(value, Pointer(operation, "from"));
                copied += Size(source, path.Length);
                return copied <= MaxCopied ? Add(value, path, source?.DeepClone()) : throw Failed("copies come to more than is allowed");
            case "test":
                return JsonNode.DeepEquals(Find(value, path), operation.At("value"))
                    ? value
                    : throw Failed($"testing value {operation.TextAt("path")} failed");
            default:
                throw Failure.BadRequest($"error decoding patch: unexpected kind: {operation.TextAt("op")}");
        }
    }

    // Nothing gets deeper than what could have been sent at once.
    private static long Size(JsonNode? value, int depth)
    {
        if (depth > JsonText.MaxDepth)
        {
            throw Failed("the result nests too deep");
        }

        return 1 + (value switch
        {
            JsonObject fields => fields.Sum(one => one.Key.Length + Size(one.Value, depth + 1)),
            JsonArray list => list.Sum(one => Size(one, depth + 1)),
            _ => value.AsText()?.Length ?? 0,
        });
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
