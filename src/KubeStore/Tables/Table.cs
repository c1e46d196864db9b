using System.Text.Json.Nodes;
using KubeStore.Objects;
using KubeStore.Resources;

namespace KubeStore.Tables;

/// <summary>Objects as rows.</summary>
internal static class Table
{
    /// <summary>A table; without its columns, if the reader has them already.</summary>
    public static JsonObject Of(
        ResourceDefinition resource,
        IEnumerable<JsonObject> objects,
        JsonObject metadata,
        string includeObject,
        DateTimeOffset now,
        bool withColumns = true,
        IReadOnlyList<TableColumn>? columns = null)
    {
        columns ??= TableColumns.Of(resource);
        var rows = new JsonArray();
        foreach (var value in objects)
        {
            rows.Add((JsonNode)Row(resource, columns, value, includeObject, now));
        }

        return new JsonObject
        {
            ["kind"] = "Table",
            ["apiVersion"] = "meta.k8s.io/v1",
            ["metadata"] = metadata,
            ["columnDefinitions"] = withColumns
                ? JsonAccess.ToArray(columns.Select(column => new JsonObject
                {
                    ["name"] = column.Name,
                    ["type"] = column.Type,
                    ["format"] = column.Format,
                    ["description"] = column.Description,
                    ["priority"] = JsonValue.Create(column.Priority),
                }))
                : new JsonArray(),
            ["rows"] = rows,
        };
    }

    /// <summary>The metadata of an object, and nothing else of it.</summary>
    public static JsonObject Partial(JsonObject value) => new()
    {
        ["kind"] = "PartialObjectMetadata",
        ["apiVersion"] = "meta.k8s.io/v1",
        ["metadata"] = value.At("metadata")?.DeepClone(),
    };

    private static JsonObject Row(ResourceDefinition resource, IReadOnlyList<TableColumn> columns, JsonObject value, string includeObject, DateTimeOffset now)
    {
        var row = new JsonObject { ["cells"] = JsonAccess.ToArray(columns.Select(column => column.Cell(value, now))) };
        if (resource.Plural == "pods" && value.TextAt("status", "phase") is "Succeeded" or "Failed")
        {
            row["conditions"] = JsonAccess.ToArray([new JsonObject
            {
                ["type"] = "Completed",
                ["status"] = "True",
                ["reason"] = value.TextAt("status", "phase"),
                ["message"] = "The pod has completed successfully.",
            }]);
        }

        if (includeObject != "None")
        {
            row["object"] = includeObject == "Object" ? value.DeepClone() : Partial(value);
        }

        return row;
    }
}
