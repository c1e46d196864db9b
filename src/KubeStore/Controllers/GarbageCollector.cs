using System.Text.Json.Nodes;
using KubeStore.Failures;
using KubeStore.Objects;
using KubeStore.Registry;
using KubeStore.Resources;

namespace KubeStore.Controllers;

/// <summary>
/// Deletes what belongs to somebody who is gone. An object goes when none of its owners is there any more; an owner that is
/// deleted in the foreground goes last, and one that is deleted as an orphan's leaves its dependents behind.
/// </summary>
internal sealed class GarbageCollector(KubeRegistry registry)
{
    private static readonly TimeSpan Sweep = TimeSpan.FromSeconds(2);

    private readonly OwnerGraph _graph = new();
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public async Task RunAsync(CancellationToken stop)
    {
        var followed = new Dictionary<string, (Task Task, CancellationTokenSource Stop)>(StringComparer.Ordinal);
        while (!stop.IsCancellationRequested)
        {
            foreach (var resource in registry.Catalog.Stored().Where(one => one.Allows("delete") && one.Allows("watch") && one.Plural != "events"))
            {
                if (!followed.ContainsKey(resource.StoragePrefix))
                {
                    var own = CancellationTokenSource.CreateLinkedTokenSource(stop);
                    followed[resource.StoragePrefix] = (KubeControllers.FollowAsync(registry, resource, happened => Seen(resource, happened), own.Token), own);
                }
            }

            foreach (var gone in followed.Keys.Except(registry.Catalog.Stored().Select(one => one.StoragePrefix)).ToList())
            {
                await followed[gone].Stop.CancelAsync().ConfigureAwait(false);
                followed[gone].Stop.Dispose();
                followed.Remove(gone);
            }

            using (var waiting = CancellationTokenSource.CreateLinkedTokenSource(stop))
            {
                await Task.WhenAny(_changed.Task, Task.Delay(Sweep, registry.Time, waiting.Token)).ConfigureAwait(false);
                await waiting.CancelAsync().ConfigureAwait(false);
            }

            _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
            foreach (var one in _graph.TakeDoubtful())
            {
                await TryAsync(one, stop).ConfigureAwait(false);
            }
        }

        foreach (var (_, own) in followed.Values)
        {
            own.Dispose();
        }
    }

    /// <summary>Looks after one object.</summary>
    internal async Task ProcessAsync(ResourceDefinition resource, KubeObject seen, CancellationToken cancellation)
    {
        var live = await registry.GetAsync(resource, seen.Namespace, seen.Name, cancellation: cancellation).ConfigureAwait(false);
        if (live.Uid != seen.Uid)
        {
            return;
        }

        var meta = ObjectMeta.Of(live.ToJson());
        if (meta.IsTerminating && meta.Finalizers.Contains("orphan"))
        {
            await OrphanAsync(resource, live, cancellation).ConfigureAwait(false);
            return;
        }

        if (meta.IsTerminating && meta.Finalizers.Contains("foregroundDeletion"))
        {
            await AdvanceForegroundAsync(resource, live, cancellation).ConfigureAwait(false);
            return;
        }

        if (!meta.IsTerminating && meta.OwnerReferences.Any())
        {
            await JudgeAsync(resource, live, meta, cancellation).ConfigureAwait(false);
        }
    }

    private async Task TryAsync(OwnedObject one, CancellationToken stop)
    {
        try
        {
            await ProcessAsync(one.Resource, one.Value, stop).ConfigureAwait(false);
        }
        catch (StatusException gone) when (gone.Status.Reason == "NotFound")
        {
            _graph.Remove(one.Value.Uid);
        }
        catch (Exception broken) when (broken is StatusException or OperationCanceledException or ObjectDisposedException)
        {
            // The next sweep comes by again.
            _graph.Doubt(one.Value.Uid);
        }
    }

    private Task Seen(ResourceDefinition resource, WatchEvent happened)
    {
        if (happened.Object is { Uid.Length: > 0 } value)
        {
            if (happened.Type == WatchEventType.Deleted ? _graph.Remove(value.Uid) : IsOfInterest(value) && _graph.Put(resource, value))
            {
                _changed.TrySetResult();
            }
        }

        return Task.CompletedTask;
    }

    // By a look at the bytes: most objects have neither owners nor an end.
    private static bool IsOfInterest(KubeObject value)
        => value.Json.Span.IndexOf("\"ownerReferences\":["u8) >= 0 || value.Json.Span.IndexOf("\"deletionTimestamp\":"u8) >= 0;

    private async Task JudgeAsync(ResourceDefinition resource, KubeObject value, ObjectMeta meta, CancellationToken cancellation)
    {
        var (solid, dangling, waiting) = (new List<string>(), new List<string>(), new List<string>());
        foreach (var owner in meta.OwnerReferences)
        {
            var found = await FindOwnerAsync(owner, value.Namespace, cancellation).ConfigureAwait(false);
            if (found is null)
            {
                dangling.Add(owner.TextAt("uid"));
            }
            else
            {
                var its = ObjectMeta.Of(found.ToJson());
                (its.IsTerminating && its.Finalizers.Contains("foregroundDeletion") ? waiting : solid).Add(owner.TextAt("uid"));
            }
        }

        if (solid.Count > 0)
        {
            if (dangling.Count + waiting.Count > 0)
            {
                await RemoveOwnersAsync(resource, value, dangling.Concat(waiting).ToHashSet(), cancellation).ConfigureAwait(false);
            }

            return;
        }

        var hasDependents = _graph.DependentsOf(value.Uid).Count > 0;
        var propagation = waiting.Count > 0 && hasDependents ? Propagation.Foreground
            : meta.Finalizers.Contains("orphan") ? Propagation.Orphan
            : meta.Finalizers.Contains("foregroundDeletion") ? Propagation.Foreground
            : Propagation.Background;
        await registry.DeleteAsync(resource, value.Namespace, value.Name, new() { Uid = value.Uid, Propagation = propagation }, cancellation).ConfigureAwait(false);
    }

    private async Task<KubeObject?> FindOwnerAsync(JsonObject owner, string ns, CancellationToken cancellation)
    {
        var (group, version) = GroupVersion.Parse(owner.TextAt("apiVersion"));
        var kind = owner.TextAt("kind");
        var resource = registry.Catalog.FindKind(new GroupVersionKind(group, version, kind)) ?? registry.Catalog.FindKind(group, kind)
            ?? throw Failure.Unavailable($"nothing is known of the kind {kind} that an owner is of");
        if (resource.IsNamespaced && ns.Length == 0)
        {
            // Something of the whole cluster cannot belong to something of a namespace; nobody is judged by that.
            throw Failure.Unavailable("an owner of another scope");
        }

        try
        {
            var found = await registry.GetAsync(resource, resource.IsNamespaced ? ns : "", owner.TextAt("name"), cancellation: cancellation).ConfigureAwait(false);
            return found.Uid == owner.TextAt("uid") ? found : null;
        }
        catch (StatusException gone) when (gone.Status.Reason == "NotFound")
        {
            return null;
        }
    }

    private async Task OrphanAsync(ResourceDefinition resource, KubeObject owner, CancellationToken cancellation)
    {
        foreach (var dependent in _graph.DependentsOf(owner.Uid))
        {
            await RemoveOwnersAsync(dependent.Resource, dependent.Value, [owner.Uid], cancellation).ConfigureAwait(false);
        }

        await RemoveFinalizerAsync(resource, owner, "orphan", cancellation).ConfigureAwait(false);
    }

    private async Task AdvanceForegroundAsync(ResourceDefinition resource, KubeObject owner, CancellationToken cancellation)
    {
        foreach (var dependent in _graph.DependentsOf(owner.Uid))
        {
            await TryAsync(dependent, cancellation).ConfigureAwait(false);
        }

        if (!_graph.DependentsOf(owner.Uid).Any(one => one.Blocks(owner.Uid)))
        {
            await RemoveFinalizerAsync(resource, owner, "foregroundDeletion", cancellation).ConfigureAwait(false);
        }
    }

    private Task RemoveOwnersAsync(ResourceDefinition resource, KubeObject value, HashSet<string> uids, CancellationToken cancellation)
        => ChangeMetadataAsync(resource, value, meta => meta.Json["ownerReferences"] = JsonAccess.ToArray(
            meta.OwnerReferences.Where(owner => !uids.Contains(owner.TextAt("uid"))).Select(owner => owner.DeepClone())), cancellation);

    private Task RemoveFinalizerAsync(ResourceDefinition resource, KubeObject value, string finalizer, CancellationToken cancellation)
        => ChangeMetadataAsync(resource, value, meta => meta.Finalizers = [.. meta.Finalizers.Where(one => one != finalizer)], cancellation);

    private async Task ChangeMetadataAsync(ResourceDefinition resource, KubeObject value, Action<ObjectMeta> change, CancellationToken cancellation)
        => await registry.ChangeAsync(
            resource,
            value.Namespace,
            value.Name,
            "",
            current =>
            {
                var meta = ObjectMeta.Of(current);
                if (meta.Uid == value.Uid)
                {
                    change(meta);
                    if (meta.Json.ArrayAt("ownerReferences") is { Count: 0 })
                    {
                        meta.Json.Remove("ownerReferences");
                    }
                }

                return current;
            },
            new() { FieldManager = "raftkv" },
            ChangeRules.None,
            cancellation).ConfigureAwait(false);
}
