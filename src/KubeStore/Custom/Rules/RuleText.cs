using System.Globalization;
using System.Text;

namespace KubeStore.Custom.Rules;

internal enum PieceKind
{
    End,
    Name,
    Whole,
    Number,
    Text,
    Sign,
}

/// <summary>A word, a literal or a sign of an expression, and where it stands.</summary>
internal readonly record struct Piece(PieceKind Kind, string Text, int At, object? Value = null);

/// <summary>Takes an expression of the Common Expression Language apart.</summary>
internal static class RuleText
{
    private static readonly string[] Signs = ["&&", "||", "==", "!=", "<=", ">=", ".?", "[?", "(", ")", "[", "]", "{", "}", ",", ":", "?", ".", "+", "-", "*", "/", "%", "<", ">", "!"];

    /// <exception cref="FormatException">It cannot be read; the message says where.</exception>
    public static List<Piece> Pieces(string text)
    {
        var pieces = new List<Piece>();
        var at = 0;
        while (at < text.Length)
        {
            var letter = text[at];
            if (char.IsWhiteSpace(letter))
            {
                at++;
            }
            else if (letter == '/' && at + 1 < text.Length && text[at + 1] == '/')
            {
                at = text.IndexOf('\n', at) is >= 0 and var end ? end : text.Length;
            }
            else if (Quote(text, at) is { } quote)
            {
                pieces.Add(Literal(text, ref at, quote));
            }
            else if (char.IsAsciiLetter(letter) || letter == '_')
            {
                var start = at;
                while (at < text.Length && (char.IsAsciiLetterOrDigit(text[at]) || text[at] == '_'))
                {
                    at++;
                }

                pieces.Add(new(PieceKind.Name, text[start..at], start));
            }
            else if (char.IsAsciiDigit(letter) || (letter == '.' && at + 1 < text.Length && char.IsAsciiDigit(text[at + 1])))
            {
                pieces.Add(Number(text, ref at));
            }
            else
            {
                var sign = Signs.FirstOrDefault(one => string.CompareOrdinal(text, at, one, 0, one.Length) == 0)
                    ?? throw new FormatException($"Syntax error: token recognition error at: '{letter}' (character {at + 1})");
                pieces.Add(new(PieceKind.Sign, sign, at));
                at += sign.Length;
            }
        }

        pieces.Add(new(PieceKind.End, "<EOF>", text.Length));
        return pieces;
    }

    // r"…" is raw, b"…" would be bytes, which nothing here has.
    private static (bool IsRaw, string Mark, int Length)? Quote(string text, int at)
    {
        var start = at;
        var isRaw = text[at] is 'r' or 'R';
        at += isRaw ? 1 : 0;
        if (at >= text.Length || text[at] is not ('"' or '\''))
        {
            return null;
        }

        var triple = new string(text[at], 3);
        var mark = string.CompareOrdinal(text, at, triple, 0, 3) == 0 ? triple : text[at].ToString();
        return (isRaw, mark, at - start + mark.Length);
    }

    private static Piece Literal(string text, ref int at, (bool IsRaw, string Mark, int Length) quote)
    {
        var start = at;
        at += quote.Length;
        var value = new StringBuilder();
        while (at < text.Length)
        {
            if (string.CompareOrdinal(text, at, quote.Mark, 0, quote.Mark.Length) == 0)
            {
                at += quote.Mark.Length;
                return new(PieceKind.Text, text[start..at], start, value.ToString());
            }

            if (text[at] != '\\' || quote.IsRaw)
            {
                value.Append(text[at++]);
            }
            else if (at + 1 < text.Length)
            {
                Escaped(text, ref at, value);
            }
            else
            {
                break;
            }
        }

        throw new FormatException($"Syntax error: a text that begins at character {start + 1} does not end");
    }

    private static void Escaped(string text, ref int at, StringBuilder value)
    {
        var letter = text[at + 1];
        var digits = letter switch { 'x' or 'X' => 2, 'u' => 4, 'U' => 8, _ => 0 };
        at += 2;
        if (digits > 0)
        {
            if (at + digits > text.Length || !int.TryParse(text.AsSpan(at, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code) || !Rune.IsValid(code))
            {
                throw new FormatException($"Syntax error: no letter at character {at + 1}");
            }

            value.Append(new Rune(code).ToString());
            at += digits;
            return;
        }

        value.Append(letter switch
        {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'a' => '\a',
            'b' => '\b',
            'f' => '\f',
            'v' => '\v',
            '\\' or '"' or '\'' or '`' or '?' => letter,
            _ => throw new FormatException($"Syntax error: unknown escape '\\{letter}' at character {at - 1}"),
        });
    }

    private static Piece Number(string text, ref int at)
    {
        var start = at;
        if (text[at] == '0' && at + 1 < text.Length && text[at + 1] is 'x' or 'X')
        {
            at += 2;
            while (at < text.Length && char.IsAsciiHexDigit(text[at]))
            {
                at++;
            }

            var hex = text[(start + 2)..at];
            SkipUnsigned(text, ref at);
            return long.TryParse(hex, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var number)
                ? new(PieceKind.Whole, text[start..at], start, number)
                : throw new FormatException($"Syntax error: no number at character {start + 1}");
        }

        while (at < text.Length && (char.IsAsciiDigit(text[at]) || text[at] == '.' || text[at] is 'e' or 'E' || (text[at] is '+' or '-' && text[at - 1] is 'e' or 'E')))
        {
            // A method of a number begins with a dot, too.
            if (text[at] == '.' && (at + 1 == text.Length || !char.IsAsciiDigit(text[at + 1])))
            {
                break;
            }

            at++;
        }

        var written = text[start..at];
        if (long.TryParse(written, NumberStyles.None, CultureInfo.InvariantCulture, out var whole))
        {
            SkipUnsigned(text, ref at);
            return new(PieceKind.Whole, written, start, whole);
        }

        return double.TryParse(written, NumberStyles.Float, CultureInfo.InvariantCulture, out var real)
            ? new(PieceKind.Number, written, start, real)
            : throw new FormatException($"Syntax error: no number at character {start + 1}");
    }

    private static void SkipUnsigned(string text, ref int at) => at += at < text.Length && text[at] is 'u' or 'U' ? 1 : 0;
}
