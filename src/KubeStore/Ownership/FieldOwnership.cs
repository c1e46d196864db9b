using System.Text.Json.Nodes;
using KubeStore.Objects;
using KubeStore.Registry;
using KubeStore.Resources;

namespace KubeStore.Ownership;

/// <summary>Keeps the books on who owns which fields, with every write that is no apply.</summary>
internal static class FieldOwnership
{
    private static readonly string[] UntrackedMetadata =
        ["name", "namespace", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "uid", "clusterName", "generation", "managedFields", "resourceVersion"];

    /// <summary>Writes into the new object who owns what of it: the writer takes what it added or changed.</summary>
    public static void Record(
        ResourceDefinition resource, JsonObject? current, JsonObject next, WriteOptions options, string subresource, DateTimeOffset now)
    {
        var meta = ObjectMeta.Of(next);
        var sent = meta.Json.ArrayAt("managedFields");
        var kept = current.ArrayAt("metadata", "managedFields");
        var entries = sent is null || subresource.Length > 0 ? ManagedFields.Read(kept) : ManagedFields.Read(sent);
        if (entries is null)
        {
            if (sent is not null)
            {
                // It was asked for that nobody be remembered.
                meta.Json.Remove("managedFields");
                return;
            }

            entries = [];
        }

        try
        {
            var writer = new ManagerEntry(options.FieldManager, ManagerEntry.Update, resource.ApiVersion, subresource, KubeTime.Seconds(now), new());
            ManagedFields.Write(meta, Updated(resource, current ?? [], next, entries, writer));
        }
        catch (ListKeyException)
        {
            // Lists whose elements cannot be told apart cannot be kept books on; the write itself is good.
            meta.Json.Remove("managedFields");
        }
    }

    /// <summary>Drops what nobody owns: the type, and what only the server writes.</summary>
    public static FieldTree Tracked(FieldTree fields)
    {
        var tracked = FieldTree.Parse(fields.ToJson());
        tracked.Remove("f:apiVersion");
        tracked.Remove("f:kind");
        foreach (var name in UntrackedMetadata)
        {
            tracked.Remove("f:metadata", "f:" + name);
        }

        // metadata itself is there without anybody's doing.
        if (tracked.Find("f:metadata") is { } metadata)
        {
            var json = metadata.ToJson();
            json.Remove(".");
            tracked.Remove("f:metadata");
            if (json.Count > 0)
            {
                tracked = tracked.Union(FieldTree.Parse(new JsonObject { ["f:metadata"] = json }));
            }
        }

        return tracked;
    }

    private static List<ManagerEntry> Updated(
        ResourceDefinition resource, JsonObject current, JsonObject next, List<ManagerEntry> entries, ManagerEntry writer)
    {
        var (changedAll, removedAll) = Places.Between(current, next, resource.Schema);
        var (changed, removed) = (Tracked(changedAll), Tracked(removedAll));
        var updated = new List<ManagerEntry>();
        var own = writer;
        foreach (var entry in entries)
        {
            if (entry.IsSameManager(writer))
            {
                var fields = entry.Fields.Union(changed).Without(removed);
                own = fields.SameAs(entry.Fields) ? entry : writer with { Fields = fields };
            }
            else
            {
                updated.Add(entry with { Fields = entry.Fields.Without(changed).Without(removed) });
            }
        }

        updated.Add(ReferenceEquals(own, writer) ? writer with { Fields = changed } : own);
        return updated;
    }
}
