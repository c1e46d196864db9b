namespace RaftKv.Cli.Commands.Text;

/// <summary>
/// A command on one line as its words. Blanks separate them; double quotes hold a string as Go writes it, single quotes
/// one as it is.
/// </summary>
internal static class CommandWords
{
    /// <exception cref="CommandFailure">A quote has no end, or what it holds is no string of Go's.</exception>
    public static IReadOnlyList<string> Split(string line)
    {
        var words = new List<string>();
        var rest = line.AsSpan().TrimStart();
        while (!rest.IsEmpty)
        {
            var length = Read(rest, out var word);
            if (length == 0)
            {
                throw new CommandFailure(ExitCode.InvalidInput, $"a quoted word has no end, or holds an unknown escape: {rest}");
            }

            words.Add(word);
            rest = rest[length..].TrimStart();
        }

        return words;
    }

    /// <summary>A word as a shell takes it: in quotes if it needs them.</summary>
    public static string Quoted(string word)
        => word.Length > 0 && word.All(one => char.IsAsciiLetterOrDigit(one) || "-_./:=,@%+".Contains(one, StringComparison.Ordinal))
            ? word
            : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    private static int Read(ReadOnlySpan<char> text, out string word)
    {
        word = "";
        if (text[0] == '"')
        {
            var length = GoQuoted.Read(text, out var bytes);
            word = ByteText.Decode(bytes);
            return length;
        }

        if (text[0] == '\'')
        {
            var end = text[1..].IndexOf('\'');
            word = end < 0 ? "" : text[1..(end + 1)].ToString();
            return end < 0 ? 0 : end + 2;
        }

        var blank = text.IndexOfAny(" \t\r");
        word = (blank < 0 ? text : text[..blank]).ToString();
        return word.Length;
    }
}
