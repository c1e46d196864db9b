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

    private static async Task EnsureAsync(KubeRegistry registry, string plural, string name, JsonObject value, CancellationToken cancellation)
    {
        value["metadata"] = new JsonObject
        {
            ["name"] = name,
            ["labels"] = new JsonObject { ["kubernetes.io/bootstrapping"] = "rbac-defaults" },
            ["annotations"] = new JsonObject { ["rbac.authorization.kubernetes.io/autoupdate"] = "true" },
        };
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
