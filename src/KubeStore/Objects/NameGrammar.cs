namespace KubeStore.Objects;

/// <summary>What a kind's names look like.</summary>
public enum NameRule
{
    /// <summary>Anything that can be one part of a path.</summary>
    PathSegment,

    /// <summary>Labels of lower-case letters, digits and '-', joined by dots; up to 253 characters.</summary>
    Subdomain,

    /// <summary>One such label, up to 63 characters.</summary>
    Dns1123Label,

    /// <summary>One such label that begins with a letter.</summary>
    Dns1035Label,
}

/// <summary>The grammars of names, of the keys and values of labels, and of finalizers. Each check yields what is wrong, in
/// Kubernetes' words.</summary>
internal static class NameGrammar
{
    private const string SubdomainText = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
    private const string LabelText = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
    private const string Label1035Text = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
    private const string QualifiedText = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
    private const string ValueText = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

    public static IEnumerable<string> ProblemsOfName(NameRule rule, string name, bool isPrefix = false)
    {
        // A prefix ends in '-' most of the time; the name that is made of it does not.
        var judged = isPrefix && name.EndsWith('-') ? name[..^1] + "a" : name;
        return rule switch
        {
            NameRule.PathSegment => ProblemsOfSegment(name),
            NameRule.Subdomain => ProblemsOfSubdomain(judged),
            NameRule.Dns1123Label => ProblemsOfLabel(judged, LabelText, startsWithLetter: false),
            _ => ProblemsOfLabel(judged, Label1035Text, startsWithLetter: true),
        };
    }

    public static IEnumerable<string> ProblemsOfSegment(string name)
    {
        if (name is "." or "..")
        {
            yield return $"may not be '{name}'";
        }

        foreach (var letter in (char[])['/', '%'])
        {
            if (name.Contains(letter, StringComparison.Ordinal))
            {
                yield return $"may not contain '{letter}'";
            }
        }
    }

    public static IEnumerable<string> ProblemsOfSubdomain(string name)
    {
        if (name.Length > 253)
        {
            yield return "must be no more than 253 characters";
        }

        if (!IsSubdomain(name))
        {
            yield return SubdomainText;
        }
    }

    public static IEnumerable<string> ProblemsOfDns1035(string name) => ProblemsOfLabel(name, Label1035Text, startsWithLetter: true);

    /// <summary>Keys of labels and annotations, finalizers: a name with or without a domain before it.</summary>
    public static IEnumerable<string> ProblemsOfQualified(string key)
    {
        var slash = key.IndexOf('/', StringComparison.Ordinal);
        var name = key[(slash + 1)..];
        if (slash >= 0)
        {
            if (name.Contains('/', StringComparison.Ordinal))
            {
                yield return "a qualified name " + QualifiedText["name part ".Length..] + " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
                yield break;
            }

            if (slash == 0)
            {
                yield return "prefix part must be non-empty";
            }
            else
            {
                foreach (var problem in ProblemsOfSubdomain(key[..slash]))
                {
                    yield return "prefix part " + problem;
                }
            }
        }

        if (name.Length == 0)
        {
            yield return "name part must be non-empty";
        }
        else if (name.Length > 63)
        {
            yield return "name part must be no more than 63 characters";
        }

        if (!IsWord(name))
        {
            yield return QualifiedText;
        }
    }

    public static IEnumerable<string> ProblemsOfLabelValue(string value)
    {
        if (value.Length > 63)
        {
            yield return "must be no more than 63 characters";
        }

        if (value.Length > 0 && !IsWord(value))
        {
            yield return ValueText;
        }
    }

    public static bool IsSubdomain(string name) => name.Split('.').All(part => IsLabel(part, startsWithLetter: false));

    public static bool IsLabel(string name, bool startsWithLetter)
        => name.Length > 0
            && (startsWithLetter ? char.IsAsciiLetterLower(name[0]) : IsLowerOrDigit(name[0]))
            && IsLowerOrDigit(name[^1])
            && name.All(letter => IsLowerOrDigit(letter) || letter == '-');

    private static IEnumerable<string> ProblemsOfLabel(string name, string text, bool startsWithLetter)
    {
        if (name.Length > 63)
        {
            yield return "must be no more than 63 characters";
        }

        if (!IsLabel(name, startsWithLetter))
        {
            yield return text;
        }
    }

    private static bool IsWord(string text)
        => text.Length > 0 && char.IsAsciiLetterOrDigit(text[0]) && char.IsAsciiLetterOrDigit(text[^1])
            && text.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' or '.');

    private static bool IsLowerOrDigit(char letter) => char.IsAsciiLetterLower(letter) || char.IsAsciiDigit(letter);
}
