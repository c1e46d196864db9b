using System.Text.Json.Nodes;
using KubeStore.Authz;
using KubeStore.Failures;
using KubeStore.Objects;
using KubeStore.Registry;
using KubeStore.Resources;
using Microsoft.AspNetCore.Http;

namespace KubeStore.Http;

/// <summary>What is asked of an object at an address of its own, and is neither the object nor its status.</summary>
internal sealed class Subresources(KubeRegistry registry, AccessReviews reviews, ServiceAccountTokens? tokens)
{
    /// <summary>A scale, in the version of its object.</summary>
    public static KubeObject AsScale(ResourceDefinition resource, KubeObject value)
        => KubeObject.Read(KubeObject.Encode(Scale.Of(resource, value.ToJson())), value.Revision);

    /// <summary>Answers, if the path names something of the kind.</summary>
    public async Task<bool> TryAnswerAsync(
        HttpContext http, KubePath path, string verb, KubeQuery query, UserInfo user, Responder responder, CancellationToken cancellation)
    {
        switch (path.Subresource, verb)
        {
            case ("", "create") when path.Resource.Group is "authorization.k8s.io" or "authentication.k8s.io":
                await ReviewAsync(http, path, user, responder, cancellation).ConfigureAwait(false);
                return true;
            case ("", "list") when path.Resource.Plural == "componentstatuses":
                await responder.SendListAsync(path.Resource, new ObjectList([], 1)).ConfigureAwait(false);
                return true;
            case ("scale", "get"):
                var found = await registry.GetAsync(path.Resource, path.Namespace, path.Name, cancellation: cancellation).ConfigureAwait(false);
                await responder.SendObjectAsync(path.Resource, AsScale(path.Resource, found), 200).ConfigureAwait(false);
                return true;
            case ("scale", "update"):
                await ScaleAsync(http, path, query.Write("UpdateOptions", user), responder, cancellation).ConfigureAwait(false);
                return true;
            case ("finalize", "update"):
                await FinalizeAsync(http, path, query.Write("UpdateOptions", user), responder, cancellation).ConfigureAwait(false);
                return true;
            case ("binding", "create"):
                await BindAsync(http, path, query.Write("CreateOptions", user), responder, cancellation).ConfigureAwait(false);
                return true;
            case ("token", "create") when tokens is not null:
                await IssueAsync(http, path, tokens, responder, cancellation).ConfigureAwait(false);
                return true;
            case ("eviction", "create"):
                await EvictAsync(http, path, query, user, responder, cancellation).ConfigureAwait(false);
                return true;
            case ("ephemeralcontainers", "update"):
                return false;
            case ("" or "status" or "scale" or "ephemeralcontainers" or "approval", _):
                return false;
            default:
                throw Failure.MethodNotAllowed(path.Resource.Resource, verb);
        }
    }

    private async Task ScaleAsync(HttpContext http, KubePath path, WriteOptions options, Responder responder, CancellationToken cancellation)
    {
        var scale = (JsonObject)(await RequestBody.ReadObjectAsync(http.Request, cancellation).ConfigureAwait(false)).Json!;
        if (scale.TextAt("metadata", "name") is { Length: > 0 } name && name != path.Name)
        {
            throw Failure.BadRequest($"the name of the object ({name}) does not match the name on the URL ({path.Name})");
        }

        var scaled = await registry.ChangeAsync(
            path.Resource, path.Namespace, path.Name, "", current => Scale.Into(path.Resource, current, scale), options, ChangeRules.None, cancellation).ConfigureAwait(false);
        await responder.SendObjectAsync(path.Resource, AsScale(path.Resource, scaled.Object), 200).ConfigureAwait(false);
    }

    private async Task FinalizeAsync(HttpContext http, KubePath path, WriteOptions options, Responder responder, CancellationToken cancellation)
    {
        var body = (JsonObject)(await RequestBody.ReadObjectAsync(http.Request, cancellation).ConfigureAwait(false)).Json!;
        var changed = await registry.ChangeAsync(
            path.Resource,
            "",
            path.Name,
            "finalize",
            current =>
            {
                current.Ensure("spec").TakeFrom("finalizers", body.ObjectAt("spec") ?? []);
                return current;
            },
            options,
            ChangeRules.None,
            cancellation).ConfigureAwait(false);
        await responder.SendObjectAsync(path.Resource, changed.Object, 200).ConfigureAwait(false);
    }

    private async Task BindAsync(HttpContext http, KubePath path, WriteOptions options, Responder responder, CancellationToken cancellation)
    {
        var body = (JsonObject)(await RequestBody.ReadObjectAsync(http.Request, cancellation).ConfigureAwait(false)).Json!;
        var node = body.TextAt("target", "name");
        if (node.Length == 0)
        {
            throw Failure.Invalid("", "Binding", path.Name, [FieldError.Required("target.name")]);
        }

        await registry.ChangeAsync(
            path.Resource,
            path.Namespace,
            path.Name,
            "binding",
            pod =>
            {
                if (pod.TextAt("spec", "nodeName") is { Length: > 0 } bound)
                {
                    throw Failure.Conflict(path.Resource.Resource, path.Name, $"pod {path.Name} is already assigned to node \"{bound}\"");
                }

                pod.Ensure("spec")["nodeName"] = node;
                var conditions = pod.Ensure("status").ArrayAt("conditions").Objects().Where(one => one.TextAt("type") != "PodScheduled").Select(one => one.DeepClone());
                pod.Ensure("status")["conditions"] = JsonAccess.ToArray(conditions.Append(new JsonObject
                {
                    ["type"] = "PodScheduled",
                    ["status"] = "True",
                    ["lastTransitionTime"] = KubeTime.Seconds(registry.Time.GetUtcNow()),
                }));
                return pod;
            },
            options,
            ChangeRules.None,
            cancellation).ConfigureAwait(false);
        await responder.SendStatusAsync(new Status(201, "", "")).ConfigureAwait(false);
    }

    private async Task IssueAsync(HttpContext http, KubePath path, ServiceAccountTokens tokens, Responder responder, CancellationToken cancellation)
    {
        var request = (JsonObject)(await RequestBody.ReadObjectAsync(http.Request, cancellation).ConfigureAwait(false)).Json!;
        var account = await registry.GetAsync(path.Resource, path.Namespace, path.Name, cancellation: cancellation).ConfigureAwait(false);
        await responder.SendJsonAsync(201, tokens.Issue(account, request)).ConfigureAwait(false);
    }

    private async Task EvictAsync(
        HttpContext http, KubePath path, KubeQuery query, UserInfo user, Responder responder, CancellationToken cancellation)
    {
        var body = (JsonObject)(await RequestBody.ReadObjectAsync(http.Request, cancellation).ConfigureAwait(false)).Json!;
        var pod = await registry.GetAsync(path.Resource, path.Namespace, path.Name, cancellation: cancellation).ConfigureAwait(false);
        if (await BlockingBudgetAsync(pod, cancellation).ConfigureAwait(false) is { } budget)
        {
            throw new StatusException(new Status(429, "TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget.")
            {
                Causes = [new StatusCause("DisruptionBudget", $"The disruption budget {budget} needs more healthy pods than there are.")],
            });
        }

        await registry.DeleteAsync(
            path.Resource,
            path.Namespace,
            path.Name,
            new()
            {
                User = user,
                DryRun = query.DryRun("CreateOptions") || body.ArrayAt("deleteOptions", "dryRun").Texts().Any(),
                GracePeriodSeconds = body.IntegerAt("deleteOptions", "gracePeriodSeconds"),
                Uid = body.TextAt("deleteOptions", "preconditions", "uid"),
            },
            cancellation).ConfigureAwait(false);
        await responder.SendStatusAsync(new Status(201, "", "")).ConfigureAwait(false);
    }

    private async Task<string?> BlockingBudgetAsync(KubeObject pod, CancellationToken cancellation)
    {
        if (registry.Catalog.Find("policy", "v1", "poddisruptionbudgets") is not { } budgets || pod.Field("status.phase") is "Succeeded" or "Failed" or "Pending")
        {
            return null;
        }

        var all = await registry.ListAsync(budgets, pod.Namespace, new(), cancellation).ConfigureAwait(false);
        return all.Items.Select(one => one.ToJson())
            .FirstOrDefault(budget => Selectors.LabelSelector.FromJson(budget.ObjectAt("spec", "selector"))?.Matches(pod.Labels) == true
                && (budget.IntegerAt("status", "disruptionsAllowed") ?? 0) <= 0)
            .TextAt("metadata", "name") is { Length: > 0 } name ? name : null;
    }

    private async Task ReviewAsync(HttpContext http, KubePath path, UserInfo user, Responder responder, CancellationToken cancellation)
    {
        var review = (JsonObject)(await RequestBody.ReadObjectAsync(http.Request, cancellation).ConfigureAwait(false)).Json!;
        await responder.SendJsonAsync(201, await reviews.AnswerAsync(path.Resource, path.Namespace, review, user, cancellation).ConfigureAwait(false)).ConfigureAwait(false);
    }
}
