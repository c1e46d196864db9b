namespace RaftKv.Cli.Commands.Flags;

/// <summary>One flag of a command: its name, what it means, and how its text is read.</summary>
internal abstract class Flag(string name, string meaning, string description)
{
    public string Name { get; } = name;

    /// <summary>What stands for the value in a help text; empty for a switch.</summary>
    public string Meaning { get; } = meaning;

    public string Description { get; } = description;

    /// <summary>The one letter it may be written as, after a single dash.</summary>
    public char? Letter { get; init; }

    public bool IsSwitch => Meaning.Length == 0;

    /// <summary>Whether the command line, or the environment, gave it.</summary>
    public bool IsSet { get; private set; }

    /// <exception cref="FormatException">The text is no value of this flag; the message says why.</exception>
    public void Set(string text)
    {
        Take(text);
        IsSet = true;
    }

    protected abstract void Take(string text);
}

/// <summary>A flag that holds one value, the last one given.</summary>
internal sealed class Flag<T>(string name, string meaning, string description, T value, Func<string, T> parse)
    : Flag(name, meaning, description)
{
    public T Value { get; private set; } = value;

    protected override void Take(string text) => Value = parse(text);
}

/// <summary>A flag that may be given several times, and takes several values at once with commas between.</summary>
internal sealed class ListFlag(string name, string meaning, string description, params string[] values)
    : Flag(name, meaning, description)
{
    public IReadOnlyList<string> Values { get; private set; } = values;

    /// <summary>Puts others in the place of what was given.</summary>
    public void Replace(IEnumerable<string> others) => Values = [.. others];

    protected override void Take(string text)
    {
        var given = text.Length == 0 ? [] : text.Split(',', StringSplitOptions.TrimEntries);
        Values = IsSet ? [.. Values, .. given] : given;
    }
}
