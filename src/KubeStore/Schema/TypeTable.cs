using System.Text.Json.Nodes;
using KubeStore.Objects;
using KubeStore.Resources;

namespace KubeStore.Schema;

/// <summary>The built-in types, from the data that comes with the library.</summary>
internal sealed class TypeTable
{
    private readonly JsonObject _types;
    private readonly JsonObject _aliases;
    private readonly Dictionary<string, string> _shortNames = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ValueSchema> _byName = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();

    private TypeTable(JsonObject data)
    {
        _types = data.ObjectAt("types")!;
        _aliases = data.ObjectAt("alias")!;
        foreach (var (shortName, group) in data.ObjectAt("groups")!)
        {
            _shortNames.TryAdd(group.AsText()!.Split(' ')[0], shortName);
        }
    }

    public static TypeTable BuiltIn { get; } = new(EmbeddedData.Read("types.json"));

    /// <summary>The type of a kind; null if it is not in the table.</summary>
    public ValueSchema? Find(GroupVersionKind kind)
        => _shortNames.TryGetValue(kind.Group, out var group) ? Find($"{group}/{kind.Version}.{kind.Kind}") : null;

    /// <summary>The type of a name, such as <c>core/v1.Container</c>.</summary>
    public ValueSchema? Find(string name)
    {
        lock (_gate)
        {
            if (_byName.TryGetValue(name, out var known))
            {
                return known;
            }

            if (_types.ObjectAt(name) is not { } type)
            {
                return null;
            }

            return _byName[name] = new ValueSchema(name, () => FieldsOf(name)) { IsAtomic = type.TextAt("st") == "atomic" };
        }
    }

    /// <summary>All fields as protobuf has them: those that JSON shows inline are in a message of their own.</summary>
    public IReadOnlyList<FieldSchema> Declared(string name)
    {
        lock (_gate)
        {
            return [.. _types.ObjectAt(name).ArrayAt("f").Objects().Select(FieldOf)];
        }
    }

    private Dictionary<string, FieldSchema> FieldsOf(string name)
    {
        var fields = new Dictionary<string, FieldSchema>(StringComparer.Ordinal);
        foreach (var field in Declared(name))
        {
            if (!field.IsInline)
            {
                fields.TryAdd(field.Name, field);
                continue;
            }

            foreach (var (inner, schema) in field.Schema.Fields)
            {
                fields.TryAdd(inner, schema);
            }
        }

        return fields;
    }

    private FieldSchema FieldOf(JsonObject field)
    {
        var strategy = field.TextAt("ps").Split(',', StringSplitOptions.RemoveEmptyEntries);
        return new(field.TextAt("n"), SchemaOf(field, strategy))
        {
            Number = (int)(field.IntegerAt("p") ?? 0),
            IsRequired = field.At("req") is not null,
            IsPointer = field.At("ptr") is not null,
            IsInline = field.At("inl") is not null,
            PatchStrategy = strategy,
            PatchMergeKey = field.TextAt("pk"),
            Default = field.At("def") is { } text ? JsonText.Parse(System.Text.Encoding.UTF8.GetBytes(text.AsText()!)) : null,
        };
    }

    private ValueSchema SchemaOf(JsonObject field, string[] strategy)
    {
        var type = field.TextAt("t");
        var container = field.TextAt("c");
        if (_aliases.ObjectAt(type) is { } alias)
        {
            type = alias.TextAt("t");
            container = alias.TextAt("c") is { Length: > 0 } inner ? inner : container;
        }

        var element = TypeOf(type);
        var isMerged = strategy.Contains("merge");
        var mergeKey = field.TextAt("pk");
        var listType = field.TextAt("lt") switch
        {
            "map" => ListType.Map,
            "set" => ListType.Set,
            "atomic" => ListType.Atomic,
            _ => !isMerged ? ListType.Atomic : mergeKey.Length > 0 ? ListType.Map : ListType.Set,
        };
        return container switch
        {
            "list" => new(ValueKind.List)
            {
                Element = element,
                ListType = listType,
                ListKeys = listType != ListType.Map ? [] : field.ArrayAt("lk") is { } keys ? [.. keys.Texts()] : [mergeKey],
            },
            "map" => new(ValueKind.Map) { Element = element, IsAtomic = field.TextAt("mt") == "atomic" },
            _ when field.TextAt("st") == "granular" => new ValueSchema(type, () => Find(type)!.Fields),
            _ => element,
        };
    }

    private ValueSchema TypeOf(string name) => name switch
    {
        "string" or "types.UID" => Scalars.String,
        "int32" => Scalars.Int32,
        "int64" => Scalars.Int64,
        "float64" => Scalars.Float,
        "bool" => Scalars.Boolean,
        "bytes" => Scalars.Bytes,
        "meta/v1.Time" => Scalars.Time,
        "meta/v1.MicroTime" => Scalars.MicroTime,
        "meta/v1.Duration" => Scalars.Duration,
        "resource.Quantity" => Scalars.Quantity,
        "intstr.IntOrString" => Scalars.IntOrString,
        "meta/v1.Verbs" or "authentication/v1.ExtraValue" or "authorization/v1.ExtraValue" or "certificates/v1.ExtraValue" => Scalars.Strings,
        "apiextensions/v1.JSONSchemaPropsOrArray" or "apiextensions/v1.JSONSchemaPropsOrBool" or "apiextensions/v1.JSONSchemaPropsOrStringArray"
            or "apiextensions/v1.JSON" or "meta/v1.FieldsV1" or "runtime.RawExtension" => ValueSchema.Any,
        _ => Find(name) ?? ValueSchema.Any,
    };
}

/// <summary>The schemas that have nothing below them.</summary>
internal static class Scalars
{
    public static readonly ValueSchema String = new(ValueKind.String);
    public static readonly ValueSchema Int32 = new(ValueKind.Int32);
    public static readonly ValueSchema Int64 = new(ValueKind.Int64);
    public static readonly ValueSchema Float = new(ValueKind.Float);
    public static readonly ValueSchema Boolean = new(ValueKind.Boolean);
    public static readonly ValueSchema Bytes = new(ValueKind.Bytes);
    public static readonly ValueSchema Time = new(ValueKind.Time);
    public static readonly ValueSchema MicroTime = new(ValueKind.MicroTime);
    public static readonly ValueSchema Duration = new(ValueKind.Duration);
    public static readonly ValueSchema Quantity = new(ValueKind.Quantity);
    public static readonly ValueSchema IntOrString = new(ValueKind.IntOrString);
    public static readonly ValueSchema Strings = new(ValueKind.List) { Element = String };
}

/// <summary>The data files inside the library.</summary>
internal static class EmbeddedData
{
    public static JsonObject Read(string name)
    {
        using var stream = typeof(EmbeddedData).Assembly.GetManifestResourceStream(name)!;
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return JsonText.ParseObject(bytes.GetBuffer().AsSpan(0, (int)bytes.Length));
    }
}
