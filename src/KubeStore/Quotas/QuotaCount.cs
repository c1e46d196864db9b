using System.Text.Json.Nodes;
using KubeStore.Objects;
using KubeStore.Registry;

namespace KubeStore.Quotas;

/// <summary>Counts anew what a quota's namespace takes up, and writes that into the quota's status.</summary>
internal sealed class QuotaCount(KubeRegistry registry)
{
    /// <summary>Whom the status' fields belong to.</summary>
    public const string Name = "raftkv-quota";

    /// <summary>Counts, if that has not been done since the limits were set.</summary>
    public async Task UntilKnownAsync(string ns, string name, CancellationToken cancellation)
    {
        var quotas = registry.Catalog.Find("", "v1", "resourcequotas")!;
        var quota = (await registry.GetAsync(quotas, ns, name, cancellation: cancellation).ConfigureAwait(false)).ToJson();
        if (!IsKnown(quota))
        {
            await CountAsync(quota, cancellation, untilKnown: true).ConfigureAwait(false);
        }
    }

    /// <summary>Whether the status is about the limits that are set.</summary>
    public static bool IsKnown(JsonObject quota)
        => JsonNode.DeepEquals(quota.ObjectAt("spec", "hard") ?? [], quota.ObjectAt("status", "hard") ?? []);

    /// <summary>Counts. Whoever charges something meanwhile makes it count again.</summary>
    /// <returns>Whether less is used than was thought.</returns>
    public async Task<bool> CountAsync(JsonObject quota, CancellationToken cancellation, bool untilKnown = false)
    {
        var quotas = registry.Catalog.Find("", "v1", "resourcequotas")!;
        var meta = ObjectMeta.Of(quota);
        while (true)
        {
            var (ns, name) = (meta.Namespace, meta.Name);
            var hard = quota.ObjectAt("spec", "hard") ?? [];
            var used = await UsedAsync(quota, ns, hard, cancellation).ConfigureAwait(false);
            var known = Amounts.Of(quota.ObjectAt("status", "used"));
            var version = meta.ResourceVersion;
            try
            {
                await registry.ChangeAsync(
                    quotas,
                    ns,
                    name,
                    "status",
                    current =>
                    {
                        // The version is a condition: what was charged since then has not been counted.
                        ObjectMeta.Of(current).ResourceVersion = version;
                        current["status"] = new JsonObject { ["hard"] = hard.DeepClone(), ["used"] = used.ToJson(hard) };
                        return current;
                    },
                    new() { FieldManager = Name },
                    ChangeRules.None,
                    cancellation).ConfigureAwait(false);
                return used.Any(one => one.Value < known.GetValueOrDefault(one.Key));
            }
            catch (Failures.StatusException meanwhile) when (meanwhile.Status.Reason == "Conflict")
            {
                quota = (await registry.GetAsync(quotas, ns, name, cancellation: cancellation).ConfigureAwait(false)).ToJson();
                meta = ObjectMeta.Of(quota);
                if (untilKnown && IsKnown(quota))
                {
                    return false;
                }
            }
        }
    }

    private async Task<Amounts> UsedAsync(JsonObject quota, string ns, JsonObject hard, CancellationToken cancellation)
    {
        var used = new Amounts();
        foreach (var (name, _) in hard)
        {
            used[name] = 0;
        }

        var hasScopes = QuotaScope.Has(quota);
        foreach (var resource in registry.Catalog.Stored().Where(one => one.IsNamespaced && hard.Any(limit => Usage.Concerns(limit.Key, one))))
        {
            if (hasScopes && resource is not { Group: "", Plural: "pods" })
            {
                continue;
            }

            var all = await registry.ListAsync(resource, ns, new(), cancellation).ConfigureAwait(false);
            foreach (var one in all.Items.Select(one => one.ToJson()).Where(one => !hasScopes || QuotaScope.Matches(quota, one)))
            {
                used.Add(Usage.Of(resource, one).Only([.. hard.Select(limit => limit.Key)]));
            }
        }

        return used;
    }
}
