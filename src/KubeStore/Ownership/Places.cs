using System.Text;
using System.Text.Json.Nodes;
using KubeStore.Objects;
using KubeStore.Schema;

namespace KubeStore.Ownership;

/// <summary>Two elements of a list have the same key, or one has none.</summary>
internal sealed class ListKeyException(string message) : Exception(message);

/// <summary>What differs between two values.</summary>
internal sealed record Differences(FieldTree Changed, FieldTree Removed);

/// <summary>Which places a value has, and where two differ, by the schema: what is atomic is one place.</summary>
internal static class Places
{
    /// <summary>The places that a statement of intent speaks of: its leaves, and the elements of lists with keys.</summary>
    public static FieldTree Of(JsonNode? value, ValueSchema schema)
    {
        var tree = new FieldTree();
        AddLeaves(tree, [], value, schema);
        return tree;
    }

    /// <summary>What was added, changed and removed between a value and a later one.</summary>
    public static Differences Between(JsonNode? old, JsonNode? next, ValueSchema schema)
    {
        var (changed, removed) = (new FieldTree(), new FieldTree());
        Compare(changed, removed, [], old, next, schema);
        return new(changed, removed);
    }

    /// <summary>Whether a value is owned in parts.</summary>
    public static bool IsGranular(JsonNode? value, ValueSchema schema) => value switch
    {
        JsonObject => !schema.IsAtomic,
        JsonArray => schema is { Kind: ValueKind.List, ListType: not ListType.Atomic },
        _ => false,
    };

    /// <summary>The parts of a value, by the names of their places.</summary>
    public static IEnumerable<(string Name, JsonNode? Value, ValueSchema Schema)> Parts(JsonNode? value, ValueSchema schema)
    {
        if (value is JsonObject fields)
        {
            return fields.Select(field => ("f:" + field.Key, field.Value, schema.Below(field.Key)));
        }

        var parts = new List<(string, JsonNode?, ValueSchema)>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var element in (JsonArray)value!)
        {
            var name = NameOf(element, schema);
            if (seen.Add(name))
            {
                parts.Add((name, element, schema.Element));
            }
            else if (schema.ListType == ListType.Map)
            {
                throw new ListKeyException($"duplicate entries for key [{FieldTree.Shown([name]).Trim('[', ']')}]");
            }
        }

        return parts;
    }

    /// <summary>What the element of a list is called.</summary>
    public static string NameOf(JsonNode? element, ValueSchema list)
    {
        if (list.ListType == ListType.Set)
        {
            return "v:" + Encoding.UTF8.GetString(JsonText.Write(element));
        }

        var key = new JsonObject();
        foreach (var name in list.ListKeys.Order(StringComparer.Ordinal))
        {
            var value = element.At(name)
                ?? (list.Element.Fields.TryGetValue(name, out var field) ? field.Default : null)
                ?? throw new ListKeyException($"associative list with keys has an element that omits key field \"{name}\"");
            key[name] = value.DeepClone();
        }

        return "k:" + Encoding.UTF8.GetString(JsonText.Write(key));
    }

    private static void AddLeaves(FieldTree tree, string[] path, JsonNode? value, ValueSchema schema)
    {
        var isEmpty = value is JsonObject { Count: 0 } or JsonArray { Count: 0 };
        if (!IsGranular(value, schema) || isEmpty)
        {
            if (path.Length > 0)
            {
                tree.Add(path);
            }

            return;
        }

        foreach (var (name, part, below) in Parts(value, schema))
        {
            string[] inner = [.. path, name];
            if (value is JsonArray)
            {
                tree.Add(inner);
            }

            AddLeaves(tree, inner, part, below);
        }
    }

    private static void Compare(FieldTree changed, FieldTree removed, string[] path, JsonNode? old, JsonNode? next, ValueSchema schema)
    {
        if (!IsGranular(old, schema) || !IsGranular(next, schema) || old is JsonArray != next is JsonArray)
        {
            if (!JsonNode.DeepEquals(old, next))
            {
                AddAll(changed, path, next, schema);
            }

            return;
        }

        var before = Parts(old, schema).ToDictionary(part => part.Name);
        foreach (var (name, part, below) in Parts(next, schema))
        {
            string[] inner = [.. path, name];
            if (before.Remove(name, out var there))
            {
                Compare(changed, removed, inner, there.Value, part, below);
            }
            else
            {
                AddAll(changed, inner, part, below);
            }
        }

        foreach (var (name, part, below) in before.Values)
        {
            AddAll(removed, [.. path, name], part, below);
        }
    }

    private static void AddAll(FieldTree tree, string[] path, JsonNode? value, ValueSchema schema)
    {
        if (path.Length > 0)
        {
            tree.Add(path);
        }

        if (IsGranular(value, schema))
        {
            foreach (var (name, part, below) in Parts(value, schema))
            {
                AddAll(tree, [.. path, name], part, below);
            }
        }
    }
}
