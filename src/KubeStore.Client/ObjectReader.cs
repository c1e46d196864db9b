using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using KubeStore.Failures;
using KubeStore.Objects;

namespace KubeStore;

/// <summary>Reads what a server has sent.</summary>
internal static class ObjectReader
{
    public static KubeObject Object(JsonObject json, KubeResource resource)
    {
        // Items of lists do not say what they are.
        json["kind"] ??= resource.Kind;
        json["apiVersion"] ??= resource.ApiVersion;
        return KubeObject.Read(KubeObject.Encode(json), Version(json));
    }

    public static ObjectList List(JsonObject json, KubeResource resource)
        => new([.. json.ArrayAt("items").Objects().Select(item => Object(item, resource))], Version(json))
        {
            Continue = json.TextAt("metadata", "continue"),
            RemainingItemCount = json.IntegerAt("metadata", "remainingItemCount"),
        };

    public static WatchEvent Event(ReadOnlySpan<byte> line, KubeResource resource)
    {
        var json = JsonText.ParseObject(line);
        var body = json.ObjectAt("object") ?? throw new JsonException("An event has no object.");
        switch (json.TextAt("type"))
        {
            case "ADDED":
                return Happened(WatchEventType.Added, body, resource);
            case "MODIFIED":
                return Happened(WatchEventType.Modified, body, resource);
            case "DELETED":
                return Happened(WatchEventType.Deleted, body, resource);
            case "BOOKMARK":
                return new(WatchEventType.Bookmark, null, Version(body))
                {
                    EndsInitialEvents = body.TextAt("metadata", "annotations", "k8s.io/initial-events-end") == "true",
                };
            case "ERROR":
                return new(WatchEventType.Error, null, 0) { Error = Status(body, 500) };
            case var other:
                throw new JsonException($"An event is of the unknown kind \"{other}\".");
        }
    }

    public static Status Status(JsonObject json, int code)
    {
        var details = json.ObjectAt("details");
        return new((int)(json.IntegerAt("code") ?? code), json.TextAt("reason"), json.TextAt("message"))
        {
            Name = details.TextAt("name"),
            Group = details.TextAt("group"),
            Kind = details.TextAt("kind"),
            Uid = details.TextAt("uid"),
            Causes = [.. details.ArrayAt("causes").Objects().Select(cause => new StatusCause(cause.TextAt("reason"), cause.TextAt("message"), cause.TextAt("field")))],
            RetryAfterSeconds = (int)(details.IntegerAt("retryAfterSeconds") ?? 0),
            Continue = json.TextAt("metadata", "continue"),
        };
    }

    private static WatchEvent Happened(WatchEventType type, JsonObject body, KubeResource resource)
    {
        var value = Object(body, resource);
        return new(type, value, value.Revision);
    }

    private static long Version(JsonObject json)
        => long.TryParse(json.TextAt("metadata", "resourceVersion"), NumberStyles.None, CultureInfo.InvariantCulture, out var version) ? version : 0;
}
