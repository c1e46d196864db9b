namespace KubeStore;

/// <summary>A kind of objects in one version, as far as a client has to know it.</summary>
/// <param name="Group">Its group; empty for the core.</param>
/// <param name="Version">The version to speak.</param>
/// <param name="Kind">What one object is called.</param>
/// <param name="Plural">What all of them are called in addresses.</param>
/// <param name="IsNamespaced">Whether its objects lie in namespaces.</param>
/// <example><code>
/// var networks = new KubeResource("example.com", "v1", "Network", "networks");
/// </code></example>
public sealed record KubeResource(string Group, string Version, string Kind, string Plural, bool IsNamespaced = true)
{
    public static KubeResource Namespaces { get; } = new("", "v1", "Namespace", "namespaces", IsNamespaced: false);

    public static KubeResource Nodes { get; } = new("", "v1", "Node", "nodes", IsNamespaced: false);

    public static KubeResource Pods { get; } = new("", "v1", "Pod", "pods");

    public static KubeResource ConfigMaps { get; } = new("", "v1", "ConfigMap", "configmaps");

    public static KubeResource Secrets { get; } = new("", "v1", "Secret", "secrets");

    public static KubeResource Services { get; } = new("", "v1", "Service", "services");

    public static KubeResource Deployments { get; } = new("apps", "v1", "Deployment", "deployments");

    public static KubeResource ReplicaSets { get; } = new("apps", "v1", "ReplicaSet", "replicasets");

    public static KubeResource Leases { get; } = new("coordination.k8s.io", "v1", "Lease", "leases");

    public static KubeResource CustomResourceDefinitions { get; } =
        new("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", IsNamespaced: false);

    /// <summary>Group and version as objects name them: <c>apps/v1</c>, or <c>v1</c> for the core.</summary>
    public string ApiVersion => Group.Length > 0 ? $"{Group}/{Version}" : Version;

    public override string ToString() => Group.Length > 0 ? $"{Plural}.{Group}" : Plural;
}
