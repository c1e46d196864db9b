using System.Text.Json.Nodes;
using KubeStore.Failures;
using KubeStore.Objects;

namespace KubeStore.Kinds;

internal sealed class JobRules : KindRules
{
    private const string UidLabel = "batch.kubernetes.io/controller-uid";

    public override void Default(JsonObject value) => DefaultSpec(value.Ensure("spec"));

    public override void PrepareCreate(JsonObject value)
    {
        var spec = value.Ensure("spec");
        if (spec.FlagAt("manualSelector"))
        {
            return;
        }

        // Pods belong to this job and no other of the same name: they are found by its uid.
        var (uid, name) = (value.TextAt("metadata", "uid"), value.TextAt("metadata", "name"));
        var labels = spec.Ensure("template").Ensure("metadata").Ensure("labels");
        labels[UidLabel] = uid;
        labels["controller-uid"] = uid;
        if (name.Length > 0)
        {
            labels["batch.kubernetes.io/job-name"] = name;
            labels["job-name"] = name;
        }

        spec["selector"] = new JsonObject { ["matchLabels"] = new JsonObject { [UidLabel] = uid } };
    }

    public override IEnumerable<FieldError> Problems(JsonObject value)
    {
        foreach (var problem in PodSpecDefaults.Problems("spec.template.spec", value.ObjectAt("spec", "template", "spec")))
        {
            yield return problem;
        }

        if (value.At("spec", "template", "spec", "restartPolicy").AsText() is "Always")
        {
            yield return FieldError.NotSupported("spec.template.spec.restartPolicy", "Always", ["OnFailure", "Never"]);
        }
    }

    public override IEnumerable<FieldError> ProblemsOfUpdate(JsonObject next, JsonObject old)
    {
        foreach (var field in (string[])["selector", "template", "completions", "completionMode"])
        {
            var isStart = field == "template" && old.FlagAt("spec", "suspend");
            if (!isStart && Immutable($"spec.{field}", next, old, "spec", field) is { } changed)
            {
                yield return changed;
            }
        }
    }

    internal static void DefaultSpec(JsonObject spec)
    {
        if (spec.At("completions") is null && spec.At("parallelism") is null)
        {
            spec["completions"] = JsonValue.Create(1L);
        }

        spec.Default("parallelism", JsonValue.Create(1L));
        spec.Default("backoffLimit", JsonValue.Create(6L));
        spec.Default("completionMode", "NonIndexed");
        spec.Default("suspend", JsonValue.Create(false));
        if (spec.ObjectAt("template") is { } template)
        {
            PodSpecDefaults.Apply(template.Ensure("spec"), isPod: false);
        }
    }
}

internal sealed class CronJobRules : KindRules
{
    public override void Default(JsonObject value)
    {
        var spec = value.Ensure("spec");
        spec.Default("concurrencyPolicy", "Allow");
        spec.Default("suspend", JsonValue.Create(false));
        spec.Default("successfulJobsHistoryLimit", JsonValue.Create(3L));
        spec.Default("failedJobsHistoryLimit", JsonValue.Create(1L));
        if (spec.ObjectAt("jobTemplate", "spec", "template") is { } template)
        {
            PodSpecDefaults.Apply(template.Ensure("spec"), isPod: false);
        }
    }

    public override IEnumerable<FieldError> Problems(JsonObject value)
    {
        var schedule = value.TextAt("spec", "schedule");
        if (schedule.Length == 0)
        {
            yield return FieldError.Required("spec.schedule");
        }
        else if (schedule[0] != '@' && schedule.Split(' ', StringSplitOptions.RemoveEmptyEntries).Length != 5)
        {
            yield return FieldError.Invalid("spec.schedule", schedule, $"expected exactly 5 fields, found {schedule.Split(' ', StringSplitOptions.RemoveEmptyEntries).Length}: [{schedule}]");
        }

        foreach (var problem in PodSpecDefaults.Problems("spec.jobTemplate.spec.template.spec", value.ObjectAt("spec", "jobTemplate", "spec", "template", "spec")))
        {
            yield return problem;
        }

        if (value.TextAt("spec", "jobTemplate", "spec", "template", "spec", "restartPolicy") == "Always")
        {
            yield return FieldError.NotSupported("spec.jobTemplate.spec.template.spec.restartPolicy", "Always", ["OnFailure", "Never"]);
        }
    }
}
