using System.Text.Json.Nodes;
using KubeStore.Failures;
using KubeStore.Objects;
using KubeStore.Quotas;
using KubeStore.Registry;

namespace KubeStore.Admission;

/// <remarks>
/// What is to be made is charged before it is there, so that two who come at once cannot both have the last of it; what was
/// charged and not made, or is gone, is given back when the share is counted anew (<see cref="QuotaCount"/>).
/// </remarks>
internal sealed class ResourceQuotaStep(KubeRegistry registry) : IAdmissionStep
{
    public async ValueTask ValidateAsync(AdmissionRequest request, CancellationToken cancellation)
    {
        if (request.Operation == AdmissionOperation.Delete || request.Namespace.Length == 0 || request.Subresource.Length > 0
            || registry.Catalog.Find("", "v1", "resourcequotas") is not { } quotas)
        {
            return;
        }

        var all = await registry.AtHandAsync("", "resourcequotas", request.Namespace, cancellation).ConfigureAwait(false);
        if (all.Count == 0)
        {
            return;
        }

        var wanted = Usage.Of(request.Resource, request.Object!);
        if (request.OldObject is { } old)
        {
            wanted.Add(Usage.Of(request.Resource, old), -1);
        }

        var more = wanted.Where(one => one.Value > 0).Select(one => one.Key).ToHashSet(StringComparer.Ordinal);
        if (more.Count == 0)
        {
            return;
        }

        foreach (var quota in all)
        {
            var concerned = (quota.ObjectAt("spec", "hard") ?? []).Select(one => one.Key).Where(name => Usage.Concerns(name, request.Resource)).ToHashSet(StringComparer.Ordinal);
            if (concerned.Count == 0 || !IsAbout(quota, request))
            {
                continue;
            }

            RefuseUnsaid(quota, request, concerned);
            if (concerned.Overlaps(more))
            {
                await ChargeAsync(quotas, quota.TextAt("metadata", "name"), wanted.Only(concerned.Intersect(more).ToList()), request, cancellation).ConfigureAwait(false);
            }
        }
    }

    // Only pods have what scopes look at.
    private static bool IsAbout(JsonObject quota, AdmissionRequest request)
        => !QuotaScope.Has(quota) || (request.Resource is { Group: "", Plural: "pods" } && QuotaScope.Matches(quota, request.Object!));

    private static void RefuseUnsaid(JsonObject quota, AdmissionRequest request, IEnumerable<string> names)
    {
        if (!request.Creates("", "pods"))
        {
            return;
        }

        var unsaid = Usage.Unsaid(request.Object!, names.Order(StringComparer.Ordinal)).Select(one => $"{one.Name} for: {string.Join(',', one.Containers)}").ToList();
        if (unsaid.Count > 0)
        {
            throw Failure.Forbidden(
                request.Resource.Resource, request.Name, $"failed quota: {quota.TextAt("metadata", "name")}: must specify {string.Join("; ", unsaid)}");
        }
    }

    private async Task ChargeAsync(
        Resources.ResourceDefinition quotas, string name, Amounts wanted, AdmissionRequest request, CancellationToken cancellation)
    {
        var count = new QuotaCount(registry);
        try
        {
            await count.UntilKnownAsync(request.Namespace, name, cancellation).ConfigureAwait(false);
            await registry.ChangeAsync(
                quotas,
                request.Namespace,
                name,
                "status",
                current => Charged(current, wanted, request),
                new() { FieldManager = QuotaCount.Name, DryRun = request.IsDryRun },
                ChangeRules.None,
                cancellation).ConfigureAwait(false);
        }
        catch (StatusException gone) when (gone.Status.Reason == "NotFound")
        {
            // Nobody limits anything any more.
        }
    }

    private static JsonObject Charged(JsonObject quota, Amounts wanted, AdmissionRequest request)
    {
        var hard = quota.ObjectAt("status", "hard");
        var (limits, used) = (Amounts.Of(hard), Amounts.Of(quota.ObjectAt("status", "used")));
        var limited = wanted.Only(limits.Keys);
        var exceeded = limited.Where(one => used.GetValueOrDefault(one.Key) + one.Value > limits[one.Key]).Select(one => one.Key).ToList();
        if (exceeded.Count > 0)
        {
            throw Failure.Forbidden(
                request.Resource.Resource,
                request.Name,
                $"exceeded quota: {quota.TextAt("metadata", "name")}, requested: {limited.Only(exceeded).Shown(hard)}, used: {used.Only(exceeded).Shown(hard)}, limited: {limits.Only(exceeded).Shown(hard)}");
        }

        used.Add(limited);
        quota.Ensure("status")["used"] = used.ToJson(hard);
        return quota;
    }
}
