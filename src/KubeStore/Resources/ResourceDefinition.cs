using KubeStore.Objects;
using KubeStore.Schema;

namespace KubeStore.Resources;

/// <summary>When the generation of an object is counted up.</summary>
public enum GenerationRule
{
    /// <summary>The kind has none.</summary>
    None,

    /// <summary>It is 1, always.</summary>
    CreateOnly,

    /// <summary>With every change of <see cref="ResourceDefinition.GenerationFields"/>.</summary>
    Fields,

    /// <summary>With every change outside of metadata and, if it has an endpoint of its own, of status.</summary>
    Content,
}

/// <summary>A part of an object that is asked for at an address of its own.</summary>
public sealed record Subresource(string Name, IReadOnlyList<string> Verbs)
{
    /// <summary>The kind it answers with, if not the object's own.</summary>
    public GroupVersionKind? Kind { get; init; }
}

/// <summary>Where a custom resource keeps what its scale shows.</summary>
public sealed record ScalePaths(string Replicas, string StatusReplicas, string Selector);

/// <summary>A kind of objects in one version: what it is called, where it is kept, and which rules hold for it.</summary>
/// <example><code>
/// new ResourceDefinition("example.com", "v1", "Network", "networks") { IsNamespaced = true, HasStatus = true }
/// </code></example>
public sealed record ResourceDefinition(string Group, string Version, string Kind, string Plural)
{
    private static readonly string[] EveryVerb = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

    public string Singular { get; init; } = Kind.ToLowerInvariant();

    public string ListKind { get; init; } = Kind + "List";

    public bool IsNamespaced { get; init; }

    public IReadOnlyList<string> ShortNames { get; init; } = [];

    public IReadOnlyList<string> Categories { get; init; } = [];

    public IReadOnlyList<string> Verbs { get; init; } = EveryVerb;

    public IReadOnlyList<Subresource> Subresources { get; init; } = [];

    /// <summary>Where its objects lie below <c>/registry/</c>.</summary>
    public string StoragePrefix { get; init; } = Group.Length > 0 ? $"{Group}/{Plural}" : Plural;

    /// <summary>The version its objects are kept in.</summary>
    public string StorageApiVersion { get; init; } = Group.Length > 0 ? $"{Group}/{Version}" : Version;

    public GenerationRule Generation { get; init; } = GenerationRule.Content;

    public IReadOnlyList<string> GenerationFields { get; init; } = ["spec"];

    /// <summary>An update without a resource version is taken, and the last writer wins.</summary>
    public bool AllowsUnconditionalUpdate { get; init; }

    /// <summary>An update of what is not there creates it.</summary>
    public bool AllowsCreateOnUpdate { get; init; }

    /// <summary>Fields that a selector may name, beside name and namespace.</summary>
    public IReadOnlyList<string> FieldSelectors { get; init; } = [];

    public NameRule NameRule { get; init; } = NameRule.Subdomain;

    public TimeSpan? TimeToLive { get; init; }

    public Propagation DefaultPropagation { get; init; }

    /// <summary>Whether it came by a definition that is an object itself.</summary>
    public bool IsCustom { get; init; }

    /// <summary>Whether it is one that this library knows by itself.</summary>
    public bool IsBuiltIn { get; init; }

    /// <summary>What clients of this version are warned of; empty for nothing.</summary>
    public string Warning { get; init; } = "";

    public ScalePaths? ScalePaths { get; init; }

    internal ValueSchema Schema { get; init; } = ValueSchema.Any;

    /// <summary>A custom resource's schema, with all that is asked of values.</summary>
    internal Custom.StructuralSchema? Structure { get; init; }

    /// <summary>A custom resource's schema as its definition has it.</summary>
    internal System.Text.Json.Nodes.JsonObject? OpenApi { get; init; }

    /// <summary>Where custom resources' own columns are described.</summary>
    internal IReadOnlyList<PrinterColumn> Columns { get; init; } = [];

    public GroupResource Resource => new(Group, Plural);

    public GroupVersion GroupVersion => new(Group, Version);

    public GroupVersionKind GroupVersionKind => new(Group, Version, Kind);

    public string ApiVersion => GroupVersion.ToString();

    public bool HasStatus => Subresources.Any(one => one.Name == "status");

    public bool Allows(string verb) => Verbs.Contains(verb);

    public Subresource? Subresource(string name) => Subresources.FirstOrDefault(one => one.Name == name);

    public override string ToString() => $"{Resource} ({ApiVersion})";
}

/// <summary>A column of a table, as a custom resource describes it.</summary>
internal sealed record PrinterColumn(string Name, string Type, string Format, string Description, long Priority, string JsonPath);
