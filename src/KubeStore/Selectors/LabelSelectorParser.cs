using System.Globalization;
using KubeStore.Objects;

namespace KubeStore.Selectors;

/// <summary>Reads label selectors: <c>k</c>, <c>!k</c>, <c>k=v</c>, <c>k!=v</c>, <c>k in (a,b)</c>, <c>k notin (a)</c>,
/// <c>k&gt;5</c>, joined by commas.</summary>
internal ref struct LabelSelectorParser
{
    private readonly string _text;
    private int _at;

    private LabelSelectorParser(string text) => _text = text;

    public static IReadOnlyList<LabelRequirement> Parse(string text)
    {
        var parser = new LabelSelectorParser(text);
        var all = new List<LabelRequirement>();
        while (true)
        {
            all.Add(parser.Requirement());
            parser.SkipSpace();
            if (parser.IsAtEnd)
            {
                return all;
            }

            parser.Expect(',');
            parser.SkipSpace();
            if (parser.IsAtEnd)
            {
                throw new FormatException("found '', expected: identifier after ','");
            }
        }
    }

    private readonly bool IsAtEnd => _at >= _text.Length;

    private LabelRequirement Requirement()
    {
        SkipSpace();
        if (Accept('!'))
        {
            return Checked(new(Key(), LabelOperator.DoesNotExist, []));
        }

        var key = Key();
        SkipSpace();
        if (IsAtEnd || _text[_at] == ',')
        {
            return Checked(new(key, LabelOperator.Exists, []));
        }

        if (Accept('!'))
        {
            Expect('=');
            return Checked(new(key, LabelOperator.NotIn, [Word()]));
        }

        if (Accept('='))
        {
            Accept('=');
            return Checked(new(key, LabelOperator.In, [Word()]));
        }

        if (Accept('>'))
        {
            return Checked(new(key, LabelOperator.GreaterThan, [Word()]));
        }

        if (Accept('<'))
        {
            return Checked(new(key, LabelOperator.LessThan, [Word()]));
        }

        var word = Word();
        return word switch
        {
            "in" => Checked(new(key, LabelOperator.In, Set())),
            "notin" => Checked(new(key, LabelOperator.NotIn, Set())),
            _ => throw new FormatException($"found '{word}', expected: in, notin, =, ==, !=, gt, lt"),
        };
    }

    private List<string> Set()
    {
        SkipSpace();
        Expect('(');
        var values = new List<string>();
        while (true)
        {
            values.Add(Word());
            SkipSpace();
            if (Accept(')'))
            {
                return values;
            }

            Expect(',');
        }
    }

    private string Key()
    {
        var key = Word();
        return key.Length > 0 ? key : throw new FormatException($"found '{Rest()}', expected: identifier");
    }

    private string Word()
    {
        SkipSpace();
        var start = _at;
        while (!IsAtEnd && !char.IsWhiteSpace(_text[_at]) && !"=!(),<>".Contains(_text[_at], StringComparison.Ordinal))
        {
            _at++;
        }

        return _text[start.._at];
    }

    private void SkipSpace()
    {
        while (!IsAtEnd && char.IsWhiteSpace(_text[_at]))
        {
            _at++;
        }
    }

    private bool Accept(char letter)
    {
        if (IsAtEnd || _text[_at] != letter)
        {
            return false;
        }

        _at++;
        return true;
    }

    private void Expect(char letter)
    {
        SkipSpace();
        if (!Accept(letter))
        {
            throw new FormatException($"found '{Rest()}', expected: '{letter}'");
        }
    }

    private readonly string Rest() => IsAtEnd ? "" : _text[_at..];

    private static LabelRequirement Checked(LabelRequirement requirement)
    {
        foreach (var problem in NameGrammar.ProblemsOfQualified(requirement.Key))
        {
            throw new FormatException($"key: Invalid value: \"{requirement.Key}\": {problem}");
        }

        foreach (var value in requirement.Values)
        {
            if (requirement.Operator is LabelOperator.GreaterThan or LabelOperator.LessThan)
            {
                if (!long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _))
                {
                    throw new FormatException($"values[0]: Invalid value: \"{value}\": for 'Gt', 'Lt' operators, the value must be an integer");
                }

                continue;
            }

            foreach (var problem in NameGrammar.ProblemsOfLabelValue(value))
            {
                throw new FormatException($"values[0][{requirement.Key}]: Invalid value: \"{value}\": {problem}");
            }
        }

        return requirement;
    }
}
