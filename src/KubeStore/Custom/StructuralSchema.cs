using System.Globalization;
using System.Text.Json.Nodes;
using KubeStore.Objects;
using KubeStore.Schema;

namespace KubeStore.Custom;

/// <summary>The schema of a custom resource: what its objects may have, what they are given, and what must hold.</summary>
internal sealed class StructuralSchema
{
    private readonly JsonObject _root;
    private readonly Rules.ValidationRules? _rules;

    public StructuralSchema(JsonObject root)
    {
        _root = root;
        _rules = Rules.ValidationRules.Of(root);
        Shape = ShapeOf(root, isRoot: true);
    }

    /// <summary>As merging and owning need it.</summary>
    public ValueSchema Shape { get; }

    /// <summary>Drops what is not declared, and tells its path.</summary>
    public void Prune(JsonObject value, List<string> dropped) => Prune(value, _root, "", dropped, isResource: true);

    /// <summary>Gives absent fields the values that the schema has for them.</summary>
    public void Default(JsonObject value) => Default(value, _root);

    /// <summary>What is wrong with a value.</summary>
    public IEnumerable<Failures.FieldError> Problems(JsonObject value) => SchemaValidation.Problems(value, _root, "", isResource: true);

    /// <summary>Which of the schema's rules a value breaks that is right otherwise.</summary>
    public IReadOnlyList<Failures.FieldError> BrokenRules(JsonObject value, JsonObject? old) => _rules?.Problems(value, old) ?? [];

    private static void Prune(JsonNode? value, JsonObject schema, string path, List<string> dropped, bool isResource)
    {
        if (value is JsonArray list)
        {
            if (schema.ObjectAt("items") is { } items)
            {
                for (var i = 0; i < list.Count; i++)
                {
                    Prune(list[i], items, string.Create(CultureInfo.InvariantCulture, $"{path}[{i}]"), dropped, isResource: false);
                }
            }

            return;
        }

        if (value is not JsonObject fields)
        {
            return;
        }

        isResource |= schema.FlagAt("x-kubernetes-embedded-resource");
        var properties = schema.ObjectAt("properties");
        var more = schema.At("additionalProperties");
        var keepsAll = schema.FlagAt("x-kubernetes-preserve-unknown-fields") || (more is JsonValue && schema.FlagAt("additionalProperties"));
        foreach (var name in fields.Select(one => one.Key).ToList())
        {
            if (isResource && name is "apiVersion" or "kind" or "metadata" && isResource)
            {
                continue;
            }

            var below = path.Length == 0 ? name : $"{path}.{name}";
            if (properties.ObjectAt(name) is { } property)
            {
                Prune(fields.At(name), property, below, dropped, isResource: false);
            }
            else if (more is JsonObject element)
            {
                Prune(fields.At(name), element, below, dropped, isResource: false);
            }
            else if (!keepsAll)
            {
                fields.Remove(name);
                dropped.Add(below);
            }
        }
    }

    private static void Default(JsonNode? value, JsonObject schema)
    {
        switch (value)
        {
            case JsonArray list when schema.ObjectAt("items") is { } items:
                foreach (var element in list)
                {
                    Default(element, items);
                }

                break;
            case JsonObject fields:
                foreach (var (name, property) in schema.ObjectAt("properties") ?? [])
                {
                    if (property is not JsonObject declared)
                    {
                        continue;
                    }

                    var hasNull = fields.TryGetPropertyValue(name, out var there) && there is null;
                    if (declared.At("default") is { } given && (!fields.ContainsKey(name) || (hasNull && !declared.FlagAt("nullable"))))
                    {
                        fields[name] = given.DeepClone();
                    }

                    Default(fields.At(name), declared);
                }

                if (schema.ObjectAt("additionalProperties") is { } element2)
                {
                    foreach (var (_, inner) in fields)
                    {
                        Default(inner, element2);
                    }
                }

                break;
        }
    }

    private static ValueSchema ShapeOf(JsonObject schema, bool isRoot = false)
    {
        var isOpen = schema.FlagAt("x-kubernetes-preserve-unknown-fields");
        if (schema.FlagAt("x-kubernetes-int-or-string"))
        {
            return Scalars.IntOrString;
        }

        switch (schema.TextAt("type"))
        {
            case "string":
                return Scalars.String;
            case "integer":
                return Scalars.Int64;
            case "number":
                return Scalars.Float;
            case "boolean":
                return Scalars.Boolean;
            case "array":
                var listType = schema.TextAt("x-kubernetes-list-type") switch { "map" => ListType.Map, "set" => ListType.Set, _ => ListType.Atomic };
                return new(ValueKind.List)
                {
                    Element = schema.ObjectAt("items") is { } items ? ShapeOf(items) : ValueSchema.Any,
                    ListType = listType,
                    ListKeys = [.. schema.ArrayAt("x-kubernetes-list-map-keys").Texts()],
                };
            case "object" when schema.At("additionalProperties") is JsonObject element:
                return new(ValueKind.Map) { Element = ShapeOf(element), IsAtomic = schema.TextAt("x-kubernetes-map-type") == "atomic" };
            case "object":
                var fields = new Dictionary<string, FieldSchema>(StringComparer.Ordinal);
                foreach (var (name, property) in schema.ObjectAt("properties") ?? [])
                {
                    fields[name] = new(name, property is JsonObject declared ? ShapeOf(declared) : ValueSchema.Any)
                    {
                        IsPointer = true,
                        Default = property.At("default")?.DeepClone(),
                    };
                }

                if (isRoot || schema.FlagAt("x-kubernetes-embedded-resource"))
                {
                    fields["metadata"] = new("metadata", TypeTable.BuiltIn.Find("meta/v1.ObjectMeta")!);
                    fields["apiVersion"] = new("apiVersion", Scalars.String);
                    fields["kind"] = new("kind", Scalars.String);
                }

                return new(ValueKind.Struct)
                {
                    Fields = fields,
                    PreservesUnknown = isOpen || schema.FlagAt("additionalProperties"),
                    IsAtomic = schema.TextAt("x-kubernetes-map-type") == "atomic",
                };
            default:
                return ValueSchema.Any;
        }
    }
}
