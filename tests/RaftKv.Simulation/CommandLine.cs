using System.Globalization;

namespace RaftKv.Simulation;

/// <summary>What is asked for on the command line.</summary>
internal sealed record CommandLine
{
    public const string Usage =
        """
        run     --seeds N [--first-seed S] [--scenario NAME] [--mutation NAME] [--verbose]
                [--edits WORDS] [--no-shrink] [--keep-going]
                exits 0 if every property holds in every history, 1 if not
        shrink  --first-seed S [--scenario NAME] [--mutation NAME]
        plan    --first-seed S [--scenario NAME]
        list    names scenarios and mutations
        """;

    public required string Verb { get; init; }

    public ulong Seeds { get; init; } = 1;

    public ulong FirstSeed { get; init; } = 1;

    public Scenario Scenario { get; init; } = Scenarios.All[0];

    public Mutation? Mutation { get; init; }

    public PlanEdits Edits { get; init; } = PlanEdits.None;

    public bool IsVerbose { get; init; }

    public bool Shrinks { get; init; } = true;

    public bool KeepsGoing { get; init; }

    /// <exception cref="ArgumentException">It is not understood; the message says what.</exception>
    public static CommandLine Parse(ReadOnlySpan<string> words)
    {
        if (words.IsEmpty)
        {
            throw new ArgumentException("Say what to do.");
        }

        var line = new CommandLine { Verb = words[0] };
        for (var i = 1; i < words.Length; i++)
        {
            line = words[i] switch
            {
                "--verbose" => line with { IsVerbose = true },
                "--no-shrink" => line with { Shrinks = false },
                "--keep-going" => line with { KeepsGoing = true },
                "--seeds" => line with { Seeds = Number(words, ++i) },
                "--first-seed" => line with { FirstSeed = Number(words, ++i) },
                "--scenario" => line with { Scenario = Scenarios.Find(Value(words, ++i)) },
                "--mutation" => line with { Mutation = Mutations.Find(Value(words, ++i)) },
                "--edits" => line with { Edits = PlanEdits.Parse(Value(words, ++i)) },
                _ => throw new ArgumentException($"'{words[i]}' is not an option."),
            };
        }

        return line;
    }

    public FaultPlan Plan(ulong seed) => Edits.Apply(Mutation.Apply(Scenario.Draw(seed)));

    /// <summary>The command that brings a history back.</summary>
    public string Replay(ulong seed, PlanEdits edits)
    {
        var mutation = Mutation is null ? "" : $" --mutation {Mutation.Name}";
        var left = edits == PlanEdits.None ? "" : $" --edits {edits}";
        return "dotnet run -c Release --project tests/RaftKv.Simulation -- run --seeds 1 "
            + $"--first-seed {seed} --scenario {Scenario.Name}{mutation}{left} --verbose";
    }

    private static string Value(ReadOnlySpan<string> words, int i)
        => i < words.Length ? words[i] : throw new ArgumentException($"'{words[i - 1]}' wants a value.");

    private static ulong Number(ReadOnlySpan<string> words, int i)
        => ulong.TryParse(Value(words, i), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new ArgumentException($"'{words[i]}' is not a number.");
}
