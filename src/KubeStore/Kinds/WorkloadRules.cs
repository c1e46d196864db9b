using System.Text.Json.Nodes;
using KubeStore.Failures;
using KubeStore.Objects;
using KubeStore.Selectors;

namespace KubeStore.Kinds;

/// <summary>What kinds that keep pods from a template have in common.</summary>
internal abstract class WorkloadRules : KindRules
{
    public override void Default(JsonObject value)
    {
        var spec = value.Ensure("spec");
        if (spec.ObjectAt("template") is { } template)
        {
            PodSpecDefaults.Apply(template.Ensure("spec"), isPod: false);
        }

        DefaultSpec(spec, value);
    }

    public override void PrepareStatusUpdate(JsonObject next, JsonObject old)
        => next.Ensure("metadata").TakeFrom("labels", old.Ensure("metadata"));

    public override IEnumerable<FieldError> Problems(JsonObject value)
    {
        var spec = value.ObjectAt("spec");
        foreach (var problem in SelectorProblems(spec).Concat(PodSpecDefaults.Problems("spec.template.spec", spec.ObjectAt("template", "spec"))))
        {
            yield return problem;
        }

        if (spec.IntegerAt("replicas") < 0)
        {
            yield return FieldError.Invalid("spec.replicas", spec.At("replicas"), "must be greater than or equal to 0");
        }
    }

    public override IEnumerable<FieldError> ProblemsOfUpdate(JsonObject next, JsonObject old)
    {
        if (Immutable("spec.selector", next, old, "spec", "selector") is { } changed)
        {
            yield return changed;
        }
    }

    protected abstract void DefaultSpec(JsonObject spec, JsonObject value);

    protected virtual LabelSelector? Selector(JsonObject? spec) => LabelSelector.FromJson(spec.ObjectAt("selector"));

    protected static void DefaultNumber(JsonObject spec, string name, long value) => spec.Default(name, JsonValue.Create(value));

    private IEnumerable<FieldError> SelectorProblems(JsonObject? spec)
    {
        var selector = Selector(spec);
        if (selector is null)
        {
            yield return FieldError.Required("spec.selector");
            yield break;
        }

        if (selector.IsEverything)
        {
            yield return FieldError.Invalid("spec.selector", spec.At("selector"), "empty selector is invalid for deployment");
        }

        var labels = (spec.ObjectAt("template", "metadata", "labels") ?? []).ToDictionary(one => one.Key, one => one.Value.AsText() ?? "");
        if (!selector.Matches(labels))
        {
            yield return FieldError.Invalid(
                "spec.template.metadata.labels", spec.At("template", "metadata", "labels"), "`selector` does not match template `labels`");
        }
    }
}

internal sealed class DeploymentRules : WorkloadRules
{
    protected override void DefaultSpec(JsonObject spec, JsonObject value)
    {
        DefaultNumber(spec, "replicas", 1);
        DefaultNumber(spec, "revisionHistoryLimit", 10);
        DefaultNumber(spec, "progressDeadlineSeconds", 600);
        var strategy = spec.Ensure("strategy");
        strategy.Default("type", "RollingUpdate");
        if (strategy.TextAt("type") == "RollingUpdate")
        {
            var rolling = strategy.Ensure("rollingUpdate");
            rolling.Default("maxUnavailable", "25%");
            rolling.Default("maxSurge", "25%");
        }
    }
}

internal sealed class ReplicaSetRules : WorkloadRules
{
    protected override void DefaultSpec(JsonObject spec, JsonObject value) => DefaultNumber(spec, "replicas", 1);
}

internal sealed class ReplicationControllerRules : WorkloadRules
{
    protected override void DefaultSpec(JsonObject spec, JsonObject value)
    {
        DefaultNumber(spec, "replicas", 1);
        if (spec.ObjectAt("template", "metadata", "labels") is { } labels)
        {
            spec.Default("selector", labels.DeepClone());
        }
    }

    // Its selector is a plain map of labels.
    protected override LabelSelector? Selector(JsonObject? spec)
        => spec.ObjectAt("selector") is { } labels ? LabelSelector.FromJson(new JsonObject { ["matchLabels"] = labels.DeepClone() }) : null;
}

internal sealed class StatefulSetRules : WorkloadRules
{
    private static readonly string[] Mutable =
        ["replicas", "ordinals", "template", "updateStrategy", "persistentVolumeClaimRetentionPolicy", "minReadySeconds", "revisionHistoryLimit"];

    public override IEnumerable<FieldError> ProblemsOfUpdate(JsonObject next, JsonObject old)
    {
        var (asked, there) = ((JsonObject)next.At("spec")!.DeepClone(), (JsonObject)old.At("spec")!.DeepClone());
        foreach (var name in Mutable)
        {
            asked.TakeFrom(name, there);
        }

        if (!JsonNode.DeepEquals(asked, there))
        {
            yield return FieldError.Forbidden(
                "spec",
                "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden");
        }
    }

    protected override void DefaultSpec(JsonObject spec, JsonObject value)
    {
        DefaultNumber(spec, "replicas", 1);
        DefaultNumber(spec, "revisionHistoryLimit", 10);
        spec.Default("podManagementPolicy", "OrderedReady");
        var strategy = spec.Ensure("updateStrategy");
        strategy.Default("type", "RollingUpdate");
        if (strategy.TextAt("type") == "RollingUpdate")
        {
            DefaultNumber(strategy.Ensure("rollingUpdate"), "partition", 0);
        }

        var retention = spec.Ensure("persistentVolumeClaimRetentionPolicy");
        retention.Default("whenDeleted", "Retain");
        retention.Default("whenScaled", "Retain");
        foreach (var claim in spec.ArrayAt("volumeClaimTemplates").Objects())
        {
            claim.Ensure("spec").Default("volumeMode", "Filesystem");
            claim.Ensure("status").Default("phase", "Pending");
        }
    }
}

internal sealed class DaemonSetRules : WorkloadRules
{
    protected override void DefaultSpec(JsonObject spec, JsonObject value)
    {
        DefaultNumber(spec, "revisionHistoryLimit", 10);
        var strategy = spec.Ensure("updateStrategy");
        strategy.Default("type", "RollingUpdate");
        if (strategy.TextAt("type") == "RollingUpdate")
        {
            DefaultNumber(strategy.Ensure("rollingUpdate"), "maxUnavailable", 1);
            DefaultNumber(strategy.Ensure("rollingUpdate"), "maxSurge", 0);
        }
    }
}
