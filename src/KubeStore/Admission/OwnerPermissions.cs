using System.Text.Json.Nodes;
using KubeStore.Failures;
using KubeStore.Objects;
using KubeStore.Registry;

namespace KubeStore.Admission;

internal sealed class OwnerPermissions(KubeRegistry registry) : IAdmissionStep
{
    public async ValueTask ValidateAsync(AdmissionRequest request, CancellationToken cancellation)
    {
        if (request.Object is not { } value || request.User.Judge is null)
        {
            return;
        }

        var owners = value.ArrayAt("metadata", "ownerReferences");
        var before = request.OldObject.ArrayAt("metadata", "ownerReferences");
        if (JsonNode.DeepEquals(owners ?? [], before ?? []))
        {
            return;
        }

        // Who makes an object could have made it without owners; who changes them decides when it goes.
        if (request.Operation == AdmissionOperation.Update
            && !await MayAsync(request, "delete", request.Resource.Group, request.Resource.Plural, "", request.Name, request.Namespace, cancellation).ConfigureAwait(false))
        {
            throw Failure.Forbidden(request.Resource.Resource, request.Name, "cannot set an ownerRef on a resource you can't delete: ");
        }

        var blocking = before.Objects().Where(one => one.FlagAt("blockOwnerDeletion")).Select(one => one.TextAt("uid")).ToHashSet(StringComparer.Ordinal);
        foreach (var owner in owners.Objects().Where(one => one.FlagAt("blockOwnerDeletion") && !blocking.Contains(one.TextAt("uid"))))
        {
            var slash = owner.TextAt("apiVersion").IndexOf('/', StringComparison.Ordinal);
            var (group, version) = (slash < 0 ? "" : owner.TextAt("apiVersion")[..slash], owner.TextAt("apiVersion")[(slash + 1)..]);
            var kind = registry.Catalog.All.FirstOrDefault(one => one.Group == group && one.Version == version && one.Kind == owner.TextAt("kind"));
            if (kind is null || !await MayAsync(
                request, "update", group, kind.Plural, "finalizers", owner.TextAt("name"), kind.IsNamespaced ? request.Namespace : "", cancellation).ConfigureAwait(false))
            {
                throw Failure.Forbidden(
                    request.Resource.Resource, request.Name, "cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on: ");
            }
        }
    }

    private static Task<bool> MayAsync(
        AdmissionRequest request, string verb, string group, string plural, string subresource, string name, string ns, CancellationToken cancellation)
        => request.User.Judge!.MayAsync(
            new(request.User, verb) { Group = group, Resource = plural, Subresource = subresource, Namespace = ns, Name = name }, cancellation);
}
