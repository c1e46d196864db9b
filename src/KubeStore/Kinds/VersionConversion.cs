using System.Text.Json.Nodes;
using KubeStore.Objects;
using KubeStore.Resources;

namespace KubeStore.Kinds;

/// <summary>Between the version in which an object is kept and that in which it is asked for.</summary>
internal static class VersionConversion
{
    public static KubeObject FromStorage(ResourceDefinition resource, KubeObject stored)
    {
        if (resource.Structure is null && stored.ApiVersion == resource.ApiVersion)
        {
            return stored;
        }

        if (stored.PresentedAs(resource) is { } known)
        {
            return known;
        }

        var json = FromStorage(resource, stored.ToJson());
        resource.Structure?.Default(json);
        resource.Structure?.Prune(json, []);
        var bytes = KubeObject.Encode(json);
        var presented = bytes.AsSpan().SequenceEqual(stored.Json.Span) ? stored : KubeObject.Read(bytes, stored.Revision);
        stored.Presented(resource, presented);
        return presented;
    }

    public static JsonObject FromStorage(ResourceDefinition resource, JsonObject value) => Convert(resource, value, resource.ApiVersion);

    public static JsonObject ToStorage(ResourceDefinition resource, JsonObject value) => Convert(resource, value, resource.StorageApiVersion);

    private static JsonObject Convert(ResourceDefinition resource, JsonObject value, string version)
    {
        var from = value.TextAt("apiVersion");
        if (from != version)
        {
            value["apiVersion"] = version;
            switch (resource.StoragePrefix, version)
            {
                case ("events", "v1"):
                    EventVersions.ToCore(value);
                    break;
                case ("events", _):
                    EventVersions.ToEvents(value);
                    break;
                case ("horizontalpodautoscalers", "autoscaling/v1"):
                    AutoscalerVersions.ToV1(value);
                    break;
                case ("horizontalpodautoscalers", _):
                    AutoscalerVersions.ToV2(value);
                    break;
            }
        }

        return value;
    }
}

/// <summary>Events of the core and of their own group: one set of objects under two sets of names.</summary>
internal static class EventVersions
{
    private static readonly (string Core, string Events)[] Names =
    [
        ("involvedObject", "regarding"), ("message", "note"), ("source", "deprecatedSource"), ("firstTimestamp", "deprecatedFirstTimestamp"),
        ("lastTimestamp", "deprecatedLastTimestamp"), ("count", "deprecatedCount"), ("reportingComponent", "reportingController"),
    ];

    public static void ToCore(JsonObject value) => Rename(value, Names.Select(pair => (pair.Events, pair.Core)));

    public static void ToEvents(JsonObject value) => Rename(value, Names);

    private static void Rename(JsonObject value, IEnumerable<(string From, string To)> names)
    {
        foreach (var (from, to) in names)
        {
            if (value.Remove(from, out var moved))
            {
                value[to] = moved;
            }
        }
    }
}

/// <summary>Autoscalers with one target for the processor, and with any metrics. What the first cannot say travels in an
/// annotation.</summary>
internal static class AutoscalerVersions
{
    private const string MetricsAnnotation = "autoscaling.alpha.kubernetes.io/metrics";

    public static void ToV2(JsonObject value)
    {
        if (value.ObjectAt("spec") is not { } spec)
        {
            return;
        }

        var metrics = new JsonArray();
        if (spec.Remove("targetCPUUtilizationPercentage", out var percentage) && percentage is not null)
        {
            metrics.Add((JsonNode)new JsonObject
            {
                ["type"] = "Resource",
                ["resource"] = new JsonObject
                {
                    ["name"] = "cpu",
                    ["target"] = new JsonObject { ["type"] = "Utilization", ["averageUtilization"] = percentage },
                },
            });
        }

        var annotations = value.ObjectAt("metadata", "annotations");
        if (annotations is not null && annotations.Remove(MetricsAnnotation, out var others)
            && TryParse(others.AsText()) is JsonArray more)
        {
            foreach (var metric in more)
            {
                metrics.Add(metric?.DeepClone());
            }
        }

        if (metrics.Count > 0)
        {
            spec["metrics"] = metrics;
        }

        if (value.ObjectAt("status") is { } status)
        {
            status.Remove("currentCPUUtilizationPercentage");
        }
    }

    public static void ToV1(JsonObject value)
    {
        if (value.ObjectAt("spec") is { } spec && spec.Remove("metrics", out var metrics))
        {
            var others = new JsonArray();
            foreach (var metric in (metrics as JsonArray).Objects())
            {
                if (metric.TextAt("resource", "name") == "cpu" && metric.At("resource", "target", "averageUtilization") is { } percentage)
                {
                    spec["targetCPUUtilizationPercentage"] = percentage.DeepClone();
                }
                else
                {
                    others.Add((JsonNode)metric.DeepClone());
                }
            }

            if (others.Count > 0)
            {
                value.Ensure("metadata").Ensure("annotations")[MetricsAnnotation] = System.Text.Encoding.UTF8.GetString(JsonText.Write(others));
            }

            spec.Remove("behavior");
        }

        if (value.ObjectAt("status") is { } status)
        {
            status.Remove("conditions");
            status.Remove("currentMetrics");
        }
    }

    private static JsonNode? TryParse(string? json)
    {
        try
        {
            return json is null ? null : JsonText.Parse(System.Text.Encoding.UTF8.GetBytes(json));
        }
        catch (System.Text.Json.JsonException)
        {
            return null;
        }
    }
}
