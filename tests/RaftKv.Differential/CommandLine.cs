using System.Globalization;

namespace RaftKv.Differential;

/// <summary>What is asked for on the command line.</summary>
internal sealed record CommandLine
{
    public const string Usage =
        """
        differential run [--seeds N] [--seconds N] [--first-seed S] [--operations N] [--failures N] [--left STORE] [--right STORE] [--members N] [--member N]
        differential replay FILE [--left STORE] [--right STORE] [--members N] [--member N]
        differential print [--first-seed S] [--operations N]
          STORE is etcd, raftkv, or the address of one that runs; --member says which member answers, from 1.
          It goes on until so many --failures were found, normally one, or so many --seconds have gone by.
        """;

    public string Verb { get; private init; } = "run";

    public string? File { get; private init; }

    public int Seeds { get; private init; } = 100;

    public int FirstSeed { get; private init; } = 1;

    public int Operations { get; private init; } = 40;

    public int Failures { get; private init; } = 1;

    public TimeSpan Time { get; private init; } = TimeSpan.MaxValue;

    public string Left { get; private init; } = "etcd";

    public string Right { get; private init; } = "raftkv";

    public int Members { get; private init; } = 1;

    public int Member { get; private init; } = 1;

    /// <exception cref="ArgumentException">It cannot be understood.</exception>
    public static CommandLine Parse(IReadOnlyList<string> arguments)
    {
        var line = new CommandLine();
        var words = new Queue<string>(arguments);
        if (words.TryDequeue(out var verb))
        {
            line = line with { Verb = verb };
        }

        if (line.Verb == "replay")
        {
            line = line with { File = Next("the script's file") };
        }

        while (words.TryDequeue(out var option))
        {
            line = option switch
            {
                "--seeds" => line with { Seeds = Number(option) },
                "--first-seed" => line with { FirstSeed = Number(option) },
                "--operations" => line with { Operations = Number(option) },
                "--failures" => line with { Failures = Number(option) },
                "--seconds" => line with { Time = TimeSpan.FromSeconds(Number(option)) },
                "--left" => line with { Left = Next(option) },
                "--right" => line with { Right = Next(option) },
                "--members" => line with { Members = Number(option) },
                "--member" => line with { Member = Number(option) },
                _ => throw new ArgumentException($"'{option}' is no option."),
            };
        }

        return line.Member >= 1 && line.Member <= line.Members ? line : throw new ArgumentException("--member is from 1 to --members.");

        string Next(string what) => words.TryDequeue(out var word) ? word : throw new ArgumentException($"{what} is missing.");

        int Number(string option)
            => int.TryParse(Next(option), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                ? number
                : throw new ArgumentException($"{option} takes a number.");
    }
}
