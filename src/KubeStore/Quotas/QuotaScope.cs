using System.Text.Json.Nodes;
using KubeStore.Kinds;
using KubeStore.Objects;

namespace KubeStore.Quotas;

/// <summary>Which pods a quota is about. One without scopes is about everything.</summary>
internal static class QuotaScope
{
    public static bool Has(JsonObject quota) => Terms(quota).Count > 0;

    public static bool Matches(JsonObject quota, JsonObject pod) => Terms(quota).All(term => Matches(term, pod));

    private static List<(string Scope, string Operator, List<string> Values)> Terms(JsonObject quota)
        => [
            .. quota.ArrayAt("spec", "scopes").Texts().Select(scope => (scope, "Exists", new List<string>())),
            .. quota.ArrayAt("spec", "scopeSelector", "matchExpressions").Objects()
                .Select(term => (term.TextAt("scopeName"), term.TextAt("operator"), term.ArrayAt("values").Texts().ToList())),
        ];

    private static bool Matches((string Scope, string Operator, List<string> Values) term, JsonObject pod)
    {
        var spec = pod.ObjectAt("spec");
        var priorityClass = spec.TextAt("priorityClassName");
        return term.Scope switch
        {
            "Terminating" => spec.At("activeDeadlineSeconds") is not null,
            "NotTerminating" => spec.At("activeDeadlineSeconds") is null,
            "BestEffort" => IsBestEffort(pod),
            "NotBestEffort" => !IsBestEffort(pod),
            "PriorityClass" => term.Operator switch
            {
                "In" => term.Values.Contains(priorityClass),
                "NotIn" => !term.Values.Contains(priorityClass),
                "DoesNotExist" => priorityClass.Length == 0,
                _ => priorityClass.Length > 0,
            },
            "CrossNamespacePodAffinity" => ReachesOut(spec),
            _ => false,
        };
    }

    private static bool IsBestEffort(JsonObject pod) => PodRules.QualityOfService(pod) == "BestEffort";

    private static bool ReachesOut(JsonObject? spec) => ((string[])["podAffinity", "podAntiAffinity"])
        .SelectMany(kind => spec.ArrayAt("affinity", kind, "requiredDuringSchedulingIgnoredDuringExecution").Objects()
            .Concat(spec.ArrayAt("affinity", kind, "preferredDuringSchedulingIgnoredDuringExecution").Objects().Select(one => one.ObjectAt("podAffinityTerm") ?? [])))
        .Any(term => term.ArrayAt("namespaces") is { Count: > 0 } || term.At("namespaceSelector") is not null);
}
