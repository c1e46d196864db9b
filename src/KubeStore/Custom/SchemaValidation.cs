using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using KubeStore.Failures;
using KubeStore.Objects;

namespace KubeStore.Custom;

/// <summary>Whether values are as a custom resource's schema says.</summary>
internal static class SchemaValidation
{
    private static readonly TimeSpan PatternPatience = TimeSpan.FromMilliseconds(200);

    public static IEnumerable<FieldError> Problems(JsonNode? value, JsonObject schema, string path, bool isResource = false)
    {
        var field = path.Length == 0 ? "<nil>" : path;
        if (value is null)
        {
            return schema.FlagAt("nullable") || schema.TextAt("type").Length == 0
                ? []
                : [FieldError.WrongType(field, null, $"{field} in body must be of type {schema.TextAt("type")}: \"null\"")];
        }

        if (TypeProblem(value, schema, field) is { } wrong)
        {
            return [wrong];
        }

        return EnumProblems(value, schema, field)
            .Concat(value switch
            {
                JsonObject fields => OfObject(fields, schema, path, isResource),
                JsonArray list => OfList(list, schema, path, field),
                _ => OfScalar((JsonValue)value, schema, field),
            })
            .Concat(Combined(value, schema, path, field));
    }

    private static FieldError? TypeProblem(JsonNode value, JsonObject schema, string field)
    {
        var actual = FieldError.TypeName(value);
        if (schema.FlagAt("x-kubernetes-int-or-string"))
        {
            return actual is "integer" or "string" ? null : FieldError.WrongType(field, value, $"{field} in body must be of type integer,string: \"{actual}\"");
        }

        var wanted = schema.TextAt("type");
        var fits = wanted.Length == 0 || wanted == actual
            || (wanted == "number" && actual == "integer")
            || (wanted == "integer" && value.AsInteger() is not null);
        return fits ? null : FieldError.WrongType(field, value, $"{field} in body must be of type {wanted}: \"{actual}\"");
    }

    private static IEnumerable<FieldError> EnumProblems(JsonNode value, JsonObject schema, string field)
        => schema.ArrayAt("enum") is { } allowed && !allowed.Any(one => JsonNode.DeepEquals(one, value))
            ? [FieldError.NotSupported(field, value, allowed.Select(one => one.Shown()))]
            : [];

    private static IEnumerable<FieldError> OfObject(JsonObject fields, JsonObject schema, string path, bool isResource)
    {
        foreach (var name in schema.ArrayAt("required").Texts())
        {
            if (!fields.ContainsKey(name))
            {
                yield return FieldError.Required(Below(path, name));
            }
        }

        if (schema.IntegerAt("maxProperties") < fields.Count)
        {
            yield return FieldError.TooMany(path, fields.Count, (int)schema.IntegerAt("maxProperties")!.Value);
        }

        if (schema.IntegerAt("minProperties") > fields.Count)
        {
            yield return FieldError.Invalid(path, fields, string.Create(CultureInfo.InvariantCulture, $"{path} in body should have at least {schema.IntegerAt("minProperties")} properties"));
        }

        var properties = schema.ObjectAt("properties");
        foreach (var (name, value) in fields)
        {
            if ((isResource || schema.FlagAt("x-kubernetes-embedded-resource")) && name is "metadata" or "apiVersion" or "kind" && isResource)
            {
                continue;
            }

            var inner = properties.ObjectAt(name) ?? schema.ObjectAt("additionalProperties");
            foreach (var problem in inner is null ? [] : Problems(value, inner, Below(path, name)))
            {
                yield return problem;
            }
        }
    }

    private static IEnumerable<FieldError> OfList(JsonArray list, JsonObject schema, string path, string field)
    {
        if (schema.IntegerAt("maxItems") is { } most && list.Count > most)
        {
            yield return FieldError.TooMany(field, list.Count, (int)most);
        }

        if (schema.IntegerAt("minItems") > list.Count)
        {
            yield return FieldError.Invalid(field, JsonValue.Create((long)list.Count), string.Create(CultureInfo.InvariantCulture, $"{field} in body should have at least {schema.IntegerAt("minItems")} items"));
        }

        var keys = schema.ArrayAt("x-kubernetes-list-map-keys").Texts().ToList();
        var type = schema.TextAt("x-kubernetes-list-type");
        var seen = new List<JsonNode?>();
        for (var i = 0; i < list.Count; i++)
        {
            var at = string.Create(CultureInfo.InvariantCulture, $"{path}[{i}]");
            var key = type switch
            {
                "map" => JsonAccess.ToArray(keys.Select(name => list[i].At(name)?.DeepClone())),
                "set" => list[i]?.DeepClone(),
                _ => null,
            };
            if (type is "map" or "set")
            {
                if (seen.Any(one => JsonNode.DeepEquals(one, key)))
                {
                    yield return FieldError.Duplicate(at, type == "set" ? list[i] : JsonText.Parse(JsonText.Write(list[i])));
                }

                seen.Add(key);
            }

            if (schema.ObjectAt("items") is { } items)
            {
                foreach (var problem in Problems(list[i], items, at))
                {
                    yield return problem;
                }
            }
        }
    }

    private static IEnumerable<FieldError> OfScalar(JsonValue value, JsonObject schema, string field)
    {
        if (value.AsText() is { } text)
        {
            if (schema.IntegerAt("maxLength") is { } most && text.EnumerateRunes().Count() > most)
            {
                yield return FieldError.TooLong(field, (int)most);
            }

            if (schema.IntegerAt("minLength") is { } least && text.EnumerateRunes().Count() < least)
            {
                yield return FieldError.Invalid(field, value, string.Create(CultureInfo.InvariantCulture, $"{field} in body should be at least {least} chars long"));
            }

            if (schema.At("pattern").AsText() is { } pattern && !Matches(text, pattern))
            {
                yield return FieldError.Invalid(field, value, $"{field} in body should match '{pattern}'");
            }

            if (schema.TextAt("format") is { Length: > 0 } format && !HasFormat(text, format))
            {
                yield return FieldError.Invalid(field, value, $"{field} in body must be of type {format}: {FieldError.Quoted(text)}");
            }
        }
        else if (value.AsNumber() is { } number)
        {
            if (schema.At("maximum").AsNumber() is { } most && (schema.FlagAt("exclusiveMaximum") ? number >= most : number > most))
            {
                yield return FieldError.Invalid(field, value, string.Create(CultureInfo.InvariantCulture, $"{field} in body should be less than {(schema.FlagAt("exclusiveMaximum") ? "" : "or equal to ")}{most}"));
            }

            if (schema.At("minimum").AsNumber() is { } least && (schema.FlagAt("exclusiveMinimum") ? number <= least : number < least))
            {
                yield return FieldError.Invalid(field, value, string.Create(CultureInfo.InvariantCulture, $"{field} in body should be greater than {(schema.FlagAt("exclusiveMinimum") ? "" : "or equal to ")}{least}"));
            }

            if (schema.At("multipleOf").AsNumber() is > 0 and var unit && Math.Abs(Math.IEEERemainder(number, unit)) > 1e-9)
            {
                yield return FieldError.Invalid(field, value, string.Create(CultureInfo.InvariantCulture, $"{field} in body should be a multiple of {unit}"));
            }

            var isInt32 = schema.TextAt("format") == "int32";
            if (isInt32 && number is < int.MinValue or > int.MaxValue && isInt32)
            {
                yield return FieldError.Invalid(field, value, $"{field} in body must be of type int32");
            }
        }
    }

    private static IEnumerable<FieldError> Combined(JsonNode value, JsonObject schema, string path, string field)
    {
        foreach (var part in schema.ArrayAt("allOf").Objects())
        {
            foreach (var problem in Problems(value, part, path))
            {
                yield return problem;
            }
        }

        if (schema.ArrayAt("anyOf") is { Count: > 0 } any && !any.Objects().Any(part => !Problems(value, part, path).Any()))
        {
            yield return FieldError.Invalid(field, value, $"{field} in body must validate at least one schema (anyOf)");
        }

        if (schema.ArrayAt("oneOf") is { Count: > 0 } one && one.Objects().Count(part => !Problems(value, part, path).Any()) != 1)
        {
            yield return FieldError.Invalid(field, value, $"{field} in body must validate one and only one schema (oneOf)");
        }

        if (schema.ObjectAt("not") is { } not && !Problems(value, not, path).Any())
        {
            yield return FieldError.Invalid(field, value, $"{field} in body must not validate the schema (not)");
        }
    }

    private static bool Matches(string text, string pattern)
    {
        try
        {
            // The engine that does not backtrack takes no longer than the text is long; it knows no look-around, and neither
            // does the one that such patterns are written for.
            return Regex.IsMatch(text, pattern, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant, PatternPatience);
        }
        catch (Exception unusable) when (unusable is ArgumentException or NotSupportedException or RegexMatchTimeoutException)
        {
            return false;
        }
    }

    private static bool HasFormat(string text, string format) => format switch
    {
        "date-time" => KubeTime.TryParse(text, out _),
        "date" => DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _),
        "ipv4" => IPAddress.TryParse(text, out var four) && four.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork && text.Count(letter => letter == '.') == 3,
        "ipv6" => IPAddress.TryParse(text, out var six) && six.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6,
        "cidr" => IPNetwork.TryParse(text, out _),
        "uuid" or "uuid3" or "uuid4" or "uuid5" => Guid.TryParseExact(text, "D", out _),
        "byte" => Convert.TryFromBase64String(text, new byte[text.Length], out _),
        "hostname" => text.Length <= 253 && text.ToLowerInvariant().Split('.').All(part => NameGrammar.IsLabel(part, startsWithLetter: false)),
        "uri" => Uri.TryCreate(text, UriKind.Absolute, out _),
        "email" => text.IndexOf('@', StringComparison.Ordinal) is > 0 and var at && at < text.Length - 1,
        _ => true,
    };

    private static string Below(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";
}
