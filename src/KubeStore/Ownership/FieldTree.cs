using System.Text;
using System.Text.Json.Nodes;
using KubeStore.Objects;

namespace KubeStore.Ownership;

/// <summary>
/// A set of places in an object, in the form in which objects carry it: <c>f:NAME</c> is a field, <c>k:{…}</c> the element of
/// a list with this key, <c>v:VALUE</c> an element that is its own key, and <c>.</c> the parent itself.
/// </summary>
/// <example><code>{"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":{".":{},"f:image":{}}}}}</code></example>
internal sealed class FieldTree
{
    private readonly SortedDictionary<string, FieldTree> _children = new(StringComparer.Ordinal);

    public bool IsMember { get; private set; }

    public IReadOnlyDictionary<string, FieldTree> Children => _children;

    public bool IsEmpty => !IsMember && _children.Count == 0;

    public static FieldTree Parse(JsonObject? json, bool isRoot = true)
    {
        var tree = new FieldTree { IsMember = !isRoot && (json is null or { Count: 0 } || json.ContainsKey(".")) };
        foreach (var (name, inner) in json ?? [])
        {
            if (name != ".")
            {
                tree._children[name] = Parse(inner as JsonObject, isRoot: false);
            }
        }

        return tree;
    }

    public JsonObject ToJson()
    {
        var json = new JsonObject();
        if (IsMember && _children.Count > 0)
        {
            json["."] = new JsonObject();
        }

        foreach (var (name, child) in _children)
        {
            json[name] = child.ToJson();
        }

        return json;
    }

    public void Add(params ReadOnlySpan<string> path)
    {
        var at = this;
        foreach (var name in path)
        {
            if (!at._children.TryGetValue(name, out var child))
            {
                at._children[name] = child = new();
            }

            at = child;
        }

        at.IsMember = true;
    }

    public FieldTree? Find(params ReadOnlySpan<string> path)
    {
        var at = this;
        foreach (var name in path)
        {
            if (!at._children.TryGetValue(name, out at!))
            {
                return null;
            }
        }

        return at;
    }

    public bool Contains(ReadOnlySpan<string> path) => Find(path) is { IsMember: true };

    public void Remove(params ReadOnlySpan<string> path)
    {
        if (path.Length > 0 && Find(path[..^1]) is { } parent)
        {
            parent._children.Remove(path[^1]);
        }
    }

    public FieldTree Union(FieldTree other)
    {
        var all = new FieldTree { IsMember = IsMember || other.IsMember };
        foreach (var (name, child) in _children)
        {
            all._children[name] = other._children.TryGetValue(name, out var twin) ? child.Union(twin) : child;
        }

        foreach (var (name, child) in other._children)
        {
            all._children.TryAdd(name, child);
        }

        return all;
    }

    public FieldTree Without(FieldTree other)
    {
        var rest = new FieldTree { IsMember = IsMember && !other.IsMember };
        foreach (var (name, child) in _children)
        {
            var left = other._children.TryGetValue(name, out var twin) ? child.Without(twin) : child;
            if (!left.IsEmpty)
            {
                rest._children[name] = left;
            }
        }

        return rest;
    }

    public FieldTree Common(FieldTree other)
    {
        var both = new FieldTree { IsMember = IsMember && other.IsMember };
        foreach (var (name, child) in _children)
        {
            if (other._children.TryGetValue(name, out var twin) && child.Common(twin) is { IsEmpty: false } common)
            {
                both._children[name] = common;
            }
        }

        return both;
    }

    public bool SameAs(FieldTree other)
        => IsMember == other.IsMember && _children.Count == other._children.Count
            && _children.All(one => other._children.TryGetValue(one.Key, out var twin) && one.Value.SameAs(twin));

    /// <summary>All members, the deepest of a branch first.</summary>
    public IEnumerable<string[]> Members() => Members([]);

    private IEnumerable<string[]> Members(string[] path)
    {
        foreach (var (name, child) in _children)
        {
            foreach (var inner in child.Members([.. path, name]))
            {
                yield return inner;
            }
        }

        if (IsMember)
        {
            yield return path;
        }
    }

    /// <summary>A place the way people write it: <c>.spec.containers[name="c"].image</c>.</summary>
    public static string Shown(IEnumerable<string> path)
    {
        var text = new StringBuilder();
        foreach (var name in path)
        {
            switch (name[..2])
            {
                case "f:":
                    text.Append('.').Append(name.AsSpan(2));
                    break;
                case "k:" when JsonText.Parse(Encoding.UTF8.GetBytes(name[2..])) is JsonObject key:
                    text.Append('[').AppendJoin(',', key.Select(one => $"{one.Key}={one.Value?.ToJsonString()}")).Append(']');
                    break;
                case "v:":
                    text.Append("[=").Append(name.AsSpan(2)).Append(']');
                    break;
                default:
                    text.Append('[').Append(name.AsSpan(2)).Append(']');
                    break;
            }
        }

        return text.ToString();
    }
}
