using KubeStore.Failures;
using KubeStore.Registry;

namespace KubeStore.Admission;

/// <summary>Nothing is created in a namespace that is not there, or on its way out; and some namespaces are never on
/// theirs.</summary>
internal sealed class NamespaceLifecycle(KubeRegistry registry) : IAdmissionStep
{
    private static readonly string[] Immortal = ["default", "kube-system", "kube-public"];

    public async ValueTask MutateAsync(AdmissionRequest request, CancellationToken cancellation)
    {
        if (request.Operation != AdmissionOperation.Create || request.Namespace.Length == 0)
        {
            return;
        }

        var namespaces = registry.Catalog.Find("", "v1", "namespaces");
        if (namespaces is null)
        {
            return;
        }

        // What the cache knows to be there may be relied upon for a moment; what it does not know may have come just now.
        var found = registry.CacheOf(namespaces).Current()?.Find("", request.Namespace)
            ?? await registry.GetAsync(namespaces, "", request.Namespace, cancellation: cancellation).ConfigureAwait(false);
        if (found.Field("status.phase") == "Terminating" || found.Field("metadata.deletionTimestamp").Length > 0)
        {
            throw Failure.Forbidden(
                request.Resource.Resource,
                request.Name,
                $"unable to create new content in namespace {request.Namespace} because it is being terminated",
                new StatusCause("NamespaceTerminating", $"namespace {request.Namespace} is being terminated", "metadata.namespace"));
        }
    }

    public ValueTask ValidateAsync(AdmissionRequest request, CancellationToken cancellation)
        => request.Operation == AdmissionOperation.Delete && request.Resource is { Group: "", Plural: "namespaces" } && Immortal.Contains(request.Name)
            ? throw Failure.Forbidden(request.Resource.Resource, request.Name, "this namespace may not be deleted")
            : default;
}
