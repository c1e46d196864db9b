using System.Text.Json.Nodes;
using KubeStore.Objects;

namespace KubeStore.Ownership;

/// <summary>Who owns which fields, by which kind of request.</summary>
internal sealed record ManagerEntry(string Manager, string Operation, string ApiVersion, string Subresource, string Time, FieldTree Fields)
{
    public const string Apply = "Apply";
    public const string Update = "Update";

    public bool IsSameManager(ManagerEntry other)
        => Manager == other.Manager && Operation == other.Operation && Subresource == other.Subresource
            && (Operation == Apply || ApiVersion == other.ApiVersion);
}

/// <summary>All owners of an object's fields.</summary>
internal static class ManagedFields
{
    private const int MaxUpdaters = 10;
    private const string Ancient = "ancient-changes";

    /// <summary>From an object's metadata. Null: it says that nobody is to be remembered.</summary>
    public static List<ManagerEntry>? Read(JsonArray? managed)
    {
        if (managed is { Count: 0 } || (managed is [JsonObject { Count: 0 }]))
        {
            return null;
        }

        return
        [
            .. managed.Objects().Select(entry => new ManagerEntry(
                entry.TextAt("manager"),
                entry.TextAt("operation"),
                entry.TextAt("apiVersion"),
                entry.TextAt("subresource"),
                entry.TextAt("time"),
                FieldTree.Parse(entry.ObjectAt("fieldsV1")))),
        ];
    }

    /// <summary>Into an object's metadata.</summary>
    public static void Write(ObjectMeta meta, IEnumerable<ManagerEntry> entries)
    {
        var all = Bounded(entries.Where(entry => !entry.Fields.IsEmpty).ToList())
            .OrderBy(entry => entry.Operation, StringComparer.Ordinal)
            .ThenBy(entry => entry.Time, StringComparer.Ordinal)
            .ThenBy(entry => entry.Manager, StringComparer.Ordinal)
            .ThenBy(entry => entry.ApiVersion, StringComparer.Ordinal)
            .ThenBy(entry => entry.Subresource, StringComparer.Ordinal)
            .ToList();
        if (all.Count == 0)
        {
            meta.Json.Remove("managedFields");
            return;
        }

        meta.Json["managedFields"] = JsonAccess.ToArray(all.Select(ToJson));
    }

    private static JsonObject ToJson(ManagerEntry entry)
    {
        var json = new JsonObject
        {
            ["manager"] = entry.Manager,
            ["operation"] = entry.Operation,
            ["apiVersion"] = entry.ApiVersion,
        };
        if (entry.Time.Length > 0)
        {
            json["time"] = entry.Time;
        }

        json["fieldsType"] = "FieldsV1";
        json["fieldsV1"] = entry.Fields.ToJson();
        if (entry.Subresource.Length > 0)
        {
            json["subresource"] = entry.Subresource;
        }

        return json;
    }

    // An object that many programs have touched must not grow for ever: the oldest are remembered as one.
    private static List<ManagerEntry> Bounded(List<ManagerEntry> entries)
    {
        while (entries.Count(one => one.Operation == ManagerEntry.Update && one.Manager != Ancient) > MaxUpdaters)
        {
            var oldest = entries.Where(one => one.Operation == ManagerEntry.Update && one.Manager != Ancient).MinBy(one => one.Time, StringComparer.Ordinal)!;
            entries.Remove(oldest);
            var ancient = entries.FindIndex(one => one.Manager == Ancient && one.ApiVersion == oldest.ApiVersion);
            var merged = oldest with { Manager = Ancient, Subresource = "", Fields = ancient < 0 ? oldest.Fields : entries[ancient].Fields.Union(oldest.Fields) };
            if (ancient < 0)
            {
                entries.Add(merged);
            }
            else
            {
                entries[ancient] = merged;
            }
        }

        return entries;
    }
}
