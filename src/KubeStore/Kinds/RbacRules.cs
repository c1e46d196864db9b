using System.Text.Json.Nodes;
using KubeStore.Failures;
using KubeStore.Objects;

namespace KubeStore.Kinds;

internal sealed class RoleRules : KindRules
{
    public override IEnumerable<FieldError> Problems(JsonObject value)
    {
        var index = 0;
        foreach (var rule in value.ArrayAt("rules").Objects())
        {
            var field = FormattableString.Invariant($"rules[{index++}]");
            if (rule.ArrayAt("verbs") is null or { Count: 0 })
            {
                yield return FieldError.Required($"{field}.verbs", "verbs must contain at least one value");
            }

            if (rule.ArrayAt("nonResourceURLs") is { Count: > 0 })
            {
                if (value.TextAt("kind") == "Role")
                {
                    yield return FieldError.Invalid($"{field}.nonResourceURLs", rule.At("nonResourceURLs"), "namespaced rules cannot apply to non-resource URLs");
                }

                continue;
            }

            if (rule.ArrayAt("apiGroups") is null or { Count: 0 })
            {
                yield return FieldError.Required($"{field}.apiGroups", "resource rules must supply at least one api group");
            }

            if (rule.ArrayAt("resources") is null or { Count: 0 })
            {
                yield return FieldError.Required($"{field}.resources", "resource rules must supply at least one resource");
            }
        }
    }
}

internal sealed class RoleBindingRules : KindRules
{
    private const string Group = "rbac.authorization.k8s.io";

    public override void Default(JsonObject value)
    {
        value.ObjectAt("roleRef")?.Default("apiGroup", Group);
        foreach (var subject in value.ArrayAt("subjects").Objects())
        {
            if (subject.TextAt("kind") is "User" or "Group")
            {
                subject.Default("apiGroup", Group);
            }
        }
    }

    public override IEnumerable<FieldError> Problems(JsonObject value)
    {
        var kind = value.TextAt("roleRef", "kind");
        var isCluster = value.TextAt("kind") == "ClusterRoleBinding";
        if (kind is not ("Role" or "ClusterRole") || (isCluster && kind == "Role"))
        {
            yield return FieldError.NotSupported("roleRef.kind", kind, isCluster ? ["ClusterRole"] : ["Role", "ClusterRole"]);
        }

        if (value.TextAt("roleRef", "name").Length == 0)
        {
            yield return FieldError.Required("roleRef.name");
        }

        var index = 0;
        foreach (var subject in value.ArrayAt("subjects").Objects())
        {
            var field = FormattableString.Invariant($"subjects[{index++}]");
            if (subject.TextAt("name").Length == 0)
            {
                yield return FieldError.Required($"{field}.name");
            }

            if (subject.TextAt("kind") is not ("User" or "Group" or "ServiceAccount"))
            {
                yield return FieldError.NotSupported($"{field}.kind", subject.TextAt("kind"), ["ServiceAccount", "User", "Group"]);
            }

            if (subject.TextAt("kind") == "ServiceAccount" && isCluster && subject.TextAt("namespace").Length == 0)
            {
                yield return FieldError.Required($"{field}.namespace");
            }
        }
    }

    public override IEnumerable<FieldError> ProblemsOfUpdate(JsonObject next, JsonObject old)
    {
        if (!JsonNode.DeepEquals(next.At("roleRef"), old.At("roleRef")))
        {
            yield return FieldError.Invalid("roleRef", next.At("roleRef"), "cannot change roleRef");
        }
    }
}
