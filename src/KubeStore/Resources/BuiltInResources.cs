using System.Text.Json.Nodes;
using KubeStore.Objects;
using KubeStore.Schema;

namespace KubeStore.Resources;

/// <summary>The resources that are there from the start, from the data that comes with the library.</summary>
internal static class BuiltInResources
{
    private static readonly string[] NoStorage = ["bindings", "componentstatuses"];

    // Types that are not among the data: their metadata is known, the rest is kept as it comes.
    private static readonly ValueSchema Untyped = new(ValueKind.Struct)
    {
        PreservesUnknown = true,
        Fields = new Dictionary<string, FieldSchema>
        {
            ["metadata"] = new("metadata", TypeTable.BuiltIn.Find("meta/v1.ObjectMeta")!),
        },
    };

    public static IReadOnlyList<ResourceDefinition> All { get; } = [.. Read()];

    private static IEnumerable<ResourceDefinition> Read()
    {
        foreach (var (groupVersion, resources) in EmbeddedData.Read("resources.json").ObjectAt("groups")!)
        {
            var (group, version) = GroupVersion.Parse(groupVersion);
            foreach (var resource in (resources as JsonArray).Objects())
            {
                yield return Definition(group, version, resource);
            }
        }
    }

    private static ResourceDefinition Definition(string group, string version, JsonObject json)
    {
        var kind = json.TextAt("kind");
        var plural = json.TextAt("name");
        var (rule, fields) = Generation(json.TextAt("generation"));
        return new(group, version, kind, plural)
        {
            Singular = json.TextAt("singular"),
            IsNamespaced = json.FlagAt("namespaced"),
            ShortNames = [.. json.ArrayAt("shortNames").Texts()],
            Categories = [.. json.ArrayAt("categories").Texts()],
            Verbs = [.. json.ArrayAt("verbs").Texts()],
            Subresources = [.. (json.ObjectAt("subresources") ?? []).Select(one => SubresourceOf(group, version, one.Key, one.Value))],
            StoragePrefix = json.TextAt("etcdPrefix"),
            StorageApiVersion = StorageVersion(group, version, plural),
            Generation = rule,
            GenerationFields = fields,
            AllowsUnconditionalUpdate = json.FlagAt("unconditionalUpdate"),
            AllowsCreateOnUpdate = json.FlagAt("createOnUpdate"),
            FieldSelectors = [.. json.ArrayAt("fieldSelectors").Texts().Where(field => !field.StartsWith("metadata.", StringComparison.Ordinal))],
            NameRule = json.TextAt("nameRule") switch
            {
                "dns1123label" => NameRule.Dns1123Label,
                "dns1035label" => NameRule.Dns1035Label,
                "path-segment" => NameRule.PathSegment,
                _ => NameRule.Subdomain,
            },
            TimeToLive = plural == "events" ? TimeSpan.FromHours(1) : null,
            DefaultPropagation = plural is "jobs" or "replicationcontrollers" ? Propagation.Orphan : Propagation.Background,
            IsBuiltIn = true,
            Schema = TypeTable.BuiltIn.Find(new GroupVersionKind(group, version, kind)) ?? Untyped,
        };
    }

    // One set of objects may be seen in more than one version, or group.
    private static string StorageVersion(string group, string version, string plural) => plural switch
    {
        "events" => "v1",
        "horizontalpodautoscalers" => "autoscaling/v2",
        _ => new GroupVersion(group, version).ToString(),
    };

    private static Subresource SubresourceOf(string group, string version, string name, JsonNode? json) => new(name, [.. json.ArrayAt("verbs").Texts()])
    {
        Kind = json.TextAt("kind") is { Length: > 0 } kind
            ? new(json.At("group").AsText() ?? group, json.At("version").AsText() ?? version, kind)
            : null,
    };

    private static (GenerationRule Rule, IReadOnlyList<string> Fields) Generation(string rule) => rule switch
    {
        "none" or "" => (GenerationRule.None, []),
        "one" => (GenerationRule.CreateOnly, []),
        "template" => (GenerationRule.Fields, ["template"]),
        "webhooks" => (GenerationRule.Fields, ["webhooks"]),
        "spec" => (GenerationRule.Fields, ["spec"]),
        _ => (GenerationRule.Content, []),
    };

    /// <summary>Whether its objects are kept anywhere.</summary>
    public static bool IsStored(ResourceDefinition resource) => resource.Allows("get") && !NoStorage.Contains(resource.Plural);
}
