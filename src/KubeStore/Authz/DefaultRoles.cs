using System.Text;
using System.Text.Json.Nodes;
using KubeStore.Failures;
using KubeStore.Objects;
using KubeStore.Registry;

namespace KubeStore.Authz;

/// <summary>The roles that everybody relies on, put back where they are missing.</summary>
internal static class DefaultRoles
{
    private const string Group = "rbac.authorization.k8s.io";

    private const string Roles = """
        {"cluster-admin":[{"verbs":["*"],"apiGroups":["*"],"resources":["*"]},{"verbs":["*"],"nonResourceURLs":["*"]}],
         "system:discovery":[{"verbs":["get"],"nonResourceURLs":["/api","/api/*","/apis","/apis/*","/healthz","/livez","/openapi","/openapi/*","/readyz","/version","/version/"]}],
         "system:public-info-viewer":[{"verbs":["get"],"nonResourceURLs":["/healthz","/livez","/readyz","/version","/version/"]}],
         "system:basic-user":[{"verbs":["create"],"apiGroups":["authorization.k8s.io"],"resources":["selfsubjectaccessreviews","selfsubjectrulesreviews"]},
                              {"verbs":["create"],"apiGroups":["authentication.k8s.io"],"resources":["selfsubjectreviews"]}]}
        """;

    // What view, edit and admin are made of: roles of others that bear the same label are added to them.
    private const string Parts = """
        {"view":[{"verbs":["get","list","watch"],"apiGroups":[""],"resources":["bindings","configmaps","endpoints","events","limitranges","namespaces","namespaces/status","persistentvolumeclaims","persistentvolumeclaims/status","pods","pods/log","pods/status","replicationcontrollers","replicationcontrollers/scale","replicationcontrollers/status","resourcequotas","resourcequotas/status","serviceaccounts","services","services/status"]},
                 {"verbs":["get","list","watch"],"apiGroups":["apps"],"resources":["controllerrevisions","daemonsets","daemonsets/status","deployments","deployments/scale","deployments/status","replicasets","replicasets/scale","replicasets/status","statefulsets","statefulsets/scale","statefulsets/status"]},
                 {"verbs":["get","list","watch"],"apiGroups":["autoscaling"],"resources":["horizontalpodautoscalers","horizontalpodautoscalers/status"]},
                 {"verbs":["get","list","watch"],"apiGroups":["batch"],"resources":["cronjobs","cronjobs/status","jobs","jobs/status"]},
                 {"verbs":["get","list","watch"],"apiGroups":["discovery.k8s.io"],"resources":["endpointslices"]},
                 {"verbs":["get","list","watch"],"apiGroups":["networking.k8s.io"],"resources":["ingresses","ingresses/status","networkpolicies"]},
                 {"verbs":["get","list","watch"],"apiGroups":["policy"],"resources":["poddisruptionbudgets","poddisruptionbudgets/status"]}],
         "edit":[{"verbs":["get","list","watch"],"apiGroups":[""],"resources":["pods/attach","pods/exec","pods/portforward","pods/proxy","secrets","services/proxy"]},
                 {"verbs":["impersonate"],"apiGroups":[""],"resources":["serviceaccounts"]},
                 {"verbs":["create","delete","deletecollection","patch","update"],"apiGroups":[""],"resources":["configmaps","events","persistentvolumeclaims","pods","pods/attach","pods/exec","pods/portforward","pods/proxy","replicationcontrollers","replicationcontrollers/scale","secrets","serviceaccounts","services","services/proxy"]},
                 {"verbs":["create"],"apiGroups":[""],"resources":["pods/eviction","serviceaccounts/token"]},
                 {"verbs":["create","delete","deletecollection","patch","update"],"apiGroups":["apps"],"resources":["daemonsets","deployments","deployments/rollback","deployments/scale","replicasets","replicasets/scale","statefulsets","statefulsets/scale"]},
                 {"verbs":["create","delete","deletecollection","patch","update"],"apiGroups":["autoscaling"],"resources":["horizontalpodautoscalers"]},
                 {"verbs":["create","delete","deletecollection","patch","update"],"apiGroups":["batch"],"resources":["cronjobs","jobs"]},
                 {"verbs":["create","delete","deletecollection","get","list","patch","update","watch"],"apiGroups":["coordination.k8s.io"],"resources":["leases"]},
                 {"verbs":["create","delete","deletecollection","patch","update"],"apiGroups":["networking.k8s.io"],"resources":["ingresses","networkpolicies"]},
                 {"verbs":["create","delete","deletecollection","patch","update"],"apiGroups":["policy"],"resources":["poddisruptionbudgets"]}],
         "admin":[{"verbs":["create"],"apiGroups":["authorization.k8s.io"],"resources":["localsubjectaccessreviews"]},
                  {"verbs":["create","delete","deletecollection","get","list","patch","update","watch"],"apiGroups":["rbac.authorization.k8s.io"],"resources":["rolebindings","roles"]}]}
        """;

    private static readonly (string Role, string[] Groups)[] Bindings =
    [
        ("cluster-admin", ["system:masters"]),
        ("system:discovery", ["system:authenticated"]),
        ("system:basic-user", ["system:authenticated"]),
        ("system:public-info-viewer", ["system:authenticated", "system:unauthenticated"]),
    ];

    public static async Task EnsureAsync(KubeRegistry registry, CancellationToken cancellation)
    {
        foreach (var (name, rules) in JsonText.ParseObject(Encoding.UTF8.GetBytes(Roles)))
        {
            await EnsureAsync(registry, "clusterroles", name, new JsonObject { ["rules"] = rules?.DeepClone() }, cancellation).ConfigureAwait(false);
        }

        var parts = JsonText.ParseObject(Encoding.UTF8.GetBytes(Parts));
        string[] whole = ["view", "edit", "admin"];
        for (var i = 0; i < whole.Length; i++)
        {
            // Each is part of the next: who may edit may view.
            var selector = new JsonObject { ["matchLabels"] = new JsonObject { [Label(whole[i])] = "true" } };
            await EnsureAsync(
                registry,
                "clusterroles",
                whole[i],
                new JsonObject { ["aggregationRule"] = new JsonObject { ["clusterRoleSelectors"] = JsonAccess.ToArray([selector]) } },
                cancellation,
                i + 1 < whole.Length ? Label(whole[i + 1]) : "").ConfigureAwait(false);
            await EnsureAsync(
                registry, "clusterroles", $"system:aggregate-to-{whole[i]}", new JsonObject { ["rules"] = parts[whole[i]]?.DeepClone() }, cancellation, Label(whole[i])).ConfigureAwait(false);
        }

        foreach (var (role, groups) in Bindings)
        {
            await EnsureAsync(
                registry,
                "clusterrolebindings",
                role,
                new JsonObject
                {
                    ["roleRef"] = new JsonObject { ["apiGroup"] = Group, ["kind"] = "ClusterRole", ["name"] = role },
                    ["subjects"] = JsonAccess.ToArray(groups.Select(group => new JsonObject { ["apiGroup"] = Group, ["kind"] = "Group", ["name"] = group })),
                },
                cancellation).ConfigureAwait(false);
        }
    }

    private static string Label(string role) => $"rbac.authorization.k8s.io/aggregate-to-{role}";

    private static async Task EnsureAsync(
        KubeRegistry registry, string plural, string name, JsonObject value, CancellationToken cancellation, string label = "")
    {
        value["metadata"] = new JsonObject
        {
            ["name"] = name,
            ["labels"] = new JsonObject { ["kubernetes.io/bootstrapping"] = "rbac-defaults" },
            ["annotations"] = new JsonObject { ["rbac.authorization.kubernetes.io/autoupdate"] = "true" },
        };
        if (label.Length > 0)
        {
            value["metadata"]!["labels"]![label] = "true";
        }

        try
        {
            await registry.CreateAsync(registry.Catalog.Find(Group, "v1", plural)!, "", value, new() { FieldManager = "raftkv" }, cancellation).ConfigureAwait(false);
        }
        catch (StatusException there) when (there.Status.Reason == "AlreadyExists")
        {
            // As it should be, or as somebody has made it.
        }
    }
}
