using System.Diagnostics;
using System.Globalization;
using RaftKv.Simulation;

// The only place that knows of real time: to say how fast it was.
const ulong RepeatedEvery = 50;

CommandLine line;
try
{
    line = CommandLine.Parse(args);
}
catch (ArgumentException mistake)
{
    Console.Error.WriteLine($"{mistake.Message}\n{CommandLine.Usage}");
    return 2;
}

switch (line.Verb)
{
    case "run":
        return RunSeeds(line);
    case "shrink":
        return ShrinkSeed(line);
    case "plan":
        Console.WriteLine(line.Plan(line.FirstSeed));
        return 0;
    case "list":
        List();
        return 0;
    default:
        Console.Error.WriteLine($"'{line.Verb}' is not something to do.\n{CommandLine.Usage}");
        return 2;
}

static int RunSeeds(CommandLine line)
{
    var watch = Stopwatch.StartNew();
    var (steps, operations, virtualNanos, failures, runs) = (0L, 0L, 0L, 0, 0L);
    var hash = 0UL;
    for (var seed = line.FirstSeed; seed - line.FirstSeed < line.Seeds; seed++)
    {
        var plan = line.Plan(seed);
        if (line.IsVerbose)
        {
            Console.WriteLine(plan);
        }

        var result = Run.Of(plan, line.IsVerbose ? Console.Out : null);
        hash = (hash * 31) + result.HistoryHash;
        (steps, operations) = (steps + result.Steps, operations + result.Operations);
        (virtualNanos, runs) = (virtualNanos + result.VirtualNanos, runs + 1);
        if (result.Violation is { } violation)
        {
            failures++;
            Console.WriteLine($"FAILED seed {seed}: {violation.Message}");
            Console.WriteLine($"  replay: {line.Replay(seed, line.Edits)}");
            if (!line.KeepsGoing)
            {
                ShrinkIfAsked(line, seed, plan, violation);
                break;
            }
        }
        else if (seed % RepeatedEvery == 0 && Run.Of(plan).HistoryHash != result.HistoryHash)
        {
            failures++;
            Console.WriteLine($"FAILED seed {seed}: two runs of it went differently; the simulator is not deterministic");
            break;
        }
    }

    var seconds = watch.Elapsed.TotalSeconds;
    Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"{(failures == 0 ? "PASSED" : "FAILED")} {line.Scenario.Name}: {runs} seeds from {line.FirstSeed}, "
        + $"{failures} failed; {operations} operations, {steps} events, {virtualNanos / 1e9:0} virtual seconds "
        + $"in {seconds:0.0} s; {60 * runs / seconds:0} seeds/min, {steps / seconds:0} events/s; history {hash:x16}"));
    return failures == 0 ? 0 : 1;
}

static int ShrinkSeed(CommandLine line)
{
    var plan = line.Plan(line.FirstSeed);
    if (Run.Of(plan).Violation is not { } violation)
    {
        Console.WriteLine($"Nothing is wrong with seed {line.FirstSeed}.");
        return 0;
    }

    Console.WriteLine(violation.Message);
    ShrinkIfAsked(line, line.FirstSeed, plan, violation);
    return 1;
}

static void ShrinkIfAsked(CommandLine line, ulong seed, FaultPlan plan, Violation violation)
{
    // What is shrunk already stays as it is.
    if (line.Shrinks && line.Edits == PlanEdits.None)
    {
        Console.WriteLine($"  smaller: {line.Replay(seed, Shrink.Of(plan, violation))}");
    }
}

static void List()
{
    foreach (var scenario in Scenarios.All)
    {
        Console.WriteLine($"scenario {scenario.Name,-28} {scenario.Story}");
    }

    foreach (var mutation in Mutations.All)
    {
        Console.WriteLine(
            $"mutation {mutation.Name,-28} must be noticed within {mutation.SeedsMax} seeds of {mutation.Scenario}");
    }
}
