using System.Globalization;
using System.Text.Json.Nodes;
using KubeStore.Failures;
using KubeStore.Objects;
using KubeStore.Registry;

namespace KubeStore.Admission;

internal sealed class PriorityStep(KubeRegistry registry) : IAdmissionStep
{
    public async ValueTask MutateAsync(AdmissionRequest request, CancellationToken cancellation)
    {
        if (!request.Creates("", "pods"))
        {
            return;
        }

        var spec = request.Object!.Ensure("spec");
        var name = spec.TextAt("priorityClassName");
        var (value, policy) = name switch
        {
            "system-cluster-critical" => (2_000_000_000L, "PreemptLowerPriority"),
            "system-node-critical" => (2_000_001_000L, "PreemptLowerPriority"),
            _ => Read(await FindAsync(spec, name, request, cancellation).ConfigureAwait(false)),
        };
        if (spec.IntegerAt("priority") is { } given && given != value)
        {
            throw Failure.Forbidden(
                request.Resource.Resource,
                request.Name,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"the integer value of priority ({given}) must not be provided in pod spec; priority admission controller computed {value} from the given PriorityClass name"));
        }

        spec["priority"] = value;
        spec.Default("preemptionPolicy", policy);
    }

    // The class that is named, or the one for those who name none.
    private async ValueTask<JsonObject?> FindAsync(JsonObject spec, string name, AdmissionRequest request, CancellationToken cancellation)
    {
        var classes = await registry.AtHandAsync("scheduling.k8s.io", "priorityclasses", "", cancellation).ConfigureAwait(false);
        if (name.Length == 0)
        {
            var chosen = classes.Where(one => one.FlagAt("globalDefault")).MinBy(one => one.IntegerAt("value"));
            if (chosen is not null)
            {
                spec["priorityClassName"] = chosen.TextAt("metadata", "name");
            }

            return chosen;
        }

        return classes.FirstOrDefault(one => one.TextAt("metadata", "name") == name)
            ?? throw Failure.Forbidden(request.Resource.Resource, request.Name, $"no PriorityClass with name {name} was found");
    }

    private static (long Value, string Policy) Read(JsonObject? one)
        => (one.IntegerAt("value") ?? 0, one.TextAt("preemptionPolicy") is { Length: > 0 } policy ? policy : "PreemptLowerPriority");
}
