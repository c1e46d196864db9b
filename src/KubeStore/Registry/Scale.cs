using System.Text.Json.Nodes;
using KubeStore.Failures;
using KubeStore.Objects;
using KubeStore.Resources;
using KubeStore.Schema;
using KubeStore.Selectors;

namespace KubeStore.Registry;

/// <summary>How many replicas an object wants and has: the same question for kinds that have nothing else in common.</summary>
internal static class Scale
{
    private static readonly ScalePaths Usual = new(".spec.replicas", ".status.replicas", "");

    public static ValueSchema Schema { get; } = TypeTable.BuiltIn.Find("autoscaling/v1.Scale")!;

    public static JsonObject Of(ResourceDefinition resource, JsonObject value)
    {
        var paths = resource.ScalePaths ?? Usual;
        var wanted = value.IntegerAt(Path(paths.Replicas));
        if (resource.ScalePaths is not null && wanted is null)
        {
            throw Failure.Internal($"the spec replicas field \"{paths.Replicas}\" does not exist");
        }

        var metadata = new JsonObject();
        foreach (var name in (string[])["name", "namespace", "uid", "resourceVersion", "creationTimestamp"])
        {
            if (value.At("metadata", name) is { } there)
            {
                metadata[name] = there.DeepClone();
            }
        }

        var spec = new JsonObject();
        if (wanted is > 0)
        {
            spec["replicas"] = JsonValue.Create(wanted.Value);
        }

        var status = new JsonObject { ["replicas"] = JsonValue.Create(value.IntegerAt(Path(paths.StatusReplicas)) ?? 0) };
        var selector = resource.ScalePaths is { Selector.Length: > 0 } ? value.TextAt(Path(paths.Selector))
            : value.ObjectAt("spec", "selector") is not { } given || resource.ScalePaths is not null ? ""
            : LabelSelector.FromJson(resource.Plural == "replicationcontrollers" ? new JsonObject { ["matchLabels"] = given.DeepClone() } : given)!.ToString();
        if (selector.Length > 0)
        {
            status["selector"] = selector;
        }

        return new JsonObject
        {
            ["kind"] = "Scale",
            ["apiVersion"] = "autoscaling/v1",
            ["metadata"] = metadata,
            ["spec"] = spec,
            ["status"] = status,
        };
    }

    /// <summary>The object, with as many replicas as the scale wants.</summary>
    public static JsonObject Into(ResourceDefinition resource, JsonObject value, JsonObject scale)
    {
        var replicas = scale.At("spec", "replicas") is null ? 0
            : scale.IntegerAt("spec", "replicas") ?? throw Failure.BadRequest("Scale in version \"v1\" cannot be handled as a Scale: spec.replicas must be a whole number");
        if (replicas < 0)
        {
            throw Failure.Invalid("autoscaling", "Scale", value.TextAt("metadata", "name"), [FieldError.Invalid("spec.replicas", JsonValue.Create(replicas), "must be greater than or equal to 0")]);
        }

        var path = Path((resource.ScalePaths ?? Usual).Replicas);
        var at = value;
        foreach (var name in path[..^1])
        {
            at = at.Ensure(name);
        }

        at[path[^1]] = JsonValue.Create(replicas);
        var (meta, asked) = (ObjectMeta.Of(value), ObjectMeta.Of(scale));
        if (asked.Uid.Length > 0)
        {
            meta.Uid = asked.Uid;
        }

        if (asked.ResourceVersion.Length > 0)
        {
            meta.ResourceVersion = asked.ResourceVersion;
        }

        return value;
    }

    private static string[] Path(string path) => path.TrimStart('.').Split('.');
}
