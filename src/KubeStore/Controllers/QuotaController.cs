using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using KubeStore.Failures;
using KubeStore.Objects;
using KubeStore.Quotas;
using KubeStore.Registry;
using KubeStore.Resources;

namespace KubeStore.Controllers;

/// <summary>Keeps the status of quotas true: counts when a limit is set, when something that was counted goes, and from time
/// to time.</summary>
internal sealed class QuotaController(KubeRegistry registry)
{
    private static readonly TimeSpan Rhythm = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Resync = TimeSpan.FromMinutes(5);

    // How long something may take that was charged and is not there yet.
    private static readonly TimeSpan Doubt = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<(string Namespace, string Name), DateTimeOffset> _due = [];
    private readonly ConcurrentDictionary<(string Namespace, string Name), JsonObject> _quotas = [];
    private readonly Dictionary<string, Task> _following = new(StringComparer.Ordinal);

    public async Task RunAsync(CancellationToken stop)
    {
        var quotas = registry.Catalog.Find("", "v1", "resourcequotas")!;
        var following = KubeControllers.FollowAsync(
            registry,
            quotas,
            one =>
            {
                Learn(one);
                return Task.CompletedTask;
            },
            stop);
        while (!stop.IsCancellationRequested)
        {
            foreach (var (key, at) in _due)
            {
                if (at <= registry.Time.GetUtcNow() && _due.TryRemove(new(key, at)))
                {
                    await CountAsync(key, stop).ConfigureAwait(false);
                }
            }

            FollowWhatIsLimited(stop);
            await Task.Delay(Rhythm, registry.Time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await Task.WhenAll(_following.Values.Append(following)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private void Learn(WatchEvent happened)
    {
        if (happened.Object is not { Name.Length: > 0 } found)
        {
            return;
        }

        var key = (found.Namespace, found.Name);
        if (happened.Type == WatchEventType.Deleted)
        {
            _quotas.TryRemove(key, out _);
            _due.TryRemove(key, out _);
            return;
        }

        var quota = found.ToJson();
        var isNew = !_quotas.ContainsKey(key);
        _quotas[key] = quota;
        if (!QuotaCount.IsKnown(quota))
        {
            _due[key] = registry.Time.GetUtcNow();
        }
        else if (isNew)
        {
            _due.TryAdd(key, registry.Time.GetUtcNow() + Doubt);
        }
    }

    private async Task CountAsync((string Namespace, string Name) key, CancellationToken stop)
    {
        if (!_quotas.TryGetValue(key, out var quota))
        {
            return;
        }

        var again = Resync;
        try
        {
            var count = new QuotaCount(registry);
            if (!QuotaCount.IsKnown(quota))
            {
                await count.UntilKnownAsync(key.Namespace, key.Name, stop).ConfigureAwait(false);
            }
            else if (await count.CountAsync(quota, stop).ConfigureAwait(false))
            {
                again = Doubt;
            }
        }
        catch (StatusException gone) when (gone.Status.Reason == "NotFound")
        {
            return;
        }
        catch (Exception broken) when (broken is StatusException or OperationCanceledException or ObjectDisposedException)
        {
            again = Doubt;
        }

        // Who has asked for it earlier meanwhile has the say.
        _due.TryAdd(key, registry.Time.GetUtcNow() + again);
    }

    // Nobody keeps a cache of what no quota has a word on.
    private void FollowWhatIsLimited(CancellationToken stop)
    {
        var names = _quotas.Values.SelectMany(one => one.ObjectAt("spec", "hard") ?? []).Select(one => one.Key).ToHashSet(StringComparer.Ordinal);
        foreach (var resource in registry.Catalog.Stored().Where(one => one.IsNamespaced && one is not { Group: "", Plural: "resourcequotas" } && names.Any(name => Usage.Concerns(name, one))))
        {
            if (!_following.TryGetValue(resource.StoragePrefix, out var task) || task.IsCompleted)
            {
                _following[resource.StoragePrefix] = KubeControllers.FollowAsync(
                    registry,
                    resource,
                    one =>
                    {
                        Happened(resource, one);
                        return Task.CompletedTask;
                    },
                    stop);
            }
        }
    }

    private void Happened(ResourceDefinition resource, WatchEvent happened)
    {
        // Something new was charged when it was made; what only counts as one always does.
        if (happened.Object is not { } value
            || !(happened.Type == WatchEventType.Deleted
                || (happened.Type == WatchEventType.Modified && resource is { Group: "", Plural: "pods" or "services" or "persistentvolumeclaims" })))
        {
            return;
        }

        foreach (var (key, quota) in _quotas)
        {
            if (key.Namespace == value.Namespace && (quota.ObjectAt("spec", "hard") ?? []).Any(limit => Usage.Concerns(limit.Key, resource)))
            {
                _due[key] = registry.Time.GetUtcNow();
            }
        }
    }
}
