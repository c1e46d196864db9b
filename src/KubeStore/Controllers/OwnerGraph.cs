using KubeStore.Objects;
using KubeStore.Resources;

namespace KubeStore.Controllers;

/// <summary>An object that has owners, or is on its way out.</summary>
internal sealed record OwnedObject(ResourceDefinition Resource, KubeObject Value, IReadOnlyList<(string Uid, bool Blocks)> Owners)
{
    public bool Blocks(string owner) => Owners.Any(one => one.Uid == owner && one.Blocks);
}

/// <summary>Who belongs to whom, as far as has been seen, and about whom something may have to be done.</summary>
internal sealed class OwnerGraph
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, OwnedObject> _objects = new(StringComparer.Ordinal);
    private readonly Dictionary<string, HashSet<string>> _dependents = new(StringComparer.Ordinal);
    private readonly HashSet<string> _doubtful = new(StringComparer.Ordinal);

    /// <summary>Takes note of an object. True: there may be something to do.</summary>
    public bool Put(ResourceDefinition resource, KubeObject value)
    {
        var meta = ObjectMeta.Of(value.ToJson());
        var one = new OwnedObject(resource, value, [.. meta.OwnerReferences.Select(owner => (owner.TextAt("uid"), owner.FlagAt("blockOwnerDeletion")))]);
        lock (_gate)
        {
            Unlink(value.Uid);
            _objects[value.Uid] = one;
            foreach (var (owner, _) in one.Owners)
            {
                if (!_dependents.TryGetValue(owner, out var dependents))
                {
                    _dependents[owner] = dependents = new(StringComparer.Ordinal);
                }

                dependents.Add(value.Uid);
            }

            return _doubtful.Add(value.Uid);
        }
    }

    /// <summary>An object is gone: those who belong to it, and those it belonged to, are looked at again.</summary>
    public bool Remove(string uid)
    {
        lock (_gate)
        {
            var concerned = _dependents.GetValueOrDefault(uid)?.ToList() ?? [];
            if (_objects.TryGetValue(uid, out var gone))
            {
                concerned.AddRange(gone.Owners.Select(owner => owner.Uid));
            }

            Unlink(uid);
            _objects.Remove(uid);
            _doubtful.Remove(uid);
            _doubtful.UnionWith(concerned.Where(_objects.ContainsKey));
            return concerned.Count > 0;
        }
    }

    public void Doubt(string uid)
    {
        lock (_gate)
        {
            _doubtful.Add(uid);
        }
    }

    public IReadOnlyList<OwnedObject> TakeDoubtful()
    {
        lock (_gate)
        {
            List<OwnedObject> all = [.. _doubtful.Select(uid => _objects.GetValueOrDefault(uid)).OfType<OwnedObject>()];
            _doubtful.Clear();
            return all;
        }
    }

    public IReadOnlyList<OwnedObject> DependentsOf(string uid)
    {
        lock (_gate)
        {
            return [.. (_dependents.GetValueOrDefault(uid) ?? []).Select(one => _objects.GetValueOrDefault(one)).OfType<OwnedObject>()];
        }
    }

    private void Unlink(string uid)
    {
        if (!_objects.TryGetValue(uid, out var old))
        {
            return;
        }

        foreach (var (owner, _) in old.Owners)
        {
            if (_dependents.TryGetValue(owner, out var dependents) && dependents.Remove(uid) && dependents.Count == 0)
            {
                _dependents.Remove(owner);
            }
        }
    }
}
