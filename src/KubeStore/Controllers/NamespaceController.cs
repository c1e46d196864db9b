using System.Text.Json.Nodes;
using KubeStore.Failures;
using KubeStore.Objects;
using KubeStore.Registry;

namespace KubeStore.Controllers;

/// <summary>Ends namespaces: deletes everything in one that terminates, says what is left, and lets it go when nothing
/// is.</summary>
internal sealed class NamespaceController(KubeRegistry registry)
{
    private const string Finalizer = "kubernetes";
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    private readonly HashSet<string> _ending = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();

    public Task RunAsync(CancellationToken stop)
        => KubeControllers.FollowAsync(
            registry,
            registry.Catalog.Find("", "v1", "namespaces")!,
            happened =>
            {
                if (happened.Object is { } ns && happened.Type is WatchEventType.Added or WatchEventType.Modified && ns.Field("metadata.deletionTimestamp").Length > 0)
                {
                    Begin(ns.Name, stop);
                }

                return Task.CompletedTask;
            },
            stop);

    private void Begin(string name, CancellationToken stop)
    {
        lock (_gate)
        {
            if (_ending.Add(name))
            {
                _ = EndAsync(name, stop);
            }
        }
    }

    private async Task EndAsync(string name, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                if (await TryEndAsync(name, stop).ConfigureAwait(false))
                {
                    break;
                }
            }
            catch (StatusException gone) when (gone.Status.Reason == "NotFound")
            {
                break;
            }
            catch (Exception broken) when (broken is StatusException or OperationCanceledException or ObjectDisposedException)
            {
                // Again later.
            }

            await Task.Delay(Pause, registry.Time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        lock (_gate)
        {
            _ending.Remove(name);
        }
    }

    /// <summary>One round; true if the namespace was let go.</summary>
    internal async Task<bool> TryEndAsync(string name, CancellationToken cancellation)
    {
        var (left, finalizers) = (new List<string>(), new List<string>());
        foreach (var resource in registry.Catalog.Stored().Where(one => one.IsNamespaced && one.Allows("delete")))
        {
            await registry.DeleteCollectionAsync(resource, name, new(), new() { Propagation = Propagation.Background }, cancellation).ConfigureAwait(false);
            var rest = await registry.ListAsync(resource, name, new(), cancellation).ConfigureAwait(false);
            if (rest.Items.Count > 0)
            {
                left.Add(FormattableString.Invariant($"{resource.Resource} has {rest.Items.Count} resource instances"));
                finalizers.AddRange(rest.Items.SelectMany(one => ObjectMeta.Of(one.ToJson()).Finalizers));
            }
        }

        var namespaces = registry.Catalog.Find("", "v1", "namespaces")!;
        if (left.Count > 0)
        {
            await registry.ChangeAsync(
                namespaces, "", name, "status", current => WithConditions(current, left, finalizers), new() { FieldManager = "raftkv" }, ChangeRules.None, cancellation).ConfigureAwait(false);
            return false;
        }

        await registry.ChangeAsync(
            namespaces,
            "",
            name,
            "finalize",
            current =>
            {
                current.Ensure("spec")["finalizers"] = JsonAccess.ToArray(current.ArrayAt("spec", "finalizers").Texts().Where(one => one != Finalizer));
                return current;
            },
            new() { FieldManager = "raftkv" },
            ChangeRules.None,
            cancellation).ConfigureAwait(false);
        return true;
    }

    private JsonObject WithConditions(JsonObject current, List<string> left, List<string> finalizers)
    {
        var counts = finalizers.GroupBy(one => one).Select(one => FormattableString.Invariant($"{one.Key} in {one.Count()} resource instances")).ToList();
        var before = current.ArrayAt("status", "conditions").Objects().ToDictionary(one => one.TextAt("type"));
        current.Ensure("status")["conditions"] = JsonAccess.ToArray(
        [
            Condition(before, "NamespaceDeletionDiscoveryFailure", false, "ResourcesDiscovered", "All resources successfully discovered"),
            Condition(before, "NamespaceDeletionGroupVersionParsingFailure", false, "ParsedGroupVersions", "All legacy kube types successfully parsed"),
            Condition(before, "NamespaceDeletionContentFailure", false, "ContentDeleted", "All content successfully deleted, may be waiting on finalization"),
            Condition(before, "NamespaceContentRemaining", true, "SomeResourcesRemain", $"Some resources are remaining: {string.Join(", ", left)}"),
            Condition(before, "NamespaceFinalizersRemaining", counts.Count > 0, counts.Count > 0 ? "SomeFinalizersRemain" : "ContentHasNoFinalizers", counts.Count > 0 ? $"Some content in the namespace has finalizers remaining: {string.Join(", ", counts)}" : "All content-preserving finalizers finished"),
        ]);
        return current;
    }

    private JsonObject Condition(Dictionary<string, JsonObject> before, string type, bool isTrue, string reason, string message)
    {
        var status = isTrue ? "True" : "False";
        var since = before.TryGetValue(type, out var old) && old.TextAt("status") == status
            ? old.TextAt("lastTransitionTime")
            : KubeTime.Seconds(registry.Time.GetUtcNow());
        return new()
        {
            ["type"] = type,
            ["status"] = status,
            ["lastTransitionTime"] = since,
            ["reason"] = reason,
            ["message"] = message,
        };
    }
}
