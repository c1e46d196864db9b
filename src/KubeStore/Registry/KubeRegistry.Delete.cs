using System.Text.Json.Nodes;
using KubeStore.Admission;
using KubeStore.Failures;
using KubeStore.Kinds;
using KubeStore.Objects;
using KubeStore.Resources;
using KubeStore.Storage;

namespace KubeStore.Registry;

public sealed partial class KubeRegistry
{
    private const string OrphanFinalizer = "orphan";
    private const string ForegroundFinalizer = "foregroundDeletion";

    /// <summary>Deletes an object, or begins to: as long as it has finalizers, or time, it stays.</summary>
    /// <exception cref="StatusException">It is not there, is not the one that was meant, or may not be deleted.</exception>
    public async Task<DeleteResult> DeleteAsync(
        ResourceDefinition resource, string ns, string name, DeleteOptions options, CancellationToken cancellation = default)
    {
        var key = KeyOf(resource, ns, name);
        var range = await AskedAsync(resource, "delete", () => _storage.RangeAsync(key, null, 0, 1, cancellation)).ConfigureAwait(false);
        StoredValue? seen = range.Values.Count > 0 ? range.Values[0] : null;
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            var stored = Read(resource, name, seen ?? throw Failure.NotFound(resource.Resource, name));
            var current = Present(resource, stored).ToJson();
            CheckPreconditions(resource, ObjectMeta.Of(current), options);
            var request = new AdmissionRequest(AdmissionOperation.Delete, resource, "", ns, name, options.User, options.DryRun) { OldObject = current };
            foreach (var step in _admission)
            {
                await step.ValidateAsync(request, cancellation).ConfigureAwait(false);
            }

            var next = (JsonObject)current.DeepClone();
            if (!BeginDeletion(resource, next, options))
            {
                var gone = options.DryRun
                    ? new WriteOutcome(true, stored.Revision, null)
                    : await AskedAsync(resource, "delete", () => _storage.DeleteAsync(key, stored.Revision, cancellation)).ConfigureAwait(false);
                if (gone.Succeeded)
                {
                    return new(Present(resource, stored.At(gone.Revision)), IsGone: true);
                }

                seen = gone.Current;
                continue;
            }

            if (JsonNode.DeepEquals(next, current))
            {
                return new(Present(resource, stored), IsGone: false);
            }

            var bytes = StoredBytes(resource, next);
            if (options.DryRun)
            {
                return new(Present(resource, KubeObject.Read(bytes, stored.Revision)), IsGone: false);
            }

            var outcome = await AskedAsync(resource, "delete", () => _storage.PutAsync(key, bytes, stored.Revision, resource.TimeToLive, cancellation)).ConfigureAwait(false);
            if (outcome.Succeeded)
            {
                return new(Present(resource, KubeObject.Read(bytes, outcome.Revision)), IsGone: false);
            }

            seen = outcome.Current;
        }
    }

    /// <summary>Deletes what a list finds, one after the other. Returns what was found.</summary>
    public async Task<ObjectList> DeleteCollectionAsync(
        ResourceDefinition resource, string ns, ListOptions which, DeleteOptions options, CancellationToken cancellation = default)
    {
        var found = await ListAsync(resource, ns, which, cancellation).ConfigureAwait(false);
        foreach (var one in found.Items)
        {
            try
            {
                await DeleteAsync(resource, one.Namespace, one.Name, options, cancellation).ConfigureAwait(false);
            }
            catch (StatusException gone) when (gone.Status.Reason == "NotFound")
            {
                // Somebody was faster.
            }
        }

        return found;
    }

    private static void CheckPreconditions(ResourceDefinition resource, ObjectMeta there, DeleteOptions options)
    {
        if (options.Uid.Length > 0 && options.Uid != there.Uid)
        {
            throw Failure.Conflict(resource.Resource, there.Name, Mismatch("UID", options.Uid, there.Uid));
        }

        if (options.ResourceVersion.Length > 0 && options.ResourceVersion != there.ResourceVersion)
        {
            throw Failure.Conflict(resource.Resource, there.Name, Mismatch("ResourceVersion", options.ResourceVersion, there.ResourceVersion));
        }
    }

    private static string Mismatch(string what, string asked, string there)
        => $"the {what} in the precondition ({asked}) does not match the {what} in record ({there}). The object might have been deleted and then recreated";

    /// <summary>Marks what is to be deleted; false if nothing keeps it.</summary>
    private bool BeginDeletion(ResourceDefinition resource, JsonObject value, DeleteOptions options)
    {
        var meta = ObjectMeta.Of(value);
        var rules = KindRules.Of(resource);
        var now = Time.GetUtcNow();
        meta.Finalizers = FinalizersFor(resource, meta, options);
        var grace = rules.GracePeriod(value, options.GracePeriodSeconds);
        if (grace > 0)
        {
            // A second deletion may only shorten what the first has set.
            if (meta.IsTerminating && meta.DeletionGracePeriodSeconds <= grace)
            {
                return true;
            }

            if (meta.IsTerminating && KubeTime.TryParse(meta.DeletionTimestamp, out var end))
            {
                now = end.AddSeconds(-(meta.DeletionGracePeriodSeconds ?? 0));
            }

            MarkTerminating(meta, now.AddSeconds(grace.Value), grace.Value);
            rules.BeginDelete(value);
            return true;
        }

        if (meta.Finalizers.Count == 0 && !rules.IsKept(value))
        {
            return false;
        }

        if (!meta.IsTerminating || (KubeTime.TryParse(meta.DeletionTimestamp, out var due) && due > now))
        {
            MarkTerminating(meta, now, 0);
        }

        rules.BeginDelete(value);
        return true;
    }

    private static void MarkTerminating(ObjectMeta meta, DateTimeOffset at, long grace)
    {
        if (!meta.IsTerminating && meta.Generation > 0)
        {
            meta.Generation++;
        }

        meta.DeletionTimestamp = KubeTime.Seconds(at);
        meta.DeletionGracePeriodSeconds = grace;
    }

    private static List<string> FinalizersFor(ResourceDefinition resource, ObjectMeta meta, DeleteOptions options)
    {
        var finalizers = meta.Finalizers.ToList();
        if (resource.Plural == "events")
        {
            return finalizers;
        }

        var asked = options.Propagation
            ?? (finalizers.Contains(OrphanFinalizer) ? Propagation.Orphan
                : finalizers.Contains(ForegroundFinalizer) ? Propagation.Foreground
                : resource.DefaultPropagation);
        var wanted = asked switch
        {
            Propagation.Orphan => OrphanFinalizer,
            Propagation.Foreground => ForegroundFinalizer,
            _ => "",
        };
        finalizers.RemoveAll(one => one is OrphanFinalizer or ForegroundFinalizer && one != wanted);
        if (wanted.Length > 0 && !finalizers.Contains(wanted))
        {
            finalizers.Add(wanted);
        }

        return finalizers;
    }
}
