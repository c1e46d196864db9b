using System.Text;

namespace KubeStore.Selectors;

/// <summary>One condition on a field: it has the value, or has not.</summary>
internal sealed record FieldRequirement(string Field, string Value, bool IsEqual);

/// <summary>Which objects, by a few of their fields: all conditions at once.</summary>
/// <example><code>FieldSelector.Parse("metadata.name=web,status.phase!=Running")</code></example>
internal sealed class FieldSelector(IReadOnlyList<FieldRequirement> requirements)
{
    public static FieldSelector Everything { get; } = new([]);

    public bool IsEverything => requirements.Count == 0;

    public IReadOnlyList<FieldRequirement> Requirements => requirements;

    /// <summary>The value that the field must have, if the selector says so.</summary>
    public string? Required(string field) => requirements.FirstOrDefault(one => one.IsEqual && one.Field == field)?.Value;

    public bool Matches(Func<string, string> valueOf)
    {
        foreach (var requirement in requirements)
        {
            if (valueOf(requirement.Field) == requirement.Value != requirement.IsEqual)
            {
                return false;
            }
        }

        return true;
    }

    /// <exception cref="FormatException">It is none; the message says why.</exception>
    public static FieldSelector Parse(string text)
    {
        if (text.Length == 0)
        {
            return Everything;
        }

        var all = new List<FieldRequirement>();
        foreach (var term in Split(text))
        {
            if (term.Length == 0)
            {
                continue;
            }

            var at = OperatorOf(term);
            if (at < 0)
            {
                throw new FormatException($"invalid selector: '{text}'; can't understand '{term}'");
            }

            var isEqual = term[at] == '=';
            var value = term[(at + (!isEqual || (at + 1 < term.Length && term[at + 1] == '=') ? 2 : 1))..];
            all.Add(new(term[..at], Unescape(value), isEqual));
        }

        return new(all);
    }

    public override string ToString()
        => string.Join(",", requirements.Select(one => $"{one.Field}{(one.IsEqual ? "=" : "!=")}{Escape(one.Value)}"));

    private static int OperatorOf(string term)
    {
        for (var i = 0; i < term.Length; i++)
        {
            if (term[i] == '\\')
            {
                i++;
            }
            else if (term[i] == '=' || (term[i] == '!' && i + 1 < term.Length && term[i + 1] == '='))
            {
                return i;
            }
        }

        return -1;
    }

    private static IEnumerable<string> Split(string text)
    {
        var start = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\')
            {
                i++;
            }
            else if (text[i] == ',')
            {
                yield return text[start..i];
                start = i + 1;
            }
        }

        yield return text[start..];
    }

    private static string Unescape(string value)
    {
        var plain = new StringBuilder(value.Length);
        for (var i = 0; i < value.Length; i++)
        {
            if (value[i] == '\\')
            {
                if (i + 1 == value.Length || value[i + 1] is not ('\\' or ',' or '='))
                {
                    throw new FormatException($"invalid field selector: invalid escape sequence in '{value}'");
                }

                i++;
            }
            else if (value[i] is ',' or '=')
            {
                throw new FormatException($"invalid field selector: unescaped character in value '{value}'");
            }

            plain.Append(value[i]);
        }

        return plain.ToString();
    }

    private static string Escape(string value) => value
        .Replace("\\", "\\\\", StringComparison.Ordinal)
        .Replace(",", "\\,", StringComparison.Ordinal)
        .Replace("=", "\\=", StringComparison.Ordinal);
}
