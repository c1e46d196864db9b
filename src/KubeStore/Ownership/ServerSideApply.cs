using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using KubeStore.Failures;
using KubeStore.Objects;
using KubeStore.Registry;
using KubeStore.Resources;
using KubeStore.Schema;

namespace KubeStore.Ownership;

/// <summary>
/// Apply: a manager says all it wants of an object, and gets it, unless somebody else has said otherwise. What it wanted
/// before and does not want now goes, if nobody else wants it.
/// </summary>
internal static class ServerSideApply
{
    private const string LastApplied = "kubectl.kubernetes.io/last-applied-configuration";

    /// <summary>The object that comes of applying a configuration to one that is there (or to nothing).</summary>
    /// <exception cref="StatusException">Somebody else owns what would change.</exception>
    public static JsonObject Merge(
        ResourceDefinition resource, JsonObject? live, JsonObject config, WriteOptions options, string subresource, DateTimeOffset now)
    {
        try
        {
            var applier = new ManagerEntry(options.FieldManager, ManagerEntry.Apply, resource.ApiVersion, subresource, KubeTime.Seconds(now), new());
            return Merge(resource, live ?? [], config, options, applier);
        }
        catch (ListKeyException wrong)
        {
            throw Failure.BadRequest($"failed to create typed patch object ({config.TextAt("metadata", "namespace")}/{config.TextAt("metadata", "name")}; {resource.ApiVersion}, Kind={resource.Kind}): {wrong.Message}");
        }
    }

    private static JsonObject Merge(ResourceDefinition resource, JsonObject live, JsonObject config, WriteOptions options, ManagerEntry applier)
    {
        var entries = Entries(resource, live, applier);
        var set = FieldOwnership.Tracked(Places.Of(config, resource.Schema));
        if (applier.Subresource.Length == 0 && resource.HasStatus)
        {
            set.Remove("f:status");
        }

        var before = entries.FirstOrDefault(entry => entry.IsSameManager(applier));
        var others = entries.Where(entry => !entry.IsSameManager(applier)).ToList();
        var merged = (JsonObject)MergeValue(live, config, resource.Schema)!;
        if (before is not null)
        {
            // Elements before what is in them: an element that stays keeps its key, whoever owned that.
            foreach (var path in before.Fields.Without(set).Members().OrderBy(path => path.Length))
            {
                // Who else owns it, or something in it, keeps it.
                if (set.Find(path) is null && others.All(other => other.Fields.Find(path) is null) && !IsKey(path))
                {
                    RemoveAt(merged, path, resource.Schema);
                }
            }
        }

        var (changedAll, removed) = Places.Between(live, merged, resource.Schema);
        var changed = FieldOwnership.Tracked(changedAll);
        others = Settled(live, others, changed, options, applier.Manager).ConvertAll(other => other with { Fields = other.Fields.Without(removed) });

        var isSame = before is not null && before.Fields.SameAs(set) && changed.IsEmpty && removed.IsEmpty;
        others.Add(applier with { Fields = set, Time = isSame ? before!.Time : applier.Time });
        var result = ObjectMeta.Of(merged);
        ManagedFields.Write(result, others);
        return merged;
    }

    // An object that nobody has kept books on: what it has belongs to whoever was there before.
    private static List<ManagerEntry> Entries(ResourceDefinition resource, JsonObject live, ManagerEntry applier)
    {
        var managed = live.ArrayAt("metadata", "managedFields");
        if (managed is { Count: > 0 } || live.TextAt("metadata", "uid").Length == 0)
        {
            return ManagedFields.Read(managed) ?? [];
        }

        var all = FieldOwnership.Tracked(Places.Between(new JsonObject(), live, resource.Schema).Changed);
        return [new("before-first-apply", ManagerEntry.Update, resource.ApiVersion, "", applier.Time, all)];
    }

    /// <summary>The other owners, after those places were taken from them that they were told of, or were forced to give.</summary>
    private static List<ManagerEntry> Settled(JsonObject live, List<ManagerEntry> others, FieldTree changed, WriteOptions options, string manager)
    {
        var conflicts = others.Select(other => (Owner: other, Places: other.Fields.Common(changed).Members().ToList()))
            .Where(conflict => conflict.Places.Count > 0).ToList();
        if (manager == "kubectl")
        {
            // What an annotation says that kubectl itself has put there is no conflict with kubectl.
            var last = TryParse(live.TextAt("metadata", "annotations", LastApplied));
            foreach (var (_, places) in conflicts)
            {
                places.RemoveAll(path => path.All(name => name.StartsWith("f:", StringComparison.Ordinal))
                    && last is not null && JsonNode.DeepEquals(At(last, path), At(live, path)));
            }

            conflicts.RemoveAll(conflict => conflict.Places.Count == 0);
        }

        if (conflicts.Count > 0 && !options.Force)
        {
            throw Conflict([.. conflicts.Select(conflict => (conflict.Owner, (IReadOnlyList<string[]>)conflict.Places))]);
        }

        return others.ConvertAll(other => other with { Fields = other.Fields.Without(changed) });
    }

    private static StatusException Conflict(IReadOnlyList<(ManagerEntry Owner, IReadOnlyList<string[]> Places)> conflicts)
    {
        var causes = conflicts.SelectMany(conflict => conflict.Places.Select(path => new StatusCause(
            "FieldManagerConflict", $"conflict with {Named(conflict.Owner)}", FieldTree.Shown(path)))).ToList();
        var text = new StringBuilder();
        if (causes.Count == 1)
        {
            text.Append(CultureInfo.InvariantCulture, $"Apply failed with 1 conflict: {causes[0].Message}: {causes[0].Field}");
        }
        else
        {
            text.Append(CultureInfo.InvariantCulture, $"Apply failed with {causes.Count} conflicts: ");
            text.AppendJoin('\n', conflicts.Select(conflict =>
                $"conflicts with {Named(conflict.Owner)}:\n{string.Join('\n', conflict.Places.Select(path => $"- {FieldTree.Shown(path)}"))}"));
        }

        return new(new Status(409, "Conflict", text.ToString()) { Causes = causes });
    }

    private static string Named(ManagerEntry owner)
        => FieldError.Quoted(owner.Manager)
            + (owner.Subresource.Length > 0 ? $" with subresource {FieldError.Quoted(owner.Subresource)}" : "")
            + (owner.Operation == ManagerEntry.Update ? $" using {owner.ApiVersion}" : "");

    private static JsonNode? MergeValue(JsonNode? live, JsonNode? config, ValueSchema schema)
    {
        if (live is null || !Places.IsGranular(live, schema) || !Places.IsGranular(config, schema) || live is JsonArray != config is JsonArray)
        {
            return config?.DeepClone();
        }

        if (live is JsonObject fields)
        {
            var merged = (JsonObject)fields.DeepClone();
            foreach (var (name, value) in (JsonObject)config!)
            {
                merged[name] = MergeValue(fields.At(name), value, schema.Below(name));
            }

            return merged;
        }

        var wanted = Places.Parts(config, schema).ToDictionary(part => part.Name);
        var list = new JsonArray();
        foreach (var (name, value, below) in Places.Parts(live, schema))
        {
            list.Add(wanted.Remove(name, out var twin) ? MergeValue(value, twin.Value, below) : value?.DeepClone());
        }

        foreach (var (name, value, _) in Places.Parts(config, schema))
        {
            if (wanted.ContainsKey(name))
            {
                list.Add(value?.DeepClone());
            }
        }

        return list;
    }

    private static void RemoveAt(JsonNode? at, ReadOnlySpan<string> path, ValueSchema schema)
    {
        foreach (var name in path[..^1])
        {
            (at, schema) = Step(at, name, schema);
        }

        if (at is JsonObject fields && path[^1].StartsWith("f:", StringComparison.Ordinal))
        {
            fields.Remove(path[^1][2..]);
        }
        else if (at is JsonArray list)
        {
            var last = path[^1];
            var found = list.FirstOrDefault(element => Places.NameOf(element, schema) == last);
            list.Remove(found);
        }
    }

    private static bool IsKey(string[] path)
        => path.Length > 1 && path[^2].StartsWith("k:", StringComparison.Ordinal)
            && (JsonText.Parse(Encoding.UTF8.GetBytes(path[^2][2..])) as JsonObject)?.ContainsKey(path[^1][2..]) == true;

    private static (JsonNode? Value, ValueSchema Schema) Step(JsonNode? at, string name, ValueSchema schema) => at switch
    {
        JsonObject fields when name.StartsWith("f:", StringComparison.Ordinal) => (fields.At(name[2..]), schema.Below(name[2..])),
        JsonArray list when Places.IsGranular(list, schema) =>
            (list.FirstOrDefault(element => Places.NameOf(element, schema) == name), schema.Element),
        _ => (null, ValueSchema.Any),
    };

    private static JsonNode? At(JsonNode? value, string[] path) => value.At([.. path.Select(name => name[2..])]);

    private static JsonNode? TryParse(string json)
    {
        try
        {
            return json.Length == 0 ? null : JsonText.Parse(Encoding.UTF8.GetBytes(json));
        }
        catch (System.Text.Json.JsonException)
        {
            return null;
        }
    }
}
