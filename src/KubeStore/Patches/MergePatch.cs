using System.Text.Json.Nodes;
using KubeStore.Objects;

namespace KubeStore.Patches;

/// <summary>A document laid over another (RFC 7386): null takes away, lists are taken whole.</summary>
internal static class MergePatch
{
    public static JsonNode? Apply(JsonNode? value, JsonNode? patch)
    {
        if (patch is not JsonObject changes)
        {
            return patch?.DeepClone();
        }

        var merged = value as JsonObject ?? [];
        foreach (var (name, change) in changes)
        {
            if (change is null)
            {
                merged.Remove(name);
                continue;
            }

            var below = merged.At(name);
            if (below is not null && change is JsonObject && below is JsonObject)
            {
                Apply(below, change);
            }
            else
            {
                merged[name] = Apply(null, change);
            }
        }

        return merged;
    }
}
