using KubeStore.Registry;

namespace KubeStore.Admission;

/// <summary>The steps that every registry has unless it is told otherwise, in the order of Kubernetes' own.</summary>
/// <example><code>
/// new KubeRegistryOptions { Admission = [.. BuiltInAdmission.All.Except([BuiltInAdmission.LimitRanger])] }
/// </code></example>
public static class BuiltInAdmission
{
    /// <summary>Nothing is created in a namespace that is not there or ends, and some namespaces cannot be deleted.</summary>
    public const string NamespaceLifecycle = "NamespaceLifecycle";

    /// <summary>Containers get the resources that a LimitRange of the namespace gives by default, and are held to its limits.</summary>
    public const string LimitRanger = "LimitRanger";

    /// <summary>A pod that names no service account has the namespace's <c>default</c>; one that names one must find it.</summary>
    public const string ServiceAccount = "ServiceAccount";

    /// <summary>A pod's priority is that of its class.</summary>
    public const string Priority = "Priority";

    /// <summary>A pod stays five minutes on a node that has failed, if it does not say otherwise.</summary>
    public const string DefaultTolerationSeconds = "DefaultTolerationSeconds";

    /// <summary>A claim that names no storage class gets the default one, if there is one.</summary>
    public const string DefaultStorageClass = "DefaultStorageClass";

    /// <summary>A namespace takes up no more than its quotas allow. What it takes up is in their status.</summary>
    public const string ResourceQuota = "ResourceQuota";

    /// <summary>
    /// Who makes an object somebody's dependent must be allowed to delete it, and to say what happens to its owner. Not among
    /// <see cref="All"/>: it is for registries that are served with roles.
    /// </summary>
    public const string OwnerReferencesPermissionEnforcement = "OwnerReferencesPermissionEnforcement";

    public static IReadOnlyList<string> All { get; } =
        [NamespaceLifecycle, LimitRanger, ServiceAccount, Priority, DefaultTolerationSeconds, DefaultStorageClass, ResourceQuota];

    internal static IAdmissionStep Find(string name, KubeRegistry registry) => name switch
    {
        NamespaceLifecycle => new NamespaceLifecycle(registry),
        LimitRanger => new LimitRanger(registry),
        ServiceAccount => new ServiceAccountStep(registry),
        Priority => new PriorityStep(registry),
        DefaultTolerationSeconds => new DefaultTolerations(),
        DefaultStorageClass => new DefaultStorage(registry),
        ResourceQuota => new ResourceQuotaStep(registry),
        OwnerReferencesPermissionEnforcement => new OwnerPermissions(registry),
        _ => throw new ArgumentException($"There is no admission step \"{name}\"; there are {string.Join(", ", All)}, {OwnerReferencesPermissionEnforcement}.", nameof(name)),
    };
}
