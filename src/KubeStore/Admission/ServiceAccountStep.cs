using KubeStore.Failures;
using KubeStore.Objects;
using KubeStore.Registry;

namespace KubeStore.Admission;

/// <remarks>No token is mounted: where nothing runs pods, nobody would make one.</remarks>
internal sealed class ServiceAccountStep(KubeRegistry registry) : IAdmissionStep
{
    private const string Default = "default";

    public async ValueTask MutateAsync(AdmissionRequest request, CancellationToken cancellation)
    {
        // A mirror of what runs on a node anyway has no account.
        if (!request.Creates("", "pods") || request.Object.TextAt("metadata", "annotations", "kubernetes.io/config.mirror").Length > 0)
        {
            return;
        }

        var spec = request.Object!.Ensure("spec");
        var name = spec.TextAt("serviceAccountName") is { Length: > 0 } named ? named : Default;
        spec["serviceAccountName"] = name;
        spec["serviceAccount"] = name;
        var account = await FindAsync(request.Namespace, name, cancellation).ConfigureAwait(false);
        if (account is null && name != Default)
        {
            throw Failure.Forbidden(
                request.Resource.Resource,
                request.Name,
                $"error looking up service account {request.Namespace}/{name}: serviceaccount \"{name}\" not found");
        }

        if (spec.ArrayAt("imagePullSecrets") is null or { Count: 0 } && account?.ToJson().ArrayAt("imagePullSecrets") is { Count: > 0 } secrets)
        {
            spec["imagePullSecrets"] = secrets.DeepClone();
        }
    }

    // What the cache does not know may have come just now.
    private async ValueTask<KubeObject?> FindAsync(string ns, string name, CancellationToken cancellation)
    {
        var accounts = registry.Catalog.Find("", "v1", "serviceaccounts");
        if (accounts is null)
        {
            return null;
        }

        foreach (var version in name == Default ? (string[])["0"] : ["0", ""])
        {
            try
            {
                return await registry.GetAsync(accounts, ns, name, version, cancellation).ConfigureAwait(false);
            }
            catch (StatusException missing) when (missing.Status.Reason == "NotFound")
            {
                // Asked again, or not there.
            }
        }

        return null;
    }
}
