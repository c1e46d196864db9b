using System.Globalization;
using System.Text.Json.Nodes;
using KubeStore.Failures;
using KubeStore.Objects;

namespace KubeStore.Custom.Rules;

/// <summary>The rules of a schema, <c>x-kubernetes-validations</c>, each at the values that it is about.</summary>
internal sealed class ValidationRules
{
    public const string Field = "x-kubernetes-validations";

    private const long StepsOfOne = 1_000_000;
    private const long StepsOfAll = 10_000_000;
    private static readonly string[] Names = ["self", "oldSelf"];

    private readonly Place _root;

    private ValidationRules(Place root) => _root = root;

    /// <summary>Null: there are none.</summary>
    public static ValidationRules? Of(JsonObject schema) => Place.Of(schema) is { } root ? new(root) : null;

    /// <summary>What of a value is against the rules. Of one that was there before, only what has changed.</summary>
    public IReadOnlyList<FieldError> Problems(JsonObject value, JsonObject? old)
    {
        var problems = new List<FieldError>();
        try
        {
            Check(_root, value, old, "", problems, new RuleBudget(StepsOfAll));
        }
        catch (RuleBudgetException over)
        {
            problems.Add(FieldError.Invalid("<nil>", "object", over.Message));
        }

        return problems;
    }

    /// <summary>What is wrong with the rules that a schema has at one place.</summary>
    public static IEnumerable<FieldError> ProblemsOf(JsonObject schema, string path)
    {
        var index = 0;
        foreach (var rule in schema.ArrayAt(Field).Objects())
        {
            var at = string.Create(CultureInfo.InvariantCulture, $"{path}.{Field}[{index++}]");
            if (rule.TextAt("rule").Trim().Length == 0)
            {
                yield return FieldError.Required($"{at}.rule", "rule is not specified");
            }

            foreach (var name in (string[])["rule", "messageExpression"])
            {
                if (rule.TextAt(name) is { Length: > 0 } text && Mistake(text) is { } mistake)
                {
                    yield return FieldError.Invalid($"{at}.{name}", text, $"compilation failed: ERROR: {mistake}");
                }
            }

            if (rule.TextAt("reason") is { Length: > 0 } reason && reason is not ("FieldValueInvalid" or "FieldValueForbidden" or "FieldValueRequired" or "FieldValueDuplicate"))
            {
                yield return FieldError.NotSupported($"{at}.reason", reason, ["FieldValueRequired", "FieldValueInvalid", "FieldValueForbidden", "FieldValueDuplicate"]);
            }
        }
    }

    /// <summary>Rules, anywhere in a schema, that are right and cannot be evaluated here; in words.</summary>
    public static IEnumerable<string> NotEvaluated(JsonNode? schema, string path)
    {
        switch (schema)
        {
            case JsonObject map:
                var index = 0;
                foreach (var rule in map.ArrayAt(Field).Objects())
                {
                    var at = string.Create(CultureInfo.InvariantCulture, $"{path}.{Field}[{index++}].rule");
                    if (Read(rule.TextAt("rule")) is { } expression && RuleFunctions.Unknown(expression) is { } function)
                    {
                        yield return $"{at}: the function \"{function}\" is not known here; the rule is not evaluated";
                    }
                }

                foreach (var (name, inner) in map)
                {
                    foreach (var words in name == Field ? [] : NotEvaluated(inner, $"{path}.{name}"))
                    {
                        yield return words;
                    }
                }

                break;
            case JsonArray list:
                for (var i = 0; i < list.Count; i++)
                {
                    foreach (var words in NotEvaluated(list[i], string.Create(CultureInfo.InvariantCulture, $"{path}[{i}]")))
                    {
                        yield return words;
                    }
                }

                break;
        }
    }

    private static string? Mistake(string text)
    {
        try
        {
            return Undeclared(RuleParser.Read(text), Names) is { } name ? $"undeclared reference to '{name}'" : null;
        }
        catch (FormatException wrong)
        {
            return wrong.Message;
        }
    }

    private static Expression? Read(string text)
    {
        try
        {
            return text.Length == 0 ? null : RuleParser.Read(text);
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private static string? Undeclared(Expression expression, IEnumerable<string> names)
    {
        string? First(IEnumerable<Expression> all) => all.Select(one => Undeclared(one, names)).FirstOrDefault(one => one is not null);
        return expression switch
        {
            Expression.Name(var name) => names.Contains(name) ? null : name,
            Expression.Field field => Undeclared(field.Of, names),
            Expression.Element element => First([element.Of, element.Index]),
            Expression.Call { Of: Expression.Name("optional") } call => First(call.Arguments),
            Expression.Call call => First(call.Of is null ? call.Arguments : [call.Of, .. call.Arguments]),
            Expression.Each each => Undeclared(each.Of, names) ?? each.Bodies.Select(one => Undeclared(one, [.. names, each.Variable])).FirstOrDefault(one => one is not null),
            Expression.Unary unary => Undeclared(unary.Of, names),
            Expression.Binary binary => First([binary.Left, binary.Right]),
            Expression.Choice choice => First([choice.If, choice.Then, choice.Else]),
            Expression.List list => First(list.Elements),
            Expression.Map map => First(map.Entries.SelectMany(one => (Expression[])[one.Key, one.Value])),
            _ => null,
        };
    }

    private static void Check(Place place, JsonNode? value, JsonNode? old, string path, List<FieldError> problems, RuleBudget budget)
    {
        if (value is null)
        {
            return;
        }

        foreach (var rule in place.Rules)
        {
            // A rule about a change needs one; what was there before may stay as it is.
            var isWanted = rule.IsAboutChange ? old is not null || rule.HasOptionalOld : old is null || !JsonNode.DeepEquals(value, old);
            if (isWanted && Broken(rule, value, old, budget) is { } words)
            {
                var at = (path.Length == 0 ? "" : path) + rule.FieldPath;
                problems.Add(rule.ToError(at.TrimStart('.') is { Length: > 0 } field ? field : "<nil>", place.Type, words));
            }
        }

        switch (value)
        {
            case JsonObject fields:
                foreach (var (name, inner) in fields)
                {
                    if ((place.Fields.GetValueOrDefault(name) ?? place.Element) is { } below)
                    {
                        Check(below, inner, old.At(name), path.Length == 0 ? name : $"{path}.{name}", problems, budget);
                    }
                }

                break;
            case JsonArray list when place.Element is { } element:
                for (var i = 0; i < list.Count; i++)
                {
                    Check(element, list[i], place.Before(old as JsonArray, list[i]), string.Create(CultureInfo.InvariantCulture, $"{path}[{i}]"), problems, budget);
                }

                break;
        }
    }

    // Null: the rule holds.
    private static string? Broken(Rule rule, JsonNode value, JsonNode? old, RuleBudget budget)
    {
        var names = new Dictionary<string, object?>(StringComparer.Ordinal) { ["self"] = RuleFunctions.FromJson(value) };
        if (rule.IsAboutChange)
        {
            var before = RuleFunctions.FromJson(old);
            names["oldSelf"] = !rule.HasOptionalOld ? before : old is null ? Maybe.Nothing : new Maybe(true, before);
        }

        try
        {
            budget.Begin(StepsOfOne);
            if (RuleEvaluation.Flag(new RuleEvaluation(budget, names).Of(rule.Expression)))
            {
                return null;
            }
        }
        catch (RuleException failed)
        {
            return $"{failed.Message} evaluating rule: {rule.Message}";
        }

        try
        {
            return rule.MessageExpression is not null && new RuleEvaluation(budget, names).Of(rule.MessageExpression) is string { Length: > 0 } message ? message : rule.Message;
        }
        catch (RuleException)
        {
            return rule.Message;
        }
    }

    private sealed record Rule(Expression Expression, string Message, Expression? MessageExpression, string Reason, string FieldPath, bool IsAboutChange, bool HasOptionalOld)
    {
        public static Rule? Of(JsonObject rule)
        {
            var text = rule.TextAt("rule");
            return Read(text) is not { } expression || RuleFunctions.Unknown(expression) is not null ? null : new(
                expression,
                rule.TextAt("message") is { Length: > 0 } message ? message : $"failed rule: {text.Trim()}",
                Read(rule.TextAt("messageExpression")),
                rule.TextAt("reason"),
                rule.TextAt("fieldPath"),
                Undeclared(expression, ["self"]) is not null,
                rule.FlagAt("optionalOldSelf"));
        }

        public FieldError ToError(string field, string type, string words) => Reason switch
        {
            "FieldValueForbidden" => FieldError.Forbidden(field, words),
            "FieldValueRequired" => FieldError.Required(field, words),
            "FieldValueDuplicate" => FieldError.Duplicate(field, type),
            _ => FieldError.Invalid(field, type, words),
        };
    }

    // A place of a schema that has rules, or has places with rules below it.
    private sealed record Place(string Type, IReadOnlyList<Rule> Rules, IReadOnlyDictionary<string, Place> Fields, Place? Element, IReadOnlyList<string> Keys)
    {
        public static Place? Of(JsonObject schema)
        {
            var rules = schema.ArrayAt(Field).Objects().Select(Rule.Of).OfType<Rule>().ToList();
            var fields = new Dictionary<string, Place>(StringComparer.Ordinal);
            foreach (var (name, property) in schema.ObjectAt("properties") ?? [])
            {
                if (property is JsonObject declared && Of(declared) is { } place)
                {
                    fields.Add(name, place);
                }
            }

            var element = (schema.ObjectAt("items") ?? schema.ObjectAt("additionalProperties")) is { } inner ? Of(inner) : null;
            var keys = schema.TextAt("x-kubernetes-list-type") == "map" ? schema.ArrayAt("x-kubernetes-list-map-keys").Texts().ToList() : [];
            return rules.Count + fields.Count == 0 && element is null ? null : new(schema.TextAt("type"), rules, fields, element, keys);
        }

        /// <summary>What an element of a list was before; only keys say which one that is.</summary>
        public JsonNode? Before(JsonArray? old, JsonNode? element)
            => Keys.Count == 0 ? null : old?.FirstOrDefault(one => Keys.All(key => JsonNode.DeepEquals(one.At(key), element.At(key))));
    }
}
