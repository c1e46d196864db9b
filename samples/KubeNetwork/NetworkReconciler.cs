using System.Globalization;
using System.Text.Json.Nodes;
using KubeStore;
using KubeStore.Informers;
using KubeStore.Objects;

namespace KubeNetwork;

/// <summary>Gives each network a tag that no other has, and takes it back when the network goes. There is one worker, so
/// that no two networks get theirs at the same time.</summary>
internal sealed class NetworkReconciler(IKubeClient kube, SharedInformer networks)
{
    private const string Finalizer = "example.com/tag";

    public async Task<TimeSpan?> ReconcileAsync(ObjectKey key, CancellationToken stop)
    {
        if (networks.Store.Find(key) is not { } network)
        {
            return null;
        }

        var next = network.ToJson();
        var metadata = next["metadata"]!.AsObject();
        var isEnding = network.Field("metadata.deletionTimestamp").Length > 0;
        if (isEnding || metadata["finalizers"] is null)
        {
            // Before it gets anything, it promises not to go without us.
            metadata["finalizers"] = isEnding ? new JsonArray() : new JsonArray { Finalizer };
            await SeenAsync(await kube.UpdateAsync(NetworkDefinition.Networks, key.Namespace, next, cancellation: stop), stop);
        }
        else if (network.Field("status.phase") != "Ready")
        {
            next["status"] = new JsonObject { ["phase"] = "Ready", ["tag"] = FreeTag(), ["addresses"] = Addresses(network.Field("spec.cidr")) };
            await SeenAsync(await kube.UpdateAsync(NetworkDefinition.Networks, key.Namespace, next, new() { Subresource = "status" }, stop), stop);
        }

        return null;
    }

    // What we have written ourselves is known before the next tag is looked for.
    private Task SeenAsync(KubeObject written, CancellationToken stop)
        => networks.UntilAsync(store => store.Find(ObjectKey.Of(written)) is not { } seen || seen.Revision >= written.Revision, stop);

    private int FreeTag()
    {
        var taken = networks.Store.All().Select(network => network.Field("status.tag")).ToHashSet();
        return Enumerable.Range(100, int.MaxValue - 100).First(tag => !taken.Contains(tag.ToString(CultureInfo.InvariantCulture)));
    }

    private static long Addresses(string cidr) => 1L << Math.Clamp(32 - int.Parse(cidr.Split('/')[1], CultureInfo.InvariantCulture), 0, 32);
}
