using System.Globalization;

namespace RaftKv.Faults.CommandLine;

/// <summary>A command line that cannot be meant; the text says why, and what may have been.</summary>
internal sealed class UsageException(string message) : Exception(message);

/// <summary>The flags of a command: each with a value, given as "--flag value" or "--flag=value".</summary>
internal sealed class Arguments
{
    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);

    /// <exception cref="UsageException">There is no such flag, or it has no value, or comes twice.</exception>
    public Arguments(IReadOnlyList<string> words, IReadOnlyList<string> flags)
    {
        for (var i = 0; i < words.Count; i++)
        {
            if (!words[i].StartsWith("--", StringComparison.Ordinal))
            {
                Others.Add(words[i]);
                continue;
            }

            var parts = words[i].Split('=', 2);
            var flag = parts[0];
            if (!flags.Contains(flag))
            {
                throw new UsageException($"There is no flag '{flag}'.{Suggestion(flag, flags)}");
            }

            var value = parts.Length == 2 ? parts[1] : ++i < words.Count ? words[i] : throw new UsageException($"'{flag}' needs a value.");
            if (!_values.TryAdd(flag, value))
            {
                throw new UsageException($"'{flag}' is given twice.");
            }
        }
    }

    /// <summary>What is no flag.</summary>
    public List<string> Others { get; } = [];

    public string? Text(string flag) => _values.GetValueOrDefault(flag);

    /// <exception cref="UsageException">It is missing.</exception>
    public string Needed(string flag) => Text(flag) ?? throw new UsageException($"'{flag}' is missing.");

    /// <exception cref="UsageException">It is no number, or not between these.</exception>
    public int Number(string flag, int usual, int least, int most)
    {
        if (Text(flag) is not { } text)
        {
            return usual;
        }

        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most
            ? number
            : throw new UsageException($"'{flag}' is '{text}'; it must be a number from {least} to {most}.");
    }

    /// <exception cref="UsageException">It is none of the choices.</exception>
    public static string Choice(string flag, string value, IReadOnlyList<string> choices)
        => choices.Contains(value) ? value : throw new UsageException($"'{flag}' is '{value}', which there is not.{Suggestion(value, choices)} There are: {string.Join(", ", choices)}.");

    /// <summary>" Did you mean '...'?", if something is near.</summary>
    public static string Suggestion(string word, IEnumerable<string> choices)
    {
        var near = choices.Select(choice => (choice, Distance: Distance(word, choice))).OrderBy(one => one.Distance).FirstOrDefault();
        return near.choice is not null && near.Distance <= Math.Max(2, word.Length / 3) ? $" Did you mean '{near.choice}'?" : "";
    }

    /// <summary>How many letters have to be changed, added or taken away.</summary>
    private static int Distance(string one, string other)
    {
        var row = Enumerable.Range(0, other.Length + 1).ToArray();
        for (var i = 1; i <= one.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= other.Length; j++)
            {
                var replaced = diagonal + (one[i - 1] == other[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[^1];
    }
}
