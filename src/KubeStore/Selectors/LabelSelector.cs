using System.Globalization;
using System.Text.Json.Nodes;
using KubeStore.Objects;

namespace KubeStore.Selectors;

internal enum LabelOperator
{
    In,
    NotIn,
    Exists,
    DoesNotExist,
    GreaterThan,
    LessThan,
}

/// <summary>One condition on the labels of an object.</summary>
internal sealed record LabelRequirement(string Key, LabelOperator Operator, IReadOnlyList<string> Values)
{
    public bool Matches(IReadOnlyDictionary<string, string> labels)
    {
        var has = labels.TryGetValue(Key, out var value);
        return Operator switch
        {
            LabelOperator.In => has && Values.Contains(value!),
            LabelOperator.NotIn => !has || !Values.Contains(value!),
            LabelOperator.Exists => has,
            LabelOperator.DoesNotExist => !has,
            _ => has && long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
                && (Operator == LabelOperator.GreaterThan ? number > Bound : number < Bound),
        };
    }

    private long Bound => long.Parse(Values[0], CultureInfo.InvariantCulture);
}

/// <summary>Which objects, by their labels: all conditions at once.</summary>
/// <example><code>LabelSelector.Parse("app=web,tier in (front,back),!legacy")</code></example>
internal sealed class LabelSelector(IReadOnlyList<LabelRequirement> requirements)
{
    public static LabelSelector Everything { get; } = new([]);

    public bool IsEverything => requirements.Count == 0;

    public IReadOnlyList<LabelRequirement> Requirements => requirements;

    public bool Matches(IReadOnlyDictionary<string, string> labels)
    {
        foreach (var requirement in requirements)
        {
            if (!requirement.Matches(labels))
            {
                return false;
            }
        }

        return true;
    }

    /// <exception cref="FormatException">It is none; the message says why.</exception>
    public static LabelSelector Parse(string text) => string.IsNullOrWhiteSpace(text) ? Everything : new(LabelSelectorParser.Parse(text));

    /// <summary>From the form that objects carry: <c>matchLabels</c> and <c>matchExpressions</c>. Null selects nothing.</summary>
    public static LabelSelector? FromJson(JsonObject? json)
    {
        if (json is null)
        {
            return null;
        }

        var all = new List<LabelRequirement>();
        foreach (var (key, value) in json.ObjectAt("matchLabels") ?? [])
        {
            all.Add(new(key, LabelOperator.In, [value.AsText() ?? ""]));
        }

        foreach (var expression in json.ArrayAt("matchExpressions").Objects())
        {
            var values = expression.ArrayAt("values").Texts().ToArray();
            all.Add(expression.TextAt("operator") switch
            {
                "In" => new(expression.TextAt("key"), LabelOperator.In, values),
                "NotIn" => new(expression.TextAt("key"), LabelOperator.NotIn, values),
                "Exists" => new(expression.TextAt("key"), LabelOperator.Exists, []),
                "DoesNotExist" => new(expression.TextAt("key"), LabelOperator.DoesNotExist, []),
                // An operator nobody knows cannot be met.
                _ => new(expression.TextAt("key"), LabelOperator.In, []),
            });
        }

        return new(all);
    }

    public override string ToString() => string.Join(",", requirements.Select(one => one.Operator switch
    {
        LabelOperator.In when one.Values.Count == 1 => $"{one.Key}={one.Values[0]}",
        LabelOperator.In => $"{one.Key} in ({string.Join(",", one.Values.Order(StringComparer.Ordinal))})",
        LabelOperator.NotIn when one.Values.Count == 1 => $"{one.Key}!={one.Values[0]}",
        LabelOperator.NotIn => $"{one.Key} notin ({string.Join(",", one.Values.Order(StringComparer.Ordinal))})",
        LabelOperator.Exists => one.Key,
        LabelOperator.DoesNotExist => $"!{one.Key}",
        LabelOperator.GreaterThan => $"{one.Key}>{one.Values[0]}",
        _ => $"{one.Key}<{one.Values[0]}",
    }));
}
