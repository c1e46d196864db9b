using System.Collections.Frozen;
using KubeStore.Resources;

namespace KubeStore.Kinds;

/// <summary>Which built-in kinds have rules of their own.</summary>
internal static class BuiltInKinds
{
    private static readonly KindRules Others = new();

    private static readonly FrozenDictionary<(string Group, string Plural), KindRules> Rules =
        new Dictionary<(string, string), KindRules>
        {
            [("", "namespaces")] = new NamespaceRules(),
            [("", "pods")] = new PodRules(),
            [("", "podtemplates")] = new PodTemplateRules(),
            [("", "services")] = new ServiceRules(),
            [("", "secrets")] = new SecretRules(),
            [("", "configmaps")] = new ConfigMapRules(),
            [("", "persistentvolumeclaims")] = new ClaimRules(),
            [("", "persistentvolumes")] = new VolumeRules(),
            [("", "replicationcontrollers")] = new ReplicationControllerRules(),
            [("apps", "deployments")] = new DeploymentRules(),
            [("apps", "replicasets")] = new ReplicaSetRules(),
            [("apps", "statefulsets")] = new StatefulSetRules(),
            [("apps", "daemonsets")] = new DaemonSetRules(),
            [("batch", "jobs")] = new JobRules(),
            [("batch", "cronjobs")] = new CronJobRules(),
            [("rbac.authorization.k8s.io", "roles")] = new RoleRules(),
            [("rbac.authorization.k8s.io", "clusterroles")] = new RoleRules(),
            [("rbac.authorization.k8s.io", "rolebindings")] = new RoleBindingRules(),
            [("rbac.authorization.k8s.io", "clusterrolebindings")] = new RoleBindingRules(),
            [("coordination.k8s.io", "leases")] = new LeaseRules(),
            [("autoscaling", "horizontalpodautoscalers")] = new AutoscalerRules(),
            [("apiextensions.k8s.io", "customresourcedefinitions")] = new Custom.DefinitionRules(),
            [("storage.k8s.io", "storageclasses")] = new StorageClassRules(),
            [("scheduling.k8s.io", "priorityclasses")] = new PriorityClassRules(),
        }.ToFrozenDictionary();

    public static KindRules Of(ResourceDefinition resource) => Rules.GetValueOrDefault((resource.Group, resource.Plural), Others);
}
