using KubeStore.Failures;
using KubeStore.Resources;

namespace KubeStore.Http;

/// <summary>What a path names: a resource, or one of its objects, or a part of that.</summary>
internal sealed record KubePath(ResourceDefinition Resource, string Namespace, string Name, string Subresource)
{
    /// <summary>Whether the path is of the old form that watches.</summary>
    public bool IsWatch { get; init; }

    /// <summary>Null if there is no such resource.</summary>
    public static KubePath? Parse(ResourceCatalog catalog, string[] segments)
    {
        if (segments.Length < 3 || segments[0] is not ("api" or "apis"))
        {
            return null;
        }

        var (group, version, rest) = segments[0] == "api" ? ("", segments[1], segments[2..]) : (segments[1], segments[2], segments[3..]);
        var isWatch = rest is ["watch", ..];
        rest = isWatch ? rest[1..] : rest;
        var ns = "";

        // namespaces/NAME/RESOURCE, unless that is a part of the namespace itself.
        if (rest is ["namespaces", var name, var inner, ..] && inner is not ("status" or "finalize"))
        {
            ns = name;
            rest = rest[2..];
        }

        if (rest.Length is 0 or > 3 || catalog.Find(group, version, rest[0]) is not { } resource)
        {
            return null;
        }

        var path = new KubePath(resource, ns, rest.Length > 1 ? rest[1] : "", rest.Length > 2 ? rest[2] : "") { IsWatch = isWatch };
        var fits = resource.IsNamespaced ? ns.Length > 0 || path.Name.Length == 0 : ns.Length == 0;
        return fits && (path.Subresource.Length == 0 || resource.Subresource(path.Subresource) is not null) ? path : null;
    }

    /// <summary>What a method does here, in the API's verbs.</summary>
    public string Verb(string method, bool isWatch) => (method, Name.Length > 0) switch
    {
        ("POST", false) => "create",
        ("POST", true) when Subresource.Length > 0 => "create",
        ("GET" or "HEAD", true) => isWatch || IsWatch ? "watch" : "get",
        ("GET" or "HEAD", false) => isWatch || IsWatch ? "watch" : "list",
        ("PUT", true) => "update",
        ("PATCH", true) => "patch",
        ("DELETE", true) => "delete",
        ("DELETE", false) => "deletecollection",
        _ => throw Failure.MethodNotAllowed(),
    };
}
