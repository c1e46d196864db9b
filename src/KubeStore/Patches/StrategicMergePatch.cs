using System.Text.Json.Nodes;
using KubeStore.Failures;
using KubeStore.Objects;
using KubeStore.Schema;

namespace KubeStore.Patches;

/// <summary>
/// A document laid over another by the schema: lists whose elements have keys are merged element by element, and what a
/// document cannot say is said by directives, names that begin with <c>$</c>.
/// </summary>
internal static class StrategicMergePatch
{
    private const string Directive = "$patch";
    private const string RetainKeys = "$retainKeys";
    private const string DeleteFrom = "$deleteFromPrimitiveList/";
    private const string SetOrder = "$setElementOrder/";

    /// <summary>The value as the patch would have it.</summary>
    /// <exception cref="StatusException">The patch contradicts itself.</exception>
    public static JsonObject Apply(JsonObject value, JsonObject patch, ValueSchema schema) => MergeMap(value, patch, schema);

    private static JsonObject MergeMap(JsonObject value, JsonObject patch, ValueSchema schema)
    {
        switch (patch.TextAt(Directive))
        {
            case "replace":
                var replaced = (JsonObject)patch.DeepClone();
                replaced.Remove(Directive);
                return replaced;
            case "delete":
                return [];
            case "" or "merge":
                break;
            case var unknown:
                throw Failure.BadRequest($"Unrecognized value of $patch directive: {unknown}");
        }

        var merged = (JsonObject)value.DeepClone();
        Retain(merged, patch);
        foreach (var (name, change) in patch)
        {
            if (name is Directive or RetainKeys)
            {
                continue;
            }

            if (name.StartsWith(SetOrder, StringComparison.Ordinal))
            {
                _ = change as JsonArray ?? throw Failure.BadRequest($"{name} must be a list");
                continue;
            }

            if (name.StartsWith(DeleteFrom, StringComparison.Ordinal))
            {
                RemoveFrom(merged, name[DeleteFrom.Length..], change as JsonArray);
                continue;
            }

            var field = schema.Kind == ValueKind.Struct && schema.Fields.TryGetValue(name, out var known) ? known : null;
            var below = schema.Below(name);
            var there = merged.At(name);
            if (change is null)
            {
                merged.Remove(name);
            }
            else if (field?.PatchStrategy.Contains("replace") == true)
            {
                merged[name] = WithoutDirectives(change);
            }
            else if (change is JsonObject map)
            {
                merged[name] = there is JsonObject old ? MergeMap(old, map, below) : MergeMap([], map, below);
            }
            else if (change is JsonArray list && field?.PatchStrategy.Contains("merge") == true)
            {
                merged[name] = MergeList(there as JsonArray ?? [], list, patch.ArrayAt(SetOrder + name), field);
            }
            else
            {
                merged[name] = WithoutDirectives(change);
            }
        }

        // An order may be given for a list that is not changed otherwise.
        foreach (var (name, order) in patch)
        {
            if (name.StartsWith(SetOrder, StringComparison.Ordinal) && patch.At(name[SetOrder.Length..]) is null
                && merged.ArrayAt(name[SetOrder.Length..]) is { } list && order is JsonArray wanted
                && schema.Fields.TryGetValue(name[SetOrder.Length..], out var field))
            {
                merged[name[SetOrder.Length..]] = Ordered(list, list, wanted, field.PatchMergeKey);
            }
        }

        return merged;
    }

    private static JsonArray MergeList(JsonArray there, JsonArray patch, JsonArray? order, FieldSchema field)
    {
        if (field.PatchMergeKey.Length == 0)
        {
            var union = there.Concat(patch).Select(one => one?.DeepClone()).ToList();
            return Ordered(there, JsonAccess.ToArray(Distinct(union)), order ?? [], "");
        }

        var key = field.PatchMergeKey;
        var element = field.Schema.Element;
        if (patch.Objects().Any(one => one.TextAt(Directive) == "replace" && one.At(key) is null))
        {
            return JsonAccess.ToArray(patch.Objects().Where(one => one.TextAt(Directive) != "replace" || one.At(key) is not null).Select(WithoutDirectives));
        }

        var merged = there.Select(one => one?.DeepClone()).ToList();
        var named = new List<JsonNode?>();
        foreach (var change in patch)
        {
            if (change is not JsonObject map || map.At(key) is not { } value)
            {
                throw Failure.BadRequest($"map: {change?.ToJsonString()} does not contain declared merge key: {key}");
            }

            var at = merged.FindIndex(one => JsonNode.DeepEquals(one.At(key), value));
            if (map.TextAt(Directive) == "delete")
            {
                merged.RemoveAll(one => JsonNode.DeepEquals(one.At(key), value));
                continue;
            }

            named.Add(value);
            if (at >= 0)
            {
                merged[at] = MergeMap((JsonObject)merged[at]!, map, element);
            }
            else
            {
                merged.Add(MergeMap([], map, element));
            }
        }

        if (order is not null && named.Any(one => !order.Any(wanted => JsonNode.DeepEquals(wanted.At(key), one))))
        {
            throw Failure.BadRequest($"The order in patch list does not contain all of its elements ({SetOrder}{field.Name})");
        }

        return Ordered(there, JsonAccess.ToArray(merged), order ?? JsonAccess.ToArray(named.Select(one => new JsonObject { [key] = one!.DeepClone() })), key);
    }

    /// <summary>
    /// Elements that were named keep the order in which they were, the others that in which the server had them. One of the
    /// latter comes first only if it stood before the next of the former.
    /// </summary>
    private static JsonArray Ordered(JsonArray there, JsonArray merged, JsonArray order, string key)
    {
        JsonNode? Key(JsonNode? one) => key.Length > 0 ? one.At(key) : one;
        int Rank(JsonArray list, JsonNode? one) => list.ToList().FindIndex(other => JsonNode.DeepEquals(Key(other), Key(one)));

        var named = new Queue<JsonNode?>(merged.Where(one => Rank(order, one) >= 0).OrderBy(one => Rank(order, one)));
        var others = new Queue<JsonNode?>(merged.Where(one => Rank(order, one) < 0).OrderBy(one => Rank(there, one) is >= 0 and var rank ? rank : int.MaxValue));
        var result = new JsonArray();
        while (named.Count > 0 && others.Count > 0)
        {
            var (first, second) = (Rank(there, others.Peek()), Rank(there, named.Peek()));
            result.Add((first >= 0 && second >= 0 && first < second ? others : named).Dequeue()?.DeepClone());
        }

        foreach (var rest in named.Concat(others))
        {
            result.Add(rest?.DeepClone());
        }

        return result;
    }

    private static void Retain(JsonObject merged, JsonObject patch)
    {
        if (patch.ArrayAt(RetainKeys) is not { } keys)
        {
            return;
        }

        var kept = keys.Texts().ToHashSet();
        foreach (var (name, change) in patch)
        {
            if (change is not null && !name.StartsWith('$') && !kept.Contains(name))
            {
                throw Failure.BadRequest($"{RetainKeys} directive does not contain all keys of the patch: {name}");
            }
        }

        foreach (var name in merged.Select(one => one.Key).Where(name => !kept.Contains(name)).ToList())
        {
            merged.Remove(name);
        }
    }

    private static void RemoveFrom(JsonObject merged, string name, JsonArray? values)
    {
        if (merged.ArrayAt(name) is { } list)
        {
            merged[name] = JsonAccess.ToArray(list.Where(one => values?.Any(value => JsonNode.DeepEquals(value, one)) != true).Select(one => one?.DeepClone()));
        }
    }

    private static IEnumerable<JsonNode?> Distinct(IEnumerable<JsonNode?> values)
    {
        var seen = new List<JsonNode?>();
        foreach (var value in values)
        {
            if (!seen.Any(one => JsonNode.DeepEquals(one, value)))
            {
                seen.Add(value);
                yield return value;
            }
        }
    }

    private static JsonNode? WithoutDirectives(JsonNode? value)
    {
        switch (value)
        {
            case JsonObject map:
                var plain = new JsonObject();
                foreach (var (name, inner) in map)
                {
                    if (!name.StartsWith('$') && inner is not null)
                    {
                        plain[name] = WithoutDirectives(inner);
                    }
                }

                return plain;
            case JsonArray list:
                return JsonAccess.ToArray(list.Select(WithoutDirectives));
            default:
                return value?.DeepClone();
        }
    }
}
