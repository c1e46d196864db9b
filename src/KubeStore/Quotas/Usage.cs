using System.Text.Json.Nodes;
using KubeStore.Objects;
using KubeStore.Resources;
using KubeStore.Schema;

namespace KubeStore.Quotas;

/// <summary>What an object takes up of a namespace's share.</summary>
internal static class Usage
{
    private static readonly string[] Counted =
        ["pods", "services", "replicationcontrollers", "resourcequotas", "secrets", "configmaps", "persistentvolumeclaims"];

    /// <summary>All that an object takes up, whether a quota has a word on it or not.</summary>
    public static Amounts Of(ResourceDefinition resource, JsonObject value)
    {
        var used = new Amounts { [CountName(resource)] = 1 };
        var isCore = resource.Group.Length == 0;
        if (isCore && resource.Plural == "pods")
        {
            if (IsOver(value))
            {
                return used;
            }

            OfPod(value, used);
        }

        if (isCore && Counted.Contains(resource.Plural))
        {
            used[resource.Plural] = 1;
        }

        if (isCore && resource.Plural == "services")
        {
            OfService(value, used);
        }
        else if (isCore && resource.Plural == "persistentvolumeclaims")
        {
            OfClaim(value, used);
        }

        return used;
    }

    /// <summary>What the count of a resource's objects is called.</summary>
    public static string CountName(ResourceDefinition resource) => $"count/{resource.Resource}";

    /// <summary>Whether something that a quota names may be taken up by objects of this resource.</summary>
    public static bool Concerns(string name, ResourceDefinition resource)
        => name == CountName(resource)
            || (resource.Group.Length == 0 && (name == resource.Plural || resource.Plural switch
            {
                "pods" => IsCompute(name),
                "services" => name.StartsWith("services.", StringComparison.Ordinal),
                "persistentvolumeclaims" => name == "requests.storage" || name.Contains(".storageclass.storage.k8s.io/", StringComparison.Ordinal),
                _ => false,
            }));

    /// <summary>What of the names a container of the pod should have said, and has not: nobody could count it.</summary>
    public static IEnumerable<(string Name, IReadOnlyList<string> Containers)> Unsaid(JsonObject pod, IEnumerable<string> names)
    {
        foreach (var name in names.Where(one => one is "cpu" or "memory" or "requests.cpu" or "requests.memory" or "limits.cpu" or "limits.memory"))
        {
            var field = name.StartsWith("limits.", StringComparison.Ordinal) ? "limits" : "requests";
            var what = name[(name.IndexOf('.', StringComparison.Ordinal) + 1)..];
            var silent = pod.ArrayAt("spec", "containers").Objects().Concat(pod.ArrayAt("spec", "initContainers").Objects())
                .Where(one => one.At("resources", field, what) is null)
                .Select(one => one.TextAt("name")).ToList();
            if (silent.Count > 0)
            {
                yield return (name, silent);
            }
        }
    }

    public static bool IsCompute(string name)
        => name is "cpu" or "memory" or "ephemeral-storage"
            || (name.StartsWith("requests.", StringComparison.Ordinal) && name != "requests.storage")
            || name.StartsWith("limits.", StringComparison.Ordinal)
            || name.StartsWith("hugepages-", StringComparison.Ordinal);

    private static bool IsOver(JsonObject pod) => pod.TextAt("status", "phase") is "Succeeded" or "Failed";

    // Containers run side by side, the others one after the other before them, but for those that stay.
    private static void OfPod(JsonObject pod, Amounts used)
    {
        foreach (var field in (string[])["requests", "limits"])
        {
            var all = new Amounts();
            foreach (var container in pod.ArrayAt("spec", "containers").Objects())
            {
                all.Add(Amounts.Of(container.ObjectAt("resources", field)));
            }

            var (staying, most) = (new Amounts(), new Amounts());
            foreach (var container in pod.ArrayAt("spec", "initContainers").Objects())
            {
                var own = Amounts.Of(container.ObjectAt("resources", field));
                if (container.TextAt("restartPolicy") == "Always")
                {
                    staying.Add(own);
                    own = new();
                }

                own.Add(staying);
                foreach (var (name, amount) in own)
                {
                    most.Add(name, amount, keepsLarger: true);
                }
            }

            all.Add(staying);
            foreach (var (name, amount) in most)
            {
                all.Add(name, amount, keepsLarger: true);
            }

            all.Add(Amounts.Of(pod.ObjectAt("spec", "overhead")));
            foreach (var (name, amount) in all)
            {
                used[$"{field}.{name}"] = amount;
                if (field == "requests" && (name is "cpu" or "memory" or "ephemeral-storage" || name.StartsWith("hugepages-", StringComparison.Ordinal)))
                {
                    used[name] = amount;
                }
            }
        }
    }

    private static void OfService(JsonObject service, Amounts used)
    {
        var type = service.TextAt("spec", "type");
        var ports = service.ArrayAt("spec", "ports").Objects().Count();
        if (type == "LoadBalancer")
        {
            used["services.loadbalancers"] = 1;
        }

        if (type == "NodePort" || (type == "LoadBalancer" && service.At("spec", "allocateLoadBalancerNodePorts")?.ToJsonString() != "false"))
        {
            used["services.nodeports"] = ports;
        }
    }

    private static void OfClaim(JsonObject claim, Amounts used)
    {
        _ = Quantity.TryParse(claim.At("spec", "resources", "requests", "storage").AsText(), out var storage);
        used["requests.storage"] = storage;
        if (claim.TextAt("spec", "storageClassName") is { Length: > 0 } storageClass)
        {
            used[$"{storageClass}.storageclass.storage.k8s.io/requests.storage"] = storage;
            used[$"{storageClass}.storageclass.storage.k8s.io/persistentvolumeclaims"] = 1;
        }
    }
}
