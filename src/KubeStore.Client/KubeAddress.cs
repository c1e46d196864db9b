using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using KubeStore.Objects;

namespace KubeStore;

/// <summary>Where on a server something is, and how it is asked for.</summary>
internal readonly struct KubeAddress
{
    private readonly string _path;
    private readonly string _query;

    private KubeAddress(string path, string query)
    {
        _path = path;
        _query = query;
    }

    public static KubeAddress Of(KubeResource resource, string ns, string name = "", string subresource = "")
    {
        var path = new StringBuilder(resource.Group.Length > 0 ? $"/apis/{resource.Group}" : "/api").Append('/').Append(resource.Version);
        if (resource.IsNamespaced && ns.Length > 0)
        {
            path.Append("/namespaces/").Append(Uri.EscapeDataString(ns));
        }

        path.Append('/').Append(resource.Plural);
        foreach (var part in (string[])[name, subresource])
        {
            if (part.Length > 0)
            {
                path.Append('/').Append(Uri.EscapeDataString(part));
            }
        }

        return new(path.ToString(), "");
    }

    public KubeAddress With(ListOptions options) => Asked(
        ("labelSelector", options.LabelSelector),
        ("fieldSelector", options.FieldSelector),
        ("resourceVersion", options.ResourceVersion),
        ("resourceVersionMatch", options.ResourceVersionMatch),
        ("limit", options.Limit > 0 ? options.Limit.ToString(CultureInfo.InvariantCulture) : ""),
        ("continue", options.Continue));

    public KubeAddress With(WatchOptions options) => Asked(
        ("watch", "true"),
        ("labelSelector", options.LabelSelector),
        ("fieldSelector", options.FieldSelector),
        ("resourceVersion", options.ResourceVersion),
        ("resourceVersionMatch", options.ResourceVersionMatch),
        ("allowWatchBookmarks", options.AllowBookmarks ? "true" : ""),
        ("sendInitialEvents", options.SendInitialEvents is { } send ? send ? "true" : "false" : ""),
        ("timeoutSeconds", options.Timeout is { } timeout ? Math.Max(1, (long)timeout.TotalSeconds).ToString(CultureInfo.InvariantCulture) : ""));

    public KubeAddress With(KubeWrite write) => Asked(
        ("fieldManager", write.FieldManager),
        ("dryRun", write.DryRun ? "All" : ""),
        ("fieldValidation", write.FieldValidation.ToString()),
        ("force", write.Force ? "true" : ""));

    public static JsonObject Body(KubeDelete delete)
    {
        var body = new JsonObject { ["kind"] = "DeleteOptions", ["apiVersion"] = "v1" };
        if (delete.DryRun)
        {
            body["dryRun"] = JsonAccess.ToArray(["All"]);
        }

        if (delete.GracePeriodSeconds is { } grace)
        {
            body["gracePeriodSeconds"] = grace;
        }

        if (delete.Propagation is { } propagation)
        {
            body["propagationPolicy"] = propagation.ToString();
        }

        if (delete.Uid.Length > 0)
        {
            body.Ensure("preconditions")["uid"] = delete.Uid;
        }

        if (delete.ResourceVersion.Length > 0)
        {
            body.Ensure("preconditions")["resourceVersion"] = delete.ResourceVersion;
        }

        return body;
    }

    public override string ToString() => _path + _query;

    private KubeAddress Asked(params ReadOnlySpan<(string Name, string Value)> parameters)
    {
        var query = new StringBuilder(_query);
        foreach (var (name, value) in parameters)
        {
            if (value.Length > 0)
            {
                query.Append(query.Length == 0 ? '?' : '&').Append(name).Append('=').Append(Uri.EscapeDataString(value));
            }
        }

        return new(_path, query.ToString());
    }
}
