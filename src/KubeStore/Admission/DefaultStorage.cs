using KubeStore.Objects;
using KubeStore.Registry;

namespace KubeStore.Admission;

internal sealed class DefaultStorage(KubeRegistry registry) : IAdmissionStep
{
    private const string IsDefault = "storageclass.kubernetes.io/is-default-class";

    public async ValueTask MutateAsync(AdmissionRequest request, CancellationToken cancellation)
    {
        // An empty name says: none, and not even the default one.
        if (!request.Creates("", "persistentvolumeclaims") || request.Object.At("spec", "storageClassName") is not null)
        {
            return;
        }

        // Of several the youngest counts: somebody is about to replace the others.
        var chosen = (await registry.AtHandAsync("storage.k8s.io", "storageclasses", "", cancellation).ConfigureAwait(false))
            .Where(one => one.TextAt("metadata", "annotations", IsDefault) == "true")
            .OrderByDescending(one => one.TextAt("metadata", "creationTimestamp"), StringComparer.Ordinal)
            .ThenBy(one => one.TextAt("metadata", "name"), StringComparer.Ordinal)
            .FirstOrDefault();
        if (chosen is not null)
        {
            request.Object!.Ensure("spec")["storageClassName"] = chosen.TextAt("metadata", "name");
        }
    }
}
