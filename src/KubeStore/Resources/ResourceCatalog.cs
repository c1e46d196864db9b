using System.Collections.Frozen;

namespace KubeStore.Resources;

/// <summary>All resources there are at a moment. Custom ones come and go; who has the catalog sees the present.</summary>
/// <example><code>
/// catalog.Add(new ResourceDefinition("example.com", "v1", "Network", "networks"));
/// var networks = catalog.Find("example.com", "v1", "networks");
/// </code></example>
public sealed class ResourceCatalog
{
    private readonly Lock _gate = new();
    private FrozenDictionary<(string Group, string Version, string Plural), ResourceDefinition> _all;

    public ResourceCatalog(IEnumerable<ResourceDefinition> definitions) => _all = Index(definitions);

    /// <summary>The resources of Kubernetes that manifests usually name.</summary>
    public static ResourceCatalog BuiltIn() => new(BuiltInResources.All);

    /// <summary>Counts up with every change.</summary>
    public int Edition { get; private set; }

    public IReadOnlyCollection<ResourceDefinition> All => _all.Values;

    /// <summary>Every group and version, in the order in which they are offered.</summary>
    public IReadOnlyList<GroupVersion> GroupVersions => [.. _all.Values.Select(one => one.GroupVersion).Distinct().Order()];

    public ResourceDefinition? Find(string group, string version, string plural) => _all.GetValueOrDefault((group, version, plural));

    /// <summary>The definition of a kind.</summary>
    public ResourceDefinition? FindKind(GroupVersionKind kind)
        => _all.Values.FirstOrDefault(one => one.GroupVersionKind == kind);

    /// <summary>A resource of the group in whichever version is preferred.</summary>
    public ResourceDefinition? FindPreferred(string group, string plural)
        => _all.Values.Where(one => one.Group == group && one.Plural == plural).MinBy(one => one.GroupVersion);

    /// <summary>The definition of a kind in whichever version it is.</summary>
    public ResourceDefinition? FindKind(string group, string kind)
        => _all.Values.Where(one => one.Group == group && one.Kind == kind).MinBy(one => one.GroupVersion);

    /// <summary>One definition for each set of objects, however many versions show it.</summary>
    public IReadOnlyList<ResourceDefinition> Stored()
        => [.. _all.Values.Where(BuiltInResources.IsStored).GroupBy(one => one.StoragePrefix)
            .Select(versions => versions.FirstOrDefault(one => one.ApiVersion == one.StorageApiVersion) ?? versions.First())
            .OrderBy(one => one.StoragePrefix, StringComparer.Ordinal)];

    /// <summary>Puts definitions in, in place of any with the same group, version and plural.</summary>
    public void Add(params ReadOnlySpan<ResourceDefinition> definitions)
    {
        lock (_gate)
        {
            var added = definitions.ToArray();
            _all = Index(_all.Values.Where(old => !added.Any(one => Key(one) == Key(old))).Concat(added));
            Edition++;
        }
    }

    /// <summary>Takes a resource out, in all its versions.</summary>
    public void Remove(string group, string plural)
    {
        lock (_gate)
        {
            _all = Index(_all.Values.Where(one => one.Group != group || one.Plural != plural));
            Edition++;
        }
    }

    /// <summary>Puts a resource's versions in the place of those it had.</summary>
    public void Replace(string group, string plural, IEnumerable<ResourceDefinition> versions)
    {
        lock (_gate)
        {
            _all = Index(_all.Values.Where(one => one.Group != group || one.Plural != plural).Concat(versions));
            Edition++;
        }
    }

    private static FrozenDictionary<(string Group, string Version, string Plural), ResourceDefinition> Index(IEnumerable<ResourceDefinition> all)
        => all.ToFrozenDictionary(Key);

    private static (string Group, string Version, string Plural) Key(ResourceDefinition one) => (one.Group, one.Version, one.Plural);
}
