using System.Globalization;
using System.Text.Json.Nodes;
using KubeStore;
using KubeStore.Controllers;
using KubeStore.Failures;
using KubeStore.Informers;
using KubeStore.Objects;

namespace KubeReplicaSet;

/// <summary>Makes pods where there are too few, and deletes some where there are too many. (Kubernetes' own also adopts
/// pods that fit the selector and are nobody's.)</summary>
internal sealed class ReplicaSetReconciler(IKubeClient kube, SharedInformer sets, SharedInformer pods)
{
    public async Task<TimeSpan?> ReconcileAsync(ObjectKey key, CancellationToken stop)
    {
        if (sets.Store.Find(key) is not { } set || IsEnding(set))
        {
            return null; // What belonged to it is collected by others.
        }

        var active = pods.Store.InNamespace(key.Namespace)
            .Where(pod => Owners.ControllerOf(pod)?.Uid == set.Uid && !IsEnding(pod) && pod.Field("status.phase") is not ("Succeeded" or "Failed"))
            .ToList();
        var wanted = int.Parse(set.Field("spec.replicas"), CultureInfo.InvariantCulture);
        for (var missing = wanted - active.Count; missing > 0; missing--)
        {
            active.Add(await CreateAsync(set, stop));
        }

        foreach (var pod in active.OrderBy(Worth).Take(active.Count - wanted).ToList())
        {
            await DeleteAsync(pod, stop);
            active.Remove(pod);
        }

        if (set.Field("status.replicas") != $"{active.Count}" || set.Field("status.observedGeneration") != set.Field("metadata.generation"))
        {
            var status = new JsonObject
            {
                ["replicas"] = active.Count,
                ["observedGeneration"] = long.Parse(set.Field("metadata.generation"), CultureInfo.InvariantCulture),
            };
            await kube.PatchAsync(
                KubeResource.ReplicaSets, key.Namespace, key.Name, PatchType.Merge, new JsonObject { ["status"] = status }, new() { Subresource = "status" }, stop);
        }

        return null;
    }

    private async Task<KubeObject> CreateAsync(KubeObject set, CancellationToken stop)
    {
        var pod = (JsonObject)set.ToJson()["spec"]!["template"]!.DeepClone();
        pod["metadata"]!["generateName"] = $"{set.Name}-";
        Owners.PutInCharge(pod, set);
        var made = await kube.CreateAsync(KubeResource.Pods, set.Namespace, pod, cancellation: stop);

        // Who counts by a copy must have seen what they did themselves before they count again.
        await pods.UntilAsync(store => store.Find(ObjectKey.Of(made)) is not null || pods.Revision >= made.Revision, stop);
        return made;
    }

    private async Task DeleteAsync(KubeObject pod, CancellationToken stop)
    {
        try
        {
            await kube.DeleteAsync(KubeResource.Pods, pod.Namespace, pod.Name, new() { Uid = pod.Uid }, stop);
        }
        catch (StatusException gone) when (gone.Status.Reason is "NotFound" or "Conflict")
        {
            // Somebody was faster.
        }

        await pods.UntilAsync(store => store.Find(ObjectKey.Of(pod)) is not { } there || there.Uid != pod.Uid || IsEnding(there), stop);
    }

    // Those go first that do the least, and of equals the youngest.
    private static (int, long) Worth(KubeObject pod)
        => (pod.Field("spec.nodeName").Length == 0 ? 0 : pod.Field("status.phase") != "Running" ? 1 : 2, -pod.Revision);

    private static bool IsEnding(KubeObject value) => value.Field("metadata.deletionTimestamp").Length > 0;
}
