using System.Text.Json.Nodes;
using KubeStore.Failures;
using KubeStore.Objects;

namespace KubeStore.Kinds;

internal sealed class PodRules : KindRules
{
    public override void Default(JsonObject value) => PodSpecDefaults.Apply(value.Ensure("spec"), isPod: true);

    public override void PrepareCreate(JsonObject value)
        => value["status"] = new JsonObject { ["phase"] = "Pending", ["qosClass"] = QualityOfService(value) };

    public override void PrepareStatusUpdate(JsonObject next, JsonObject old)
    {
        next.Ensure("metadata").TakeFrom("ownerReferences", old.Ensure("metadata"));
        next.Ensure("status").Default("qosClass", old.At("status", "qosClass")?.DeepClone());
    }

    public override IEnumerable<FieldError> Problems(JsonObject value) => PodSpecDefaults.Problems("spec", value.ObjectAt("spec"));

    public override IEnumerable<FieldError> ProblemsOfUpdate(JsonObject next, JsonObject old)
    {
        // What may change is made equal; then nothing may differ.
        var (there, asked) = ((JsonObject)old.At("spec")!.DeepClone(), (JsonObject)next.At("spec")!.DeepClone());
        foreach (var list in (string[])["containers", "initContainers"])
        {
            foreach (var (container, same) in asked.ArrayAt(list).Objects().Zip(there.ArrayAt(list).Objects()))
            {
                container.TakeFrom("image", same);
            }
        }

        foreach (var name in (string[])["activeDeadlineSeconds", "tolerations", "schedulingGates"])
        {
            asked.TakeFrom(name, there);
        }

        if (old.IntegerAt("spec", "terminationGracePeriodSeconds") < 0 && next.IntegerAt("spec", "terminationGracePeriodSeconds") == 1)
        {
            asked.TakeFrom("terminationGracePeriodSeconds", there);
        }

        if (!JsonNode.DeepEquals(there, asked))
        {
            yield return FieldError.Forbidden(
                "spec",
                "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)");
        }

        var kept = next.ArrayAt("spec", "tolerations") ?? [];
        if (old.ArrayAt("spec", "tolerations") is { } tolerations && tolerations.Any(one => !kept.Any(other => JsonNode.DeepEquals(one, other))))
        {
            yield return FieldError.Forbidden("spec.tolerations", "existing toleration can not be modified except its tolerationSeconds");
        }
    }

    public override long? GracePeriod(JsonObject value, long? asked)
    {
        // Nothing runs yet, or any more: there is nobody to wait for.
        if (value.TextAt("spec", "nodeName").Length == 0 || value.TextAt("status", "phase") is "Succeeded" or "Failed")
        {
            return 0;
        }

        var period = asked ?? value.IntegerAt("spec", "terminationGracePeriodSeconds") ?? 30;
        return period < 0 ? 1 : period;
    }

    internal static string QualityOfService(JsonObject pod)
    {
        var (all, none) = (true, true);
        foreach (var container in pod.ArrayAt("spec", "containers").Objects().Concat(pod.ArrayAt("spec", "initContainers").Objects()))
        {
            foreach (var name in (string[])["cpu", "memory"])
            {
                var request = container.At("resources", "requests", name).AsText();
                var limit = container.At("resources", "limits", name).AsText();
                none &= request is null && limit is null;
                all &= limit is not null && (request is null || Schema.Quantity.Compare(request, limit) == 0);
            }
        }

        return none ? "BestEffort" : all ? "Guaranteed" : "Burstable";
    }
}

internal sealed class PodTemplateRules : KindRules
{
    public override void Default(JsonObject value)
    {
        if (value.ObjectAt("template", "spec") is { } spec)
        {
            PodSpecDefaults.Apply(spec, isPod: false);
        }
    }
}
