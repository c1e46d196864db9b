using System.Text.Json.Nodes;

namespace KubeStore.Schema;

/// <summary>What a value may be.</summary>
internal enum ValueKind
{
    /// <summary>Anything: nothing is known of what lies below.</summary>
    Any,
    Struct,
    Map,
    List,
    String,
    Int32,
    Int64,
    Float,
    Boolean,
    Bytes,
    Time,
    MicroTime,
    Duration,
    Quantity,
    IntOrString,
}

/// <summary>How a list is merged, and who may own what of it.</summary>
internal enum ListType
{
    /// <summary>As a whole.</summary>
    Atomic,

    /// <summary>By its elements, which are there or not.</summary>
    Set,

    /// <summary>By its elements, which have keys.</summary>
    Map,
}

/// <summary>
/// The shape of values, as far as reading, pruning, merging and owning them need it. Built-in types and custom resources
/// come to the same.
/// </summary>
internal sealed class ValueSchema(ValueKind kind)
{
    private readonly Func<IReadOnlyDictionary<string, FieldSchema>>? _makeFields;
    private IReadOnlyDictionary<string, FieldSchema>? _fields;

    /// <summary>A struct whose fields are looked up when they are asked for, because types contain themselves.</summary>
    public ValueSchema(string typeName, Func<IReadOnlyDictionary<string, FieldSchema>> makeFields)
        : this(ValueKind.Struct)
    {
        TypeName = typeName;
        _makeFields = makeFields;
    }

    public static ValueSchema Any { get; } = new(ValueKind.Any) { PreservesUnknown = true };

    public ValueKind Kind { get; } = kind;

    /// <summary>What a built-in type is called; empty for the others.</summary>
    public string TypeName { get; init; } = "";

    public IReadOnlyDictionary<string, FieldSchema> Fields
    {
        get => _fields ??= _makeFields?.Invoke() ?? new Dictionary<string, FieldSchema>(StringComparer.Ordinal);
        init => _fields = value;
    }

    /// <summary>What a list or a map is made of.</summary>
    public ValueSchema Element { get; init; } = null!;

    /// <summary>A struct or map that is merged and owned as a whole.</summary>
    public bool IsAtomic { get; init; }

    public ListType ListType { get; init; }

    /// <summary>The fields that make up the key of an element of a list.</summary>
    public IReadOnlyList<string> ListKeys { get; init; } = [];

    /// <summary>Fields that are not declared are kept.</summary>
    public bool PreservesUnknown { get; init; }

    /// <summary>What a field of this name has below it; <see cref="Any"/> if that is not known.</summary>
    public ValueSchema Below(string name) => Kind switch
    {
        ValueKind.Struct when Fields.TryGetValue(name, out var field) => field.Schema,
        ValueKind.Map => Element,
        _ => Any,
    };
}

/// <summary>A field of a struct.</summary>
internal sealed record FieldSchema(string Name, ValueSchema Schema)
{
    /// <summary>Its number in protobuf; 0 if it has none.</summary>
    public int Number { get; init; }

    public bool IsRequired { get; init; }

    /// <summary>Zero means something: it is kept, and not taken for absent.</summary>
    public bool IsPointer { get; init; }

    /// <summary>Its fields stand in JSON beside those of the struct it is in.</summary>
    public bool IsInline { get; init; }

    /// <summary>How a strategic merge patch treats it: merge, replace, retainKeys.</summary>
    public IReadOnlyList<string> PatchStrategy { get; init; } = [];

    /// <summary>Which field tells the elements of a merged list apart.</summary>
    public string PatchMergeKey { get; init; } = "";

    /// <summary>What an absent value counts as, in the keys of lists.</summary>
    public JsonNode? Default { get; init; }
}
