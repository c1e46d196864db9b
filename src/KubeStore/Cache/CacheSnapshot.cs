using System.Collections.Immutable;
using KubeStore.Objects;

namespace KubeStore.Cache;

/// <summary>All objects of a resource as they were at one revision. Making the next one shares almost everything with it.</summary>
internal sealed record CacheSnapshot(ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, KubeObject>> Namespaces, long Revision)
{
    // Keys are NAMESPACE/NAME, and the order of lists is that of the keys: "a-b/" comes before "a/".
    private static readonly Comparer<string> ByKey = Comparer<string>.Create(
        (left, right) => string.CompareOrdinal(left + "/", right + "/"));

    public static CacheSnapshot Empty { get; } = new(ImmutableSortedDictionary.Create<string, ImmutableSortedDictionary<string, KubeObject>>(ByKey), 0);

    public int Count => Namespaces.Sum(one => one.Value.Count);

    public KubeObject? Find(string @namespace, string name)
        => Namespaces.TryGetValue(@namespace, out var names) && names.TryGetValue(name, out var found) ? found : null;

    /// <summary>In the order of their keys; all namespaces if none is given.</summary>
    public IEnumerable<KubeObject> List(string @namespace)
        => @namespace.Length == 0
            ? Namespaces.SelectMany(one => one.Value.Values)
            : Namespaces.TryGetValue(@namespace, out var names) ? names.Values : [];

    public CacheSnapshot With(string @namespace, string name, KubeObject? value, long revision)
    {
        var names = Namespaces.GetValueOrDefault(@namespace) ?? ImmutableSortedDictionary.Create<string, KubeObject>(StringComparer.Ordinal);
        names = value is null ? names.Remove(name) : names.SetItem(name, value);
        return new(names.IsEmpty ? Namespaces.Remove(@namespace) : Namespaces.SetItem(@namespace, names), revision);
    }

    public static CacheSnapshot Of(IEnumerable<(string Namespace, string Name, KubeObject Value)> objects, long revision)
        => new(
            objects.GroupBy(one => one.Namespace, StringComparer.Ordinal).ToImmutableSortedDictionary(
                group => group.Key,
                group => group.ToImmutableSortedDictionary(one => one.Name, one => one.Value, StringComparer.Ordinal),
                ByKey),
            revision);
}
