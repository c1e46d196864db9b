using System.Text.Json.Nodes;
using KubeStore.Objects;
using KubeStore.Resources;

namespace KubeStore.Tables;

/// <summary>A column of a table, and what stands in it for an object.</summary>
internal sealed record TableColumn(string Name, string Type, Func<JsonObject, DateTimeOffset, JsonNode?> Cell)
{
    public string Format { get; init; } = "";

    public string Description { get; init; } = "";

    /// <summary>More than 0: shown only to those who ask for more.</summary>
    public long Priority { get; init; }

    public static TableColumn Text(string name, Func<JsonObject, string> cell, long priority = 0)
        => new(name, "string", (value, _) => cell(value)) { Priority = priority };

    public static TableColumn Number(string name, Func<JsonObject, long?> cell)
        => new(name, "integer", (value, _) => JsonValue.Create(cell(value) ?? 0));

    /// <summary>The name, in the column that says so.</summary>
    public static TableColumn OfName { get; } = new("Name", "string", (value, _) => value.TextAt("metadata", "name"))
    {
        Format = "name",
        Description = "Name must be unique within a namespace.",
    };

    public static TableColumn OfAge { get; } = new("Age", "string", (value, now) => Since(value.TextAt("metadata", "creationTimestamp"), now))
    {
        Description = "CreationTimestamp is a timestamp representing the server time when this object was created.",
    };

    public static string Since(string time, DateTimeOffset now)
        => KubeTime.TryParse(time, out var then) ? KubeTime.Age(now - then) : "<unknown>";
}

/// <summary>Which columns a kind has.</summary>
internal static class TableColumns
{
    private static readonly TableColumn[] Others =
    [
        TableColumn.OfName,
        new("Created At", "date", (value, _) => value.TextAt("metadata", "creationTimestamp")),
    ];

    /// <summary>Those of a scale, whatever it is the scale of.</summary>
    public static IReadOnlyList<TableColumn> OfScale { get; } =
    [
        TableColumn.OfName,
        TableColumn.Number("Desired", one => one.IntegerAt("spec", "replicas")),
        TableColumn.Number("Available", one => one.IntegerAt("status", "replicas")),
        TableColumn.OfAge,
    ];

    public static IReadOnlyList<TableColumn> Of(ResourceDefinition resource)
        => resource.IsBuiltIn ? BuiltInColumns.Of(resource) ?? Others : [TableColumn.OfName, .. Custom(resource)];

    private static IEnumerable<TableColumn> Custom(ResourceDefinition resource)
        => resource.Columns.Count == 0
            ? [TableColumn.OfAge]
            : resource.Columns.Select(column => new TableColumn(column.Name, column.Type, (value, now) => CustomCell(column, value, now))
            {
                Format = column.Format,
                Description = column.Description,
                Priority = column.Priority,
            });

    private static JsonNode? CustomCell(PrinterColumn column, JsonObject value, DateTimeOffset now)
    {
        var found = SimpleJsonPath.Find(value, column.JsonPath);
        return found is null ? null : column.Type switch
        {
            "date" => TableColumn.Since(found.AsText() ?? "", now),
            "integer" => found.AsNumber() is { } number ? JsonValue.Create((long)number) : null,
            "number" => found.AsNumber() is not null ? found.DeepClone() : null,
            "boolean" => found is JsonValue flag && flag.TryGetValue<bool>(out _) ? found.DeepClone() : null,
            _ => found.Shown(),
        };
    }
}

/// <summary>Paths into objects as columns and scales name them: names and indexes, and elements by the value of a field.</summary>
internal static class SimpleJsonPath
{
    public static JsonNode? Find(JsonNode? value, string path)
    {
        foreach (var step in Steps(path))
        {
            value = step switch
            {
                ['?', .. var filter] => Filtered(value as JsonArray, filter),
                _ when value is JsonArray list => int.TryParse(step, out var index) && index >= 0 && index < list.Count ? list[index] : step == "*" ? list.FirstOrDefault() : null,
                _ => value.At(step),
            };
            if (value is null)
            {
                return null;
            }
        }

        return value;
    }

    private static IEnumerable<string> Steps(string path)
    {
        var at = 0;
        while (at < path.Length)
        {
            if (path[at] == '[')
            {
                var end = path.IndexOf(']', at);
                if (end < 0)
                {
                    yield break;
                }

                yield return path[(at + 1)..end].Trim('\'', '"');
                at = end + 1;
                continue;
            }

            at += path[at] == '.' ? 1 : 0;
            var start = at;
            while (at < path.Length && path[at] is not ('.' or '['))
            {
                // Dots in names are written with a backslash.
                at += path[at] == '\\' && at + 1 < path.Length ? 2 : 1;
            }

            if (at > start)
            {
                yield return path[start..at].Replace("\\", "", StringComparison.Ordinal);
            }
        }
    }

    // ?(@.type=="Ready")
    private static JsonNode? Filtered(JsonArray? list, string filter)
    {
        var parts = filter.Trim('(', ')').Split("==", 2);
        var name = parts[0].Trim().TrimStart('@').TrimStart('.');
        var wanted = parts.Length == 2 ? parts[1].Trim().Trim('\'', '"') : "";
        return list?.FirstOrDefault(one => one.At(name.Split('.')).Shown() == wanted);
    }
}
