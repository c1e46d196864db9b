using RaftKv.Cli.Commands.Text;

namespace RaftKv.Cli.Commands.Flags;

/// <summary>
/// The flags of a command, and how a command line is split into them and arguments. The same rules as etcdctl's: flags
/// and arguments may be mixed, "--" ends the flags, a value follows '=' or comes next, a letter may have its value
/// right behind it.
/// </summary>
internal sealed class FlagSet
{
    private readonly List<Flag> _flags = [];

    public IReadOnlyList<Flag> All => _flags;

    public Flag<bool> Switch(string name, string description, bool value = false, char? letter = null)
        => Add(new Flag<bool>(name, "", description, value, ParseSwitch) { Letter = letter });

    public Flag<string> Text(string name, string meaning, string description, string value = "", char? letter = null)
        => Add(new Flag<string>(name, meaning, description, value, text => text) { Letter = letter });

    public Flag<long> Number(string name, string description)
        => Add(new Flag<long>(name, "N", description, 0, GoNumber.Int64OfAnyRadix));

    /// <summary>A number that makes no sense below another, which etcdctl has no flags for.</summary>
    public Flag<int> Count(string name, string description, int value, int least = 1)
        => Add(new Flag<int>(name, "N", description, value, text => GoNumber.Int64OfAnyRadix(text) switch
        {
            var number when number < least => throw new FormatException($"it is {least} at least"),
            > int.MaxValue => throw new FormatException($"it is {int.MaxValue} at most"),
            var number => (int)number,
        }));

    public Flag<TimeSpan> Duration(string name, string description, TimeSpan value)
        => Add(new Flag<TimeSpan>(name, "DURATION", description, value, GoDuration.Parse));

    public ListFlag List(string name, string meaning, string description, params string[] values)
        => Add(new ListFlag(name, meaning, description, values));

    /// <exception cref="CommandFailure">A flag is unknown, or has no value or a wrong one.</exception>
    public ParsedArguments Parse(IEnumerable<string> commandLine)
    {
        var arguments = new List<string>();
        var tokens = new Queue<string>(commandLine);
        while (tokens.TryDequeue(out var token))
        {
            if (token == "--")
            {
                return new ParsedArguments([.. arguments, .. tokens], arguments.Count);
            }

            if (token.StartsWith("--", StringComparison.Ordinal))
            {
                TakeLong(token[2..], tokens);
            }
            else if (token.Length > 1 && token[0] == '-')
            {
                TakeLetters(token, tokens);
            }
            else
            {
                arguments.Add(token);
            }
        }

        return new ParsedArguments(arguments, null);
    }

    /// <summary>How many tokens a flag at the start of a command line takes; 0 where there is none of ours.</summary>
    public int LengthOfFirst(IReadOnlyList<string> tokens)
    {
        var (name, hasValue) = tokens[0] switch
        {
            ['-', '-', .. var rest] => (rest.Split('=', 2)[0], rest.Contains('=', StringComparison.Ordinal)),
            ['-', var letter, .. var rest] => (_flags.Find(flag => flag.Letter == letter)?.Name, rest.Length > 0),
            _ => (null, false),
        };
        return Find(name) is { } flag ? flag.IsSwitch || hasValue ? 1 : 2 : 0;
    }

    public Flag? Find(string? name) => _flags.Find(flag => flag.Name == name);

    private static bool ParseSwitch(string text) => text switch
    {
        "1" or "t" or "T" or "true" or "TRUE" or "True" => true,
        "0" or "f" or "F" or "false" or "FALSE" or "False" => false,
        _ => throw new FormatException($"strconv.ParseBool: parsing {GoQuoted.Of(text)}: invalid syntax"),
    };

    private static void Set(Flag flag, string text, string written)
    {
        try
        {
            flag.Set(text);
        }
        catch (FormatException wrong)
        {
            throw new CommandFailure(ExitCode.Error, $"invalid argument {GoQuoted.Of(text)} for \"{written}\" flag: {wrong.Message}", wrong);
        }
    }

    private T Add<T>(T flag)
        where T : Flag
    {
        _flags.Add(flag);
        return flag;
    }

    private void TakeLong(string token, Queue<string> tokens)
    {
        var parts = token.Split('=', 2);
        var flag = Find(parts[0]) ?? throw new CommandFailure(ExitCode.Error, $"unknown flag: --{parts[0]}{Suggestion(parts[0])}");
        var text = parts.Length == 2 ? parts[1] : flag.IsSwitch ? "true" : Next(tokens, $"--{flag.Name}");
        Set(flag, text, $"--{flag.Name}");
    }

    private void TakeLetters(string token, Queue<string> tokens)
    {
        for (var i = 1; i < token.Length; i++)
        {
            var letter = token[i];
            var flag = _flags.Find(flag => flag.Letter == letter)
                ?? throw new CommandFailure(
                    ExitCode.Error, $"unknown shorthand flag: '{letter}' in {token} (an argument that begins with '-' goes behind \"--\")");
            if (flag.IsSwitch)
            {
                Set(flag, "true", $"-{letter}, --{flag.Name}");
                continue;
            }

            var rest = token[(i + 1)..];
            var text = rest.Length == 0 ? Next(tokens, $"'{letter}' in {token}") : rest[0] == '=' ? rest[1..] : rest;
            Set(flag, text, $"-{letter}, --{flag.Name}");
            return;
        }
    }

    private static string Next(Queue<string> tokens, string flag)
        => tokens.TryDequeue(out var value) ? value : throw new CommandFailure(ExitCode.Error, $"flag needs an argument: {flag}");

    private string Suggestion(string name)
        => _flags.Find(flag => Spelling.IsClose(flag.Name, name)) is { } flag ? $" (did you mean --{flag.Name}?)" : "";
}

/// <summary>What is left of a command line when its flags are taken out.</summary>
/// <param name="All">The arguments in their order.</param>
/// <param name="BeforeDashes">How many of them came before "--"; null where there was none.</param>
internal sealed record ParsedArguments(IReadOnlyList<string> All, int? BeforeDashes)
{
    public int Count => All.Count;

    public string this[int index] => All[index];
}
