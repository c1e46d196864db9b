using System.Text.Json.Nodes;

namespace KubeStore.Custom.Rules;

/// <summary>An expression came to nothing; the message says why.</summary>
internal sealed class RuleException(string message) : Exception(message);

/// <summary>It has been at work for too long, and so has all that was to come after it.</summary>
internal sealed class RuleBudgetException() : Exception("validation failed due to running out of cost budget, no further validation rules will be run");

/// <summary>A value that may be missing.</summary>
internal sealed record Maybe(bool HasValue, object? Value)
{
    public static Maybe Nothing { get; } = new(false, null);
}

/// <summary>What expressions come to, with names for some values. Counts its steps.</summary>
/// <remarks>Values are null, bool, long, double, string, lists, JSON objects, durations, times, amounts and what may be missing.</remarks>
internal sealed class RuleEvaluation(RuleBudget budget, IReadOnlyDictionary<string, object?> names)
{
    private readonly Dictionary<string, object?> _names = new(names, StringComparer.Ordinal);

    public object? Of(Expression expression)
    {
        budget.Spend(1);
        return expression switch
        {
            Expression.Literal(var value) => value,
            Expression.Name(var name) => _names.TryGetValue(name, out var value) ? value : throw new RuleException($"undeclared reference to '{name}'"),
            Expression.Field field => OfField(field),
            Expression.Element element => OfElement(element),
            Expression.Call call => OfCall(call),
            Expression.Each each => OfEach(each),
            Expression.Unary("!", var inner) => !Flag(Of(inner)),
            Expression.Unary(_, var inner) => Of(inner) switch
            {
                long number => checked(-number),
                double number => -number,
                TimeSpan span => -span,
                var other => throw NoOverload("-_", other),
            },
            Expression.Binary("&&" or "||", _, _) => Joined((Expression.Binary)expression),
            Expression.Binary(var sign, var left, var right) => RuleFunctions.Binary(sign, Of(left), Of(right), budget),
            Expression.Choice choice => Flag(Of(choice.If)) ? Of(choice.Then) : Of(choice.Else),
            Expression.List list => list.Elements.Select(Of).ToList(),
            Expression.Map map => OfMap(map),
            _ => throw new RuleException("unknown expression"),
        };
    }

    public static bool Flag(object? value) => value is bool flag ? flag : throw NoOverload("_?_:_", value);

    public static RuleException NoOverload(string function, params ReadOnlySpan<object?> values)
        => new($"no such overload: {function}({string.Join(", ", values.ToArray().Select(RuleFunctions.TypeName))})");

    // One side that decides makes it irrelevant that the other fails.
    private bool Joined(Expression.Binary join)
    {
        var decisive = join.Sign == "||";
        RuleException? failed = null;
        try
        {
            if (Flag(Of(join.Left)) == decisive)
            {
                return decisive;
            }
        }
        catch (RuleException left)
        {
            failed = left;
        }

        return Flag(Of(join.Right)) == decisive ? decisive : failed is null ? !decisive : throw failed;
    }

    private object? OfField(Expression.Field field)
    {
        var of = Of(field.Of);
        if (of is Maybe maybe)
        {
            object? inner = null;
            var isInside = maybe.HasValue && Find(maybe.Value, field.Text, out inner);
            return field.IsTest ? isInside : isInside ? new Maybe(true, inner) : Maybe.Nothing;
        }

        var isThere = Find(of, field.Text, out var value);
        return field.IsTest ? isThere
            : field.IsOptional ? isThere ? new Maybe(true, value) : Maybe.Nothing
            : isThere ? value
            : throw new RuleException($"no such key: {field.Text}");
    }

    private static bool Find(object? of, string name, out object? value)
    {
        value = null;
        if (of is not JsonObject fields)
        {
            throw new RuleException($"type '{RuleFunctions.TypeName(of)}' does not support field selection");
        }

        if (!fields.TryGetPropertyValue(name, out var found) && !fields.TryGetPropertyValue(RuleNames.Unescaped(name), out found))
        {
            return false;
        }

        value = RuleFunctions.FromJson(found);
        return found is not null;
    }

    private object? OfElement(Expression.Element element)
    {
        var (of, index) = (Of(element.Of), Of(element.Index));
        if (of is Maybe maybe)
        {
            of = maybe.HasValue ? maybe.Value : null;
        }

        var isThere = false;
        object? value = null;
        switch (of, index)
        {
            case (IReadOnlyList<object?> list, long at) when at >= 0 && at < list.Count:
                (isThere, value) = (true, list[(int)at]);
                break;
            case (JsonObject map, string key) when map.TryGetPropertyValue(key, out var found):
                (isThere, value) = (true, RuleFunctions.FromJson(found));
                break;
        }

        return element.IsOptional ? isThere ? new Maybe(true, value) : Maybe.Nothing
            : isThere ? value
            : throw new RuleException(of is JsonObject ? $"no such key: {index}" : $"index out of bounds: {index}");
    }

    private object? OfCall(Expression.Call call)
    {
        if (call is { Of: Expression.Name("optional"), Function: "of" or "none" })
        {
            return call.Function == "none" ? Maybe.Nothing : new Maybe(true, Of(call.Arguments[0]));
        }

        // What stands in for a missing value is not looked at if there is one.
        if (call is { Of: { } optional, Function: "orValue", Arguments: [var otherwise] })
        {
            return Of(optional) is Maybe maybe ? maybe.HasValue ? maybe.Value : Of(otherwise) : throw NoOverload("orValue");
        }

        var arguments = (call.Of is null ? call.Arguments : [call.Of, .. call.Arguments]).Select(Of).ToArray();
        return RuleFunctions.Call(call.Function, call.Of is not null, arguments, budget);
    }

    private JsonObject OfMap(Expression.Map map)
    {
        var made = new JsonObject();
        foreach (var (key, value) in map.Entries)
        {
            made[Of(key) as string ?? throw new RuleException("keys of maps are texts")] = RuleFunctions.ToJson(Of(value));
        }

        return made;
    }

    private object? OfEach(Expression.Each each)
    {
        IReadOnlyList<object?> elements = Of(each.Of) switch
        {
            IReadOnlyList<object?> list => list,
            JsonObject map => [.. map.Select(one => (object?)one.Key)],
            var other => throw NoOverload(each.Macro, other),
        };
        var hid = _names.TryGetValue(each.Variable, out var hidden);
        try
        {
            return Run(each, elements);
        }
        finally
        {
            if (hid)
            {
                _names[each.Variable] = hidden;
            }
            else
            {
                _names.Remove(each.Variable);
            }
        }
    }

    private object? Run(Expression.Each each, IReadOnlyList<object?> elements)
    {
        var (found, kept) = (0, new List<object?>());
        RuleException? failed = null;
        var isAll = each.Macro == "all";
        foreach (var element in elements)
        {
            budget.Spend(1);
            _names[each.Variable] = element;
            switch (each.Macro)
            {
                case "map":
                    if (each.Bodies.Count == 1 || Flag(Of(each.Bodies[0])))
                    {
                        kept.Add(Of(each.Bodies[^1]));
                    }

                    break;
                case "filter":
                    if (Flag(Of(each.Bodies[0])))
                    {
                        kept.Add(element);
                    }

                    break;
                case "exists_one" or "existsOne":
                    found += Flag(Of(each.Bodies[0])) ? 1 : 0;
                    break;
                default:
                    try
                    {
                        if (Flag(Of(each.Bodies[0])) != isAll)
                        {
                            return !isAll;
                        }
                    }
                    catch (RuleException wrong)
                    {
                        failed ??= wrong;
                    }

                    break;
            }
        }

        return failed is not null ? throw failed : each.Macro switch
        {
            "map" or "filter" => kept,
            "all" => true,
            "exists" => false,
            _ => found == 1,
        };
    }
}

/// <summary>How many steps may still be taken: of one rule, and of all rules for one object.</summary>
internal sealed class RuleBudget(long all)
{
    private long _left = all;
    private long _ofOne;

    public void Begin(long steps) => _ofOne = steps;

    public void Spend(long steps)
    {
        _left -= steps;
        _ofOne -= steps;
        if (_left < 0 || _ofOne < 0)
        {
            throw new RuleBudgetException();
        }
    }
}

/// <summary>Names of fields as rules write them: what is no name there is escaped.</summary>
internal static class RuleNames
{
    public static string Unescaped(string name)
        => !name.Contains("__", StringComparison.Ordinal) ? name
            : name.Length > 4 && name.StartsWith("__", StringComparison.Ordinal) && name.EndsWith("__", StringComparison.Ordinal) && !name[2..^2].Contains("__", StringComparison.Ordinal) ? name[2..^2]
            : name.Replace("__underscores__", "\u0001", StringComparison.Ordinal)
                .Replace("__dot__", ".", StringComparison.Ordinal)
                .Replace("__dash__", "-", StringComparison.Ordinal)
                .Replace("__slash__", "/", StringComparison.Ordinal)
                .Replace("\u0001", "__", StringComparison.Ordinal);
}
