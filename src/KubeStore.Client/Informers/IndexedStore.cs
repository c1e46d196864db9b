using KubeStore.Objects;

namespace KubeStore.Informers;

/// <summary>
/// All objects of an informer, by key and by whatever else one wants to find them by. Anybody may read it at any time;
/// only the informer writes.
/// </summary>
/// <example><code>
/// informer.Store.AddIndex("node", pod => [pod.Field("spec.nodeName")]);
/// var here = informer.Store.Find("node", "n1");
/// </code></example>
public sealed class IndexedStore
{
    private readonly Lock _gate = new();
    private readonly Dictionary<ObjectKey, KubeObject> _objects = [];
    private readonly Dictionary<string, Index> _indexes = new(StringComparer.Ordinal);

    internal IndexedStore() => AddIndex("namespace", value => [value.Namespace]);

    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _objects.Count;
            }
        }
    }

    /// <summary>A way to find objects: by the values that a function gives of each.</summary>
    public void AddIndex(string name, Func<KubeObject, IEnumerable<string>> values)
    {
        lock (_gate)
        {
            var index = new Index(values);
            _indexes.Add(name, index);
            foreach (var value in _objects.Values)
            {
                index.Add(value);
            }
        }
    }

    public KubeObject? Find(ObjectKey key)
    {
        lock (_gate)
        {
            return _objects.GetValueOrDefault(key);
        }
    }

    public IReadOnlyList<KubeObject> All()
    {
        lock (_gate)
        {
            return [.. _objects.Values];
        }
    }

    /// <summary>The objects of a namespace.</summary>
    public IReadOnlyList<KubeObject> InNamespace(string ns) => Find("namespace", ns);

    /// <summary>The objects for which an index has a value.</summary>
    /// <exception cref="ArgumentException">There is no such index.</exception>
    public IReadOnlyList<KubeObject> Find(string index, string value)
    {
        lock (_gate)
        {
            return _indexes.TryGetValue(index, out var found)
                ? [.. found.Find(value).Select(key => _objects[key])]
                : throw new ArgumentException($"There is no index \"{index}\".", nameof(index));
        }
    }

    internal KubeObject? Put(KubeObject value)
    {
        lock (_gate)
        {
            var before = Take(ObjectKey.Of(value));
            _objects[ObjectKey.Of(value)] = value;
            foreach (var index in _indexes.Values)
            {
                index.Add(value);
            }

            return before;
        }
    }

    internal KubeObject? Remove(ObjectKey key)
    {
        lock (_gate)
        {
            return Take(key);
        }
    }

    private KubeObject? Take(ObjectKey key)
    {
        if (_objects.Remove(key, out var before))
        {
            foreach (var index in _indexes.Values)
            {
                index.Remove(before);
            }
        }

        return before;
    }

    private sealed class Index(Func<KubeObject, IEnumerable<string>> values)
    {
        private readonly Dictionary<string, HashSet<ObjectKey>> _keys = new(StringComparer.Ordinal);

        public HashSet<ObjectKey> Find(string value) => _keys.GetValueOrDefault(value) ?? [];

        public void Add(KubeObject one)
        {
            foreach (var value in values(one))
            {
                if (!_keys.TryGetValue(value, out var keys))
                {
                    _keys[value] = keys = [];
                }

                keys.Add(ObjectKey.Of(one));
            }
        }

        public void Remove(KubeObject one)
        {
            foreach (var value in values(one))
            {
                if (_keys.TryGetValue(value, out var keys) && keys.Remove(ObjectKey.Of(one)) && keys.Count == 0)
                {
                    _keys.Remove(value);
                }
            }
        }
    }
}
