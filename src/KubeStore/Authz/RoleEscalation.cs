using System.Text.Json.Nodes;
using KubeStore.Admission;
using KubeStore.Failures;
using KubeStore.Objects;

namespace KubeStore.Authz;

/// <summary>Nobody gives away what they do not have themselves: neither by writing it into a role, nor by binding one.</summary>
internal sealed class RoleEscalation : IAdmissionStep
{
    private const string Group = "rbac.authorization.k8s.io";

    private static readonly (string Word, string Field)[] Parts =
        [("APIGroups", "apiGroups"), ("Resources", "resources"), ("ResourceNames", "resourceNames"), ("NonResourceURLs", "nonResourceURLs"), ("Verbs", "verbs")];

    public async ValueTask ValidateAsync(AdmissionRequest request, CancellationToken cancellation)
    {
        if (request.User.Judge is not { } judge || request.Resource.Group != Group || request.Object is not { } value)
        {
            return;
        }

        switch (request.Resource.Plural)
        {
            case "roles" or "clusterroles" when !IsSame(request, "rules") || !IsSame(request, "aggregationRule"):
                if (await judge.MayAsync(On(request, "escalate", request.Resource.Plural, request.Name), cancellation).ConfigureAwait(false))
                {
                    return;
                }

                // Whoever picks by labels takes whatever there will be.
                IEnumerable<JsonObject> rules = value.At("aggregationRule") is null
                    ? value.ArrayAt("rules").Objects()
                    : [new JsonObject { ["verbs"] = JsonAccess.ToArray(["*"]), ["apiGroups"] = JsonAccess.ToArray(["*"]), ["resources"] = JsonAccess.ToArray(["*"]) }];
                await RefuseAsync(judge, request, rules, cancellation).ConfigureAwait(false);
                break;
            case "rolebindings" or "clusterrolebindings" when !IsSame(request, "subjects") || !IsSame(request, "roleRef"):
                var plural = value.TextAt("roleRef", "kind") == "Role" ? "roles" : "clusterroles";
                if (!await judge.MayAsync(On(request, "bind", plural, value.TextAt("roleRef", "name")), cancellation).ConfigureAwait(false))
                {
                    await RefuseAsync(judge, request, await judge.RulesOfAsync(value, request.Namespace, cancellation).ConfigureAwait(false), cancellation).ConfigureAwait(false);
                }

                break;
        }
    }

    private static bool IsSame(AdmissionRequest request, string field) => JsonNode.DeepEquals(request.Object.At(field), request.OldObject.At(field));

    private static AccessRequest On(AdmissionRequest request, string verb, string plural, string name)
        => new(request.User, verb) { Group = Group, Resource = plural, Namespace = request.Namespace, Name = name };

    private static async Task RefuseAsync(RbacAuthorizer judge, AdmissionRequest request, IEnumerable<JsonObject> rules, CancellationToken cancellation)
    {
        var missing = await judge.NotHeldAsync(request.User, request.Namespace, rules, cancellation).ConfigureAwait(false);
        if (missing.Count > 0)
        {
            throw Failure.Forbidden(
                request.Resource.Resource,
                request.Name,
                $"user {FieldError.Quoted(request.User.Name)} (groups=[{string.Join(' ', request.User.Groups.Select(FieldError.Quoted))}]) is attempting to grant RBAC permissions not currently held:\n{string.Join('\n', missing.Select(Shown))}");
        }
    }

    private static string Shown(JsonObject rule)
    {
        var parts = Parts.Select(part => (part.Word, Values: rule.ArrayAt(part.Field).Texts().ToList()))
            .Where(part => part.Values.Count > 0)
            .Select(part => $"{part.Word}:[{string.Join(' ', part.Values.Select(FieldError.Quoted))}]");
        return $"{{{string.Join(", ", parts)}}}";
    }
}
