using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using KubeStore.Failures;
using KubeStore.Objects;

namespace KubeStore.Custom;

/// <summary>What a schema itself must be like, so that objects can be pruned and owned by it.</summary>
internal static class StructuralRules
{
    private static readonly string[] Forbidden =
        ["$ref", "definitions", "dependencies", "id", "additionalItems", "patternProperties", "deprecated", "discriminator", "readOnly", "writeOnly", "xml"];

    private static readonly string[] NotBelowLogic = ["description", "type", "default", "additionalProperties", "nullable", "title"];

    public static IEnumerable<FieldError> Problems(JsonObject schema, string path, bool isRoot = true)
    {
        foreach (var name in Forbidden.Where(schema.ContainsKey))
        {
            yield return FieldError.Forbidden($"{path}.{name}", $"{name} is not supported");
        }

        if (schema.FlagAt("uniqueItems"))
        {
            yield return FieldError.Forbidden($"{path}.uniqueItems", "uniqueItems cannot be set to true since the runtime complexity becomes quadratic");
        }

        var type = schema.TextAt("type");
        var isOpen = schema.FlagAt("x-kubernetes-preserve-unknown-fields") || schema.FlagAt("x-kubernetes-int-or-string");
        if (type.Length == 0 && !(isOpen && !isRoot))
        {
            yield return FieldError.Required($"{path}.type", "must not be empty for specified object fields");
        }
        else if (isRoot && type != "object")
        {
            yield return FieldError.Invalid($"{path}.type", type, "must be object at the root");
        }
        else if (type is not ("" or "object" or "array" or "string" or "integer" or "number" or "boolean"))
        {
            yield return FieldError.NotSupported($"{path}.type", type, ["array", "boolean", "integer", "number", "object", "string"]);
        }

        if (type == "array" && schema.At("items") is not JsonObject)
        {
            yield return FieldError.Required($"{path}.items", "must be specified");
        }

        if (schema.At("properties") is not null && schema.At("additionalProperties") is not null)
        {
            yield return FieldError.Forbidden($"{path}.additionalProperties", "additionalProperties and properties are mutual exclusive");
        }

        if (schema.At("pattern").AsText() is { } pattern && !IsPattern(pattern))
        {
            yield return FieldError.Invalid($"{path}.pattern", pattern, "must be a valid regular expression");
        }

        if (schema.TextAt("x-kubernetes-list-type") == "map" && schema.ArrayAt("x-kubernetes-list-map-keys") is null or { Count: 0 } && schema.TextAt("x-kubernetes-list-type") == "map")
        {
            yield return FieldError.Required($"{path}.x-kubernetes-list-map-keys", "must not be empty if x-kubernetes-list-type is map");
        }

        foreach (var problem in Rules.ValidationRules.ProblemsOf(schema, path).Concat(Below(schema, path)).Concat(Logic(schema, path)))
        {
            yield return problem;
        }
    }

    private static IEnumerable<FieldError> Below(JsonObject schema, string path)
    {
        foreach (var (name, property) in schema.ObjectAt("properties") ?? [])
        {
            foreach (var problem in property is JsonObject declared ? Problems(declared, $"{path}.properties[{name}]", isRoot: false) : [])
            {
                yield return problem;
            }
        }

        foreach (var name in (string[])["items", "additionalProperties"])
        {
            foreach (var problem in schema.ObjectAt(name) is { } inner ? Problems(inner, $"{path}.{name}", isRoot: false) : [])
            {
                yield return problem;
            }
        }

        if (schema.At("default") is { } given)
        {
            foreach (var problem in SchemaValidation.Problems(given, schema, $"{path}.default"))
            {
                yield return problem;
            }
        }
    }

    private static IEnumerable<FieldError> Logic(JsonObject schema, string path)
    {
        // What may be an integer or a string says so in a way that is forbidden otherwise.
        if (schema.FlagAt("x-kubernetes-int-or-string"))
        {
            yield break;
        }

        foreach (var name in (string[])["allOf", "anyOf", "oneOf", "not"])
        {
            var parts = schema.At(name) is JsonObject one ? [one] : schema.ArrayAt(name).Objects();
            foreach (var part in parts)
            {
                foreach (var word in part.Select(field => field.Key).Where(word => NotBelowLogic.Contains(word) || word.StartsWith("x-kubernetes-", StringComparison.Ordinal)))
                {
                    yield return FieldError.Forbidden($"{path}.{name}.{word}", "must be empty to be structural");
                }
            }
        }
    }

    private static bool IsPattern(string pattern)
    {
        try
        {
            _ = new Regex(pattern, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
            return true;
        }
        catch (Exception wrong) when (wrong is ArgumentException or NotSupportedException)
        {
            return false;
        }
    }
}
