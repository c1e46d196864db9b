using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using KubeStore.Objects;
using KubeStore.Resources;

namespace KubeStore.Discovery;

/// <summary>What there is: the documents by which clients find resources.</summary>
internal static class DiscoveryDocuments
{
    public const string AggregatedType = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

    public static JsonObject CoreVersions(string address) => new()
    {
        ["kind"] = "APIVersions",
        ["versions"] = JsonAccess.ToArray(["v1"]),
        ["serverAddressByClientCIDRs"] = JsonAccess.ToArray([new JsonObject { ["clientCIDR"] = "0.0.0.0/0", ["serverAddress"] = address }]),
    };

    public static JsonObject Groups(ResourceCatalog catalog) => new()
    {
        ["kind"] = "APIGroupList",
        ["apiVersion"] = "v1",
        ["groups"] = JsonAccess.ToArray(GroupNames(catalog).Select(group => Versions(catalog, group))),
    };

    /// <summary>One group; null if there is none of that name.</summary>
    public static JsonObject? Group(ResourceCatalog catalog, string group)
    {
        if (group.Length == 0 || !GroupNames(catalog).Contains(group))
        {
            return null;
        }

        var json = new JsonObject { ["kind"] = "APIGroup", ["apiVersion"] = "v1" };
        foreach (var (name, value) in Versions(catalog, group))
        {
            json[name] = value?.DeepClone();
        }

        return json;
    }

    /// <summary>The resources of a group and version; null if there is none.</summary>
    public static JsonObject? Resources(ResourceCatalog catalog, GroupVersion version)
    {
        var found = Of(catalog, version).ToList();
        if (found.Count == 0)
        {
            return null;
        }

        var resources = new JsonArray();
        foreach (var resource in found)
        {
            resources.Add((JsonNode)Resource(resource));
            foreach (var inner in resource.Subresources)
            {
                resources.Add((JsonNode)Inner(resource, inner));
            }
        }

        return new JsonObject
        {
            ["kind"] = "APIResourceList",
            ["apiVersion"] = "v1",
            ["groupVersion"] = version.ToString(),
            ["resources"] = resources,
        };
    }

    /// <summary>Everything in one document: of the core, or of the groups.</summary>
    public static JsonObject Aggregated(ResourceCatalog catalog, bool isCore)
    {
        var groups = isCore ? [""] : GroupNames(catalog);
        return new JsonObject
        {
            ["kind"] = "APIGroupDiscoveryList",
            ["apiVersion"] = "apidiscovery.k8s.io/v2",
            ["metadata"] = new JsonObject(),
            ["items"] = JsonAccess.ToArray(groups.Select(group => new JsonObject
            {
                ["metadata"] = group.Length == 0
                    ? new JsonObject { ["creationTimestamp"] = null }
                    : new JsonObject { ["name"] = group, ["creationTimestamp"] = null },
                ["versions"] = JsonAccess.ToArray(catalog.GroupVersions.Where(one => one.Group == group).Select(version => new JsonObject
                {
                    ["version"] = version.Version,
                    ["freshness"] = "Current",
                    ["resources"] = JsonAccess.ToArray(Of(catalog, version).Select(Discovered)),
                })),
            })),
        };
    }

    public static string Tag(byte[] document) => $"\"{Convert.ToHexString(SHA256.HashData(document)[..16])}\"";

    private static IReadOnlyList<string> GroupNames(ResourceCatalog catalog)
        => [.. catalog.GroupVersions.Select(one => one.Group).Where(group => group.Length > 0).Distinct()];

    private static IEnumerable<ResourceDefinition> Of(ResourceCatalog catalog, GroupVersion version)
        => catalog.All.Where(one => one.GroupVersion == version).OrderBy(one => one.Plural, StringComparer.Ordinal);

    private static JsonObject Versions(ResourceCatalog catalog, string group)
    {
        var versions = catalog.GroupVersions.Where(one => one.Group == group)
            .Select(one => new JsonObject { ["groupVersion"] = one.ToString(), ["version"] = one.Version }).ToList();
        return new JsonObject
        {
            ["name"] = group,
            ["versions"] = JsonAccess.ToArray(versions),
            ["preferredVersion"] = versions[0].DeepClone(),
        };
    }

    private static JsonObject Resource(ResourceDefinition resource)
    {
        var json = new JsonObject
        {
            ["name"] = resource.Plural,
            ["singularName"] = resource.Singular,
            ["namespaced"] = resource.IsNamespaced,
            ["kind"] = resource.Kind,
            ["verbs"] = JsonAccess.ToArray(resource.Verbs),
        };
        AddNames(json, resource);
        var storage = GroupVersion.Parse(resource.StorageApiVersion);
        json["storageVersionHash"] = Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes($"{storage.Group}/{storage.Version}/{resource.Kind}"))[..8]);
        return json;
    }

    private static JsonObject Inner(ResourceDefinition resource, Subresource inner)
    {
        var json = new JsonObject
        {
            ["name"] = $"{resource.Plural}/{inner.Name}",
            ["singularName"] = "",
            ["namespaced"] = resource.IsNamespaced,
        };
        if (inner.Kind is { } kind && kind.GroupVersion != resource.GroupVersion)
        {
            json["group"] = kind.Group;
            json["version"] = kind.Version;
        }

        json["kind"] = inner.Kind?.Kind ?? resource.Kind;
        json["verbs"] = JsonAccess.ToArray(inner.Verbs);
        return json;
    }

    private static JsonObject Discovered(ResourceDefinition resource)
    {
        var json = new JsonObject
        {
            ["resource"] = resource.Plural,
            ["responseKind"] = Kind(resource.GroupVersionKind),
            ["scope"] = resource.IsNamespaced ? "Namespaced" : "Cluster",
            ["singularResource"] = resource.Singular,
            ["verbs"] = JsonAccess.ToArray(resource.Verbs),
        };
        AddNames(json, resource);
        if (resource.Subresources.Count > 0)
        {
            json["subresources"] = JsonAccess.ToArray(resource.Subresources.Select(inner => new JsonObject
            {
                ["subresource"] = inner.Name,
                ["responseKind"] = Kind(inner.Kind ?? resource.GroupVersionKind),
                ["verbs"] = JsonAccess.ToArray(inner.Verbs),
            }));
        }

        return json;
    }

    private static void AddNames(JsonObject json, ResourceDefinition resource)
    {
        if (resource.ShortNames.Count > 0)
        {
            json["shortNames"] = JsonAccess.ToArray(resource.ShortNames);
        }

        if (resource.Categories.Count > 0)
        {
            json["categories"] = JsonAccess.ToArray(resource.Categories);
        }
    }

    private static JsonObject Kind(GroupVersionKind kind) => new() { ["group"] = kind.Group, ["version"] = kind.Version, ["kind"] = kind.Kind };
}
