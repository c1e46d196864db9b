using KubeStore.Registry;

namespace KubeStore.Authz;

/// <summary>What somebody wants to do: with a resource, or with a path that is none.</summary>
internal sealed record AccessRequest(UserInfo User, string Verb)
{
    /// <summary>The path, for what is no resource; else empty.</summary>
    public string Path { get; init; } = "";

    public string Group { get; init; } = "";

    public string Resource { get; init; } = "";

    public string Subresource { get; init; } = "";

    public string Namespace { get; init; } = "";

    public string Name { get; init; } = "";

    /// <summary>What somebody who may not is told.</summary>
    public string Refusal()
    {
        if (Path.Length > 0)
        {
            return $"User \"{User.Name}\" cannot {Verb} path \"{Path}\"";
        }

        var resource = Subresource.Length > 0 ? $"{Resource}/{Subresource}" : Resource;
        var where = Namespace.Length > 0 ? $"in the namespace \"{Namespace}\"" : "at the cluster scope";
        return $"User \"{User.Name}\" cannot {Verb} resource \"{resource}\" in API group \"{Group}\" {where}";
    }
}
