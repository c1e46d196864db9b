using System.Text.Json.Nodes;
using KubeStore.Failures;
using KubeStore.Objects;
using KubeStore.Registry;
using KubeStore.Resources;

namespace KubeStore.Authz;

/// <summary>Answers who somebody is, and whether they may. Nothing of it is kept.</summary>
internal sealed class AccessReviews(RbacAuthorizer? authorizer, ServiceAccountTokens? tokens)
{
    public async Task<JsonObject> AnswerAsync(ResourceDefinition resource, string ns, JsonObject review, UserInfo user, CancellationToken cancellation)
    {
        review["kind"] = resource.Kind;
        review["apiVersion"] = resource.ApiVersion;
        review["status"] = resource.Kind switch
        {
            "SelfSubjectReview" => new JsonObject { ["userInfo"] = Shown(user) },
            "SelfSubjectRulesReview" => await RulesAsync(user, review.TextAt("spec", "namespace"), cancellation).ConfigureAwait(false),
            "TokenReview" => await ReviewAsync(review.TextAt("spec", "token"), cancellation).ConfigureAwait(false),
            "SelfSubjectAccessReview" => await MayAsync(user, review, cancellation).ConfigureAwait(false),
            _ => await MayAsync(Subject(resource, ns, review), review, cancellation).ConfigureAwait(false),
        };
        return review;
    }

    private async Task<JsonObject> ReviewAsync(string token, CancellationToken cancellation)
    {
        var user = tokens is null ? null : await tokens.UserOfAsync(token, cancellation).ConfigureAwait(false);
        return user is null
            ? new JsonObject { ["authenticated"] = false, ["error"] = "it is no token of a service account that is good" }
            : new JsonObject { ["authenticated"] = true, ["user"] = Shown(user), ["audiences"] = JsonAccess.ToArray([ServiceAccountTokens.Issuer]) };
    }

    private static UserInfo Subject(ResourceDefinition resource, string ns, JsonObject review)
    {
        if (resource.Kind == "LocalSubjectAccessReview" && review.TextAt("spec", "resourceAttributes", "namespace") != ns)
        {
            throw Failure.BadRequest($"spec.resourceAttributes.namespace must match namespace: {ns}");
        }

        return new(review.TextAt("spec", "user")) { Groups = [.. review.ArrayAt("spec", "groups").Texts()], Uid = review.TextAt("spec", "uid") };
    }

    private async Task<JsonObject> MayAsync(UserInfo user, JsonObject review, CancellationToken cancellation)
    {
        var resource = review.ObjectAt("spec", "resourceAttributes");
        var path = review.ObjectAt("spec", "nonResourceAttributes");
        if (resource is null == path is null)
        {
            throw Failure.Invalid(
                "authorization.k8s.io",
                review.TextAt("kind"),
                "",
                [FieldError.Invalid("spec.resourceAttributes", resource, "exactly one of nonResourceAttributes or resourceAttributes must be specified")]);
        }

        var request = resource is null
            ? new AccessRequest(user, path.TextAt("verb")) { Path = path.TextAt("path") }
            : new AccessRequest(user, resource.TextAt("verb"))
            {
                Group = resource.TextAt("group"),
                Resource = resource.TextAt("resource"),
                Subresource = resource.TextAt("subresource"),
                Namespace = resource.TextAt("namespace"),
                Name = resource.TextAt("name"),
            };
        return new() { ["allowed"] = authorizer is null || await authorizer.MayAsync(request, cancellation).ConfigureAwait(false) };
    }

    private async Task<JsonObject> RulesAsync(UserInfo user, string ns, CancellationToken cancellation)
    {
        var (resources, paths) = (new JsonArray(), new JsonArray());
        if (authorizer is null || user.Groups.Contains("system:masters"))
        {
            resources.Add((JsonNode)new JsonObject { ["verbs"] = JsonAccess.ToArray(["*"]), ["apiGroups"] = JsonAccess.ToArray(["*"]), ["resources"] = JsonAccess.ToArray(["*"]) });
            paths.Add((JsonNode)new JsonObject { ["verbs"] = JsonAccess.ToArray(["*"]), ["nonResourceURLs"] = JsonAccess.ToArray(["*"]) });
        }
        else
        {
            await foreach (var (rule, isEverywhere) in authorizer.RulesAsync(user, ns, cancellation).ConfigureAwait(false))
            {
                if (rule.At("nonResourceURLs") is null)
                {
                    resources.Add((JsonNode)rule.DeepClone());
                }
                else if (isEverywhere)
                {
                    paths.Add((JsonNode)rule.DeepClone());
                }
            }
        }

        return new() { ["resourceRules"] = resources, ["nonResourceRules"] = paths, ["incomplete"] = false };
    }

    private static JsonObject Shown(UserInfo user)
    {
        var json = new JsonObject { ["username"] = user.Name };
        if (user.Uid.Length > 0)
        {
            json["uid"] = user.Uid;
        }

        json["groups"] = JsonAccess.ToArray(user.Groups);
        foreach (var (key, values) in user.Extra)
        {
            json.Ensure("extra")[key] = JsonAccess.ToArray(values);
        }

        return json;
    }
}
