namespace KubeStore.Custom.Rules;

/// <summary>Reads expressions.</summary>
/// <example><code>RuleParser.Read("self.replicas &lt;= self.max &amp;&amp; has(self.name)")</code></example>
internal sealed class RuleParser
{
    private const int MaxDepth = 100;

    // What is strung together is as deep, when it is evaluated, as it is long.
    private const int MaxPieces = 2000;

    private static readonly string[][] Levels = [["||"], ["&&"], ["==", "!=", "<", "<=", ">", ">=", "in"], ["+", "-"], ["*", "/", "%"]];

    private static readonly string[] Macros = ["all", "exists", "exists_one", "existsOne", "map", "filter"];

    private readonly List<Piece> _pieces;
    private int _at;
    private int _depth;

    private RuleParser(List<Piece> pieces) => _pieces = pieces;

    /// <exception cref="FormatException">It is no expression; the message says where it stops to be one.</exception>
    public static Expression Read(string text)
    {
        var pieces = RuleText.Pieces(text);
        var parser = pieces.Count <= MaxPieces ? new RuleParser(pieces) : throw new FormatException("Syntax error: the expression is too long");
        var whole = parser.Choice();
        return parser.Next.Kind == PieceKind.End ? whole : throw parser.Unexpected();
    }

    private Piece Next => _pieces[_at];

    private FormatException Unexpected() => new($"Syntax error: extraneous input '{Next.Text}' at character {Next.At + 1}");

    private bool Takes(string sign)
    {
        if (Next.Kind is PieceKind.Sign or PieceKind.Name && Next.Text == sign)
        {
            _at++;
            return true;
        }

        return false;
    }

    private void Needs(string sign)
    {
        if (!Takes(sign))
        {
            throw new FormatException($"Syntax error: missing '{sign}' at '{Next.Text}' (character {Next.At + 1})");
        }
    }

    private Expression Choice()
    {
        if (++_depth > MaxDepth)
        {
            throw new FormatException("Syntax error: the expression nests too deep");
        }

        var first = Level(0);
        if (Takes("?"))
        {
            var then = Level(0);
            Needs(":");
            first = new Expression.Choice(first, then, Choice());
        }

        _depth--;
        return first;
    }

    private Expression Level(int level)
    {
        if (level == Levels.Length)
        {
            return Unary();
        }

        var left = Level(level + 1);
        while (Next.Kind is PieceKind.Sign or PieceKind.Name && Levels[level].Contains(Next.Text))
        {
            var sign = Next.Text;
            _at++;
            left = new Expression.Binary(sign, left, Level(level + 1));
        }

        return left;
    }

    private Expression Unary()
    {
        if (++_depth > MaxDepth)
        {
            throw new FormatException("Syntax error: the expression nests too deep");
        }

        var value = Takes("!") ? new Expression.Unary("!", Unary()) : Takes("-") ? new Expression.Unary("-", Unary()) : Member();
        _depth--;
        return value;
    }

    private Expression Member()
    {
        var value = Primary();
        while (true)
        {
            if (Takes(".?"))
            {
                value = new Expression.Field(value, Word(), IsOptional: true);
            }
            else if (Takes("."))
            {
                var name = Word();
                value = Takes("(") ? Called(value, name) : new Expression.Field(value, name);
            }
            else if (Next is { Kind: PieceKind.Sign, Text: "[" or "[?" })
            {
                var isOptional = Next.Text == "[?";
                _at++;
                var index = Choice();
                Needs("]");
                value = new Expression.Element(value, index, isOptional);
            }
            else
            {
                return value;
            }
        }
    }

    private string Word()
    {
        if (Next.Kind != PieceKind.Name)
        {
            throw Unexpected();
        }

        return _pieces[_at++].Text;
    }

    private Expression Called(Expression of, string name)
    {
        var arguments = Arguments(")");
        return Macros.Contains(name) && arguments is [Expression.Name(var variable), .. var bodies] && bodies.Count is 1 or 2
            ? new Expression.Each(of, name, variable, bodies)
            : new Expression.Call(of, name, arguments);
    }

    private List<Expression> Arguments(string end)
    {
        var arguments = new List<Expression>();
        while (!Takes(end))
        {
            if (arguments.Count > 0)
            {
                Needs(",");
                if (Takes(end))
                {
                    break;
                }
            }

            arguments.Add(Choice());
        }

        return arguments;
    }

    private Expression Primary()
    {
        var piece = Next;
        switch (piece.Kind)
        {
            case PieceKind.Whole or PieceKind.Number or PieceKind.Text:
                _at++;
                return new Expression.Literal(piece.Value);
            case PieceKind.Name when piece.Text is "true" or "false":
                _at++;
                return new Expression.Literal(piece.Text == "true");
            case PieceKind.Name when piece.Text == "null":
                _at++;
                return new Expression.Literal(null);
            case PieceKind.Name when piece.Text != "in":
                _at++;
                return Takes("(") ? Function(piece) : new Expression.Name(piece.Text);
            case PieceKind.Sign when piece.Text == "(":
                _at++;
                var inner = Choice();
                Needs(")");
                return inner;
            case PieceKind.Sign when piece.Text == "[":
                _at++;
                return new Expression.List(Arguments("]"));
            case PieceKind.Sign when piece.Text == "{":
                _at++;
                return Map();
            default:
                throw Unexpected();
        }
    }

    private Expression Function(Piece name)
    {
        var arguments = Arguments(")");
        return (name.Text, arguments) switch
        {
            ("has", [Expression.Field field]) => field with { IsTest = true },
            ("has", _) => throw new FormatException($"invalid argument to has() macro at character {name.At + 1}"),
            _ => (Expression)new Expression.Call(null, name.Text, arguments),
        };
    }

    private Expression.Map Map()
    {
        var entries = new List<(Expression, Expression)>();
        while (!Takes("}"))
        {
            if (entries.Count > 0)
            {
                Needs(",");
            }

            var key = Choice();
            Needs(":");
            entries.Add((key, Choice()));
        }

        return new(entries);
    }
}
