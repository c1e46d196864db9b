using System.Buffers;
using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using KubeStore.Objects;
using KubeStore.Schema;

namespace KubeStore.Custom.Rules;

/// <summary>What rules can do with values beside looking at their parts.</summary>
internal static class RuleFunctions
{
    private static readonly HashSet<string> Known = new(StringComparer.Ordinal)
    {
        "size", "int", "uint", "double", "string", "bool", "dyn", "duration", "timestamp", "quantity", "isQuantity", "startsWith", "endsWith", "contains",
        "matches", "lowerAscii", "upperAscii", "trim", "split", "join", "replace", "substring", "charAt", "indexOf", "lastIndexOf", "find", "isSorted", "sum",
        "min", "max", "hasValue", "value", "orValue", "of", "none", "isGreaterThan", "isLessThan", "compareTo", "add", "sub", "isInteger", "asInteger",
        "asApproximateFloat", "getSeconds", "getMinutes", "getHours", "getMilliseconds", "abs", "ceil", "floor",
    };

    private static readonly SearchValues<char> Digits = SearchValues.Create("0123456789.");

    /// <summary>The first function of an expression that is not known here; null if all are.</summary>
    public static string? Unknown(Expression expression) => expression switch
    {
        Expression.Call call when !Known.Contains(call.Function) => call.Function,
        Expression.Call call => (call.Of is Expression.Name("optional") or null ? null : Unknown(call.Of)) ?? First(call.Arguments),
        Expression.Field field => Unknown(field.Of),
        Expression.Element element => Unknown(element.Of) ?? Unknown(element.Index),
        Expression.Each each => Unknown(each.Of) ?? First(each.Bodies),
        Expression.Unary unary => Unknown(unary.Of),
        Expression.Binary binary => Unknown(binary.Left) ?? Unknown(binary.Right),
        Expression.Choice choice => Unknown(choice.If) ?? Unknown(choice.Then) ?? Unknown(choice.Else),
        Expression.List list => First(list.Elements),
        Expression.Map map => First(map.Entries.SelectMany(one => (Expression[])[one.Key, one.Value])),
        _ => null,
    };

    public static object? FromJson(JsonNode? json) => json switch
    {
        null => null,
        JsonObject map => map,
        JsonArray list => list.Select(FromJson).ToList(),
        JsonValue value when value.AsText() is { } text => text,
        JsonValue value when value.TryGetValue<bool>(out var flag) => flag,
        JsonValue value when value.AsInteger() is { } whole => whole,
        _ => json.AsNumber(),
    };

    public static JsonNode? ToJson(object? value) => value switch
    {
        null => null,
        JsonNode node => node.DeepClone(),
        bool flag => JsonValue.Create(flag),
        long whole => JsonValue.Create(whole),
        double number => JsonValue.Create(number),
        IReadOnlyList<object?> list => JsonAccess.ToArray(list.Select(ToJson)),
        _ => JsonValue.Create(Text(value)),
    };

    public static string TypeName(object? value) => value switch
    {
        null => "null",
        bool => "bool",
        long => "int",
        double => "double",
        string => "string",
        JsonObject => "map",
        IReadOnlyList<object?> => "list",
        TimeSpan => "duration",
        DateTimeOffset => "timestamp",
        decimal => "quantity",
        Maybe => "optional",
        _ => value.GetType().Name,
    };

    public static object? Binary(string sign, object? left, object? right, RuleBudget budget)
    {
        switch (sign)
        {
            case "==":
                return AreEqual(left, right, budget);
            case "!=":
                return !AreEqual(left, right, budget);
            case "in":
                return right switch
                {
                    IReadOnlyList<object?> list => list.Any(one => AreEqual(one, left, budget)),
                    JsonObject map when left is string key => map.ContainsKey(key),
                    _ => throw RuleEvaluation.NoOverload("@in", left, right),
                };
            case "<" or "<=" or ">" or ">=":
                var order = Compare(left, right) ?? throw RuleEvaluation.NoOverload($"_{sign}_", left, right);
                return sign switch { "<" => order < 0, "<=" => order <= 0, ">" => order > 0, _ => order >= 0 };
        }

        try
        {
            return (sign, left, right) switch
            {
                ("+", long a, long b) => checked(a + b),
                ("-", long a, long b) => checked(a - b),
                ("*", long a, long b) => checked(a * b),
                ("/", long, 0L) => throw new RuleException("division by zero"),
                ("%", long, 0L) => throw new RuleException("modulus by zero"),
                ("/", long a, long b) => checked(a / b),
                ("%", long a, long b) => b == -1 ? 0L : a % b,
                ("+", double a, double b) => a + b,
                ("-", double a, double b) => a - b,
                ("*", double a, double b) => a * b,
                ("/", double a, double b) => a / b,
                ("+", string a, string b) => Joined(a, b, budget),
                ("+", IReadOnlyList<object?> a, IReadOnlyList<object?> b) => a.Concat(b).ToList(),
                ("+", DateTimeOffset a, TimeSpan b) => a + b,
                ("+", TimeSpan a, DateTimeOffset b) => b + a,
                ("+", TimeSpan a, TimeSpan b) => a + b,
                ("-", DateTimeOffset a, DateTimeOffset b) => a - b,
                ("-", DateTimeOffset a, TimeSpan b) => a - b,
                ("-", TimeSpan a, TimeSpan b) => a - b,
                _ => throw RuleEvaluation.NoOverload($"_{sign}_", left, right),
            };
        }
        catch (OverflowException)
        {
            throw new RuleException("integer overflow");
        }
        catch (ArgumentOutOfRangeException)
        {
            throw new RuleException("time overflow");
        }
    }

    public static object? Call(string function, bool isMethod, object?[] given, RuleBudget budget)
    {
        // What reads a text takes as long as it is.
        budget.Spend(1 + given.Sum(one => one is string text ? text.Length / 10 : one is IReadOnlyList<object?> list ? list.Count : 0));
        try
        {
            return (function, given) switch
            {
                ("size", [string text]) => (long)text.EnumerateRunes().Count(),
                ("size", [IReadOnlyList<object?> list]) => (long)list.Count,
                ("size", [JsonObject map]) => (long)map.Count,
                ("dyn", [var any]) when !isMethod => any,
                ("int" or "uint", [long whole]) when !isMethod => whole,
                ("int" or "uint", [double number]) when !isMethod => checked((long)number),
                ("int" or "uint", [string text]) when !isMethod => long.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture),
                ("int", [DateTimeOffset time]) when !isMethod => time.ToUnixTimeSeconds(),
                ("double", [double number]) when !isMethod => number,
                ("double", [long whole]) when !isMethod => (double)whole,
                ("double", [string text]) when !isMethod => double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture),
                ("bool", [bool flag]) when !isMethod => flag,
                ("bool", ["true" or "false"]) when !isMethod => given[0] is "true",
                ("string", [not null and not (JsonObject or IReadOnlyList<object?>)]) when !isMethod => Text(given[0]),
                ("duration", [string text]) when !isMethod => Duration(text),
                ("timestamp", [string text]) when !isMethod => KubeTime.TryParse(text, out var time) ? time : throw new RuleException($"invalid timestamp '{text}'"),
                ("getSeconds", [TimeSpan span]) => (long)span.TotalSeconds,
                ("getMinutes", [TimeSpan span]) => (long)span.TotalMinutes,
                ("getHours", [TimeSpan span]) => (long)span.TotalHours,
                ("getMilliseconds", [TimeSpan span]) => (long)span.TotalMilliseconds,
                ("hasValue", [Maybe maybe]) => maybe.HasValue,
                ("value", [Maybe maybe]) => maybe.HasValue ? maybe.Value : throw new RuleException("optional.none() dereference"),
                ("quantity", [string text]) when !isMethod => Quantity.TryParse(text, out var amount) ? amount : throw new RuleException($"quantities must match the regular expression: '{text}'"),
                ("isQuantity", [string text]) when !isMethod => Quantity.IsValid(text),
                ("isGreaterThan", [decimal a, decimal b]) => a > b,
                ("isLessThan", [decimal a, decimal b]) => a < b,
                ("compareTo", [decimal a, decimal b]) => (long)a.CompareTo(b),
                ("add", [decimal a, decimal b]) => a + b,
                ("add", [decimal a, long b]) => a + b,
                ("sub", [decimal a, decimal b]) => a - b,
                ("sub", [decimal a, long b]) => a - b,
                ("isInteger", [decimal a]) => a == decimal.Truncate(a),
                ("asInteger", [decimal a]) => a == decimal.Truncate(a) ? (long)a : throw new RuleException("cannot convert value to integer"),
                ("asApproximateFloat", [decimal a]) => (double)a,
                ("abs", [long a]) => Math.Abs(a),
                ("ceil", [double a]) => Math.Ceiling(a),
                ("floor", [double a]) => Math.Floor(a),
                (_, [string text, ..]) => OfText(function, text, given, budget),
                (_, [IReadOnlyList<object?> list, ..]) => OfList(function, list, given, budget),
                _ => throw RuleEvaluation.NoOverload(function, given),
            };
        }
        catch (Exception wrong) when (wrong is FormatException or OverflowException)
        {
            throw new RuleException($"type conversion error: {wrong.Message}");
        }
    }

    private static object? OfText(string function, string text, object?[] given, RuleBudget budget) => (function, given) switch
    {
        ("startsWith", [_, string part]) => text.StartsWith(part, StringComparison.Ordinal),
        ("endsWith", [_, string part]) => text.EndsWith(part, StringComparison.Ordinal),
        ("contains", [_, string part]) => text.Contains(part, StringComparison.Ordinal),
        ("matches", [_, string pattern]) => Pattern(pattern).IsMatch(text),
        ("find", [_, string pattern]) => Pattern(pattern).Match(text).Value,
        ("lowerAscii", [_]) => string.Concat(text.Select(letter => letter is >= 'A' and <= 'Z' ? (char)(letter | 0x20) : letter)),
        ("upperAscii", [_]) => string.Concat(text.Select(letter => letter is >= 'a' and <= 'z' ? (char)(letter & ~0x20) : letter)),
        ("trim", [_]) => text.Trim(),
        ("split", [_, string separator]) => Split(text, separator, int.MaxValue),
        ("split", [_, string separator, long count]) => Split(text, separator, count < 0 ? int.MaxValue : (int)count),
        ("replace", [_, "", _, ..]) => throw new RuleException("what is to be replaced is empty"),
        ("replace", [_, string old, string by]) => Spent(text.Replace(old, by, StringComparison.Ordinal), budget),
        ("substring", [_, long from]) when from >= 0 && from <= text.Length => text[(int)from..],
        ("substring", [_, long from, long to]) when from >= 0 && from <= to && to <= text.Length => text[(int)from..(int)to],
        ("substring", _) => throw new RuleException("index out of range"),
        ("charAt", [_, long at]) when at >= 0 && at <= text.Length => at == text.Length ? "" : text[(int)at].ToString(),
        ("indexOf", [_, string part]) => (long)text.IndexOf(part, StringComparison.Ordinal),
        ("lastIndexOf", [_, string part]) => (long)text.LastIndexOf(part, StringComparison.Ordinal),
        _ => throw RuleEvaluation.NoOverload(function, given),
    };

    private static object? OfList(string function, IReadOnlyList<object?> list, object?[] given, RuleBudget budget) => (function, given) switch
    {
        ("isSorted", [_]) => Enumerable.Range(1, Math.Max(0, list.Count - 1)).All(i => Compare(list[i - 1], list[i]) <= 0),
        ("sum", [_]) => list.Aggregate(list is [double, ..] ? 0d : (object)0L, (sum, one) => Binary("+", sum, one, budget)!),
        ("min", [_]) when list.Count > 0 => list.Aggregate((a, b) => Compare(b, a) < 0 ? b : a),
        ("max", [_]) when list.Count > 0 => list.Aggregate((a, b) => Compare(b, a) > 0 ? b : a),
        ("indexOf", [_, var what]) => (long)Enumerable.Range(0, list.Count).FirstOrDefault(i => AreEqual(list[i], what, budget), -1),
        ("lastIndexOf", [_, var what]) => (long)Enumerable.Range(0, list.Count).LastOrDefault(i => AreEqual(list[i], what, budget), -1),
        ("join", [_]) => string.Concat(list.Select(Text)),
        ("join", [_, string between]) => Spent(string.Join(between, list.Select(Text)), budget),
        _ => throw RuleEvaluation.NoOverload(function, given),
    };

    private static bool AreEqual(object? left, object? right, RuleBudget budget)
    {
        budget.Spend(1);
        return (left, right) switch
        {
            (long a, double b) => a == b,
            (double a, long b) => a == b,
            (IReadOnlyList<object?> a, IReadOnlyList<object?> b) => a.Count == b.Count && !a.Where((one, i) => !AreEqual(one, b[i], budget)).Any(),
            (JsonObject a, JsonObject b) => a.Count == b.Count && a.All(one => b.TryGetPropertyValue(one.Key, out var other) && AreEqual(FromJson(one.Value), FromJson(other), budget)),
            _ => Equals(left, right),
        };
    }

    private static int? Compare(object? left, object? right) => (left, right) switch
    {
        (long a, long b) => a.CompareTo(b),
        (double a, double b) => a.CompareTo(b),
        (long a, double b) => ((double)a).CompareTo(b),
        (double a, long b) => a.CompareTo(b),
        (string a, string b) => string.CompareOrdinal(a, b),
        (bool a, bool b) => a.CompareTo(b),
        (TimeSpan a, TimeSpan b) => a.CompareTo(b),
        (DateTimeOffset a, DateTimeOffset b) => a.CompareTo(b),
        (decimal a, decimal b) => a.CompareTo(b),
        _ => null,
    };

    private static string Text(object? value) => value switch
    {
        string text => text,
        bool flag => flag ? "true" : "false",
        DateTimeOffset time => KubeTime.Seconds(time),
        TimeSpan span => span.TotalSeconds.ToString("0.#########", CultureInfo.InvariantCulture) + "s",
        decimal amount => Quantity.Format(amount),
        IFormattable other => other.ToString(null, CultureInfo.InvariantCulture),
        _ => throw RuleEvaluation.NoOverload("string", value),
    };

    private static string Joined(string left, string right, RuleBudget budget) => Spent(left + right, budget);

    private static string Spent(string text, RuleBudget budget)
    {
        budget.Spend(text.Length / 10);
        return text;
    }

    private static List<object?> Split(string text, string separator, int count)
        => count == 0 ? []
            : separator.Length == 0 ? [.. text.EnumerateRunes().Select(one => one.ToString())]
            : [.. text.Split(separator, count)];

    // The engine that does not backtrack takes no longer than the text is long.
    private static Regex Pattern(string pattern)
    {
        try
        {
            return new(pattern, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        }
        catch (Exception wrong) when (wrong is ArgumentException or NotSupportedException)
        {
            throw new RuleException($"error parsing regexp: {wrong.Message}");
        }
    }

    // 1h30m, 1.5s, 100ms, -2m
    private static TimeSpan Duration(string text)
    {
        var rest = text.AsSpan().TrimStart('-');
        var seconds = 0d;
        var hasParts = false;
        while (rest.Length > 0)
        {
            var digits = rest.IndexOfAnyExcept(Digits);
            var letters = digits <= 0 ? -1 : rest[digits..].IndexOfAny(Digits) is >= 0 and var end ? end : rest.Length - digits;
            var unit = letters <= 0 ? -1 : rest.Slice(digits, letters) switch { "h" => 3600, "m" => 60, "s" => 1, "ms" => 1e-3, "us" => 1e-6, "ns" => 1e-9, _ => -1 };
            if (unit < 0 || !double.TryParse(rest[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
            {
                throw new RuleException($"invalid duration '{text}'");
            }

            seconds += number * unit;
            rest = rest[(digits + letters)..];
            hasParts = true;
        }

        return hasParts ? TimeSpan.FromSeconds(text.StartsWith('-') ? -seconds : seconds) : text == "0" ? TimeSpan.Zero : throw new RuleException($"invalid duration '{text}'");
    }

    private static string? First(IEnumerable<Expression> expressions) => expressions.Select(Unknown).FirstOrDefault(one => one is not null);
}
