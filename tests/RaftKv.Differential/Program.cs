using System.Diagnostics;
using System.Globalization;
using RaftKv.Differential;
using RaftKv.Differential.Comparing;
using RaftKv.Differential.Sequences;
using RaftKv.Stores;

// More than a shrink has needed so far.
const int MostRuns = 1000;

CommandLine line;
try
{
    line = CommandLine.Parse(args);
    switch (line.Verb)
    {
        case "print":
            Console.Write(Script.Write(Generator.Generate(line.FirstSeed, line.Operations)));
            return 0;
        case "replay":
            return await WithPairAsync(ReplayAsync);
        case "run":
            return await WithPairAsync(RunAsync);
        default:
            Console.Error.WriteLine($"'{line.Verb}' is not something to do.\n{CommandLine.Usage}");
            return 2;
    }
}
catch (ArgumentException mistake)
{
    Console.Error.WriteLine($"{mistake.Message}\n{CommandLine.Usage}");
    return 2;
}
catch (StoreException trouble)
{
    Console.Error.WriteLine(trouble.Message);
    return 3;
}

async Task<int> WithPairAsync(Func<StorePair, Task<int>> work)
{
    var (left, leftStore) = await FindAsync(line.Left);
    await using var ownLeft = leftStore;
    var (right, rightStore) = await FindAsync(line.Right);
    await using var ownRight = rightStore;
    await using var pair = await StorePair.ConnectAsync(left, right);
    try
    {
        return await work(pair);
    }
    catch (StoreException)
    {
        Console.Error.WriteLine($"left, lastly:\n{leftStore?.Members[line.Member - 1].Log}");
        Console.Error.WriteLine($"right, lastly:\n{rightStore?.Members[line.Member - 1].Log}");
        throw;
    }
}

async Task<(Uri Address, StoreProcess? Store)> FindAsync(string name)
{
    if (Uri.TryCreate(name, UriKind.Absolute, out var address))
    {
        return (address, null);
    }

    var program = name switch
    {
        "etcd" => StoreProgram.FindEtcd() ?? throw new StoreException("There is no etcd on the PATH; it comes with Debian's package 'etcd-server'."),
        "raftkv" => StoreProgram.FindRaftKv() ?? throw new StoreException("raftkv is not built."),
        _ => throw new ArgumentException($"'{name}' is no store."),
    };
    var store = await StoreProcess.StartAsync(program, line.Members);
    return (store.Members[line.Member - 1].Client, store);
}

async Task<int> ReplayAsync(StorePair pair)
{
    var operations = Script.Parse(await File.ReadAllTextAsync(line.File!));
    var difference = await pair.RunAsync(operations);
    Console.WriteLine(difference?.ToString() ?? $"Both answer {operations.Count} operations alike.");
    return difference is null ? 0 : 1;
}

async Task<int> RunAsync(StorePair pair)
{
    var watch = Stopwatch.StartNew();
    var failures = 0;
    var seeds = 0;
    for (var seed = line.FirstSeed; HasMore(); seed++)
    {
        seeds++;
        var operations = Generator.Generate(seed, line.Operations);
        try
        {
            if (await pair.RunAsync(operations) is { } difference)
            {
                failures++;
                await ReportAsync(pair, seed, operations, difference);
            }
        }
        catch (StoreException)
        {
            Console.WriteLine($"# seed {seed} ended a store\n{Script.Write(operations)}");
            throw;
        }
    }

    foreach (var (outcome, count) in pair.Comparison.Outcomes)
    {
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{count,8} {outcome}"));
    }

    var known = string.Join(", ", pair.Comparison.Known.Select(entry => $"{entry.Key} ({entry.Value})"));
    Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"{(failures == 0 ? "PASSED" : $"FAILED {failures} of")} {line.Left} against {line.Right}: {seeds} sequences of {line.Operations} operations from seed {line.FirstSeed} "
        + $"in {watch.Elapsed.TotalSeconds:0.0} s; known differences: {(known.Length > 0 ? known : "none")}"));
    return failures == 0 ? 0 : 1;

    bool HasMore() => seeds < line.Seeds && failures < line.Failures && watch.Elapsed < line.Time;
}

async Task ReportAsync(StorePair pair, int seed, IReadOnlyList<Operation> operations, Difference difference)
{
    Console.WriteLine($"FAILED seed {seed}: {difference}");
    var (smallest, remaining) = await new Shrinker(pair.RunAsync, MostRuns).ShrinkAsync(operations, difference);
    Console.WriteLine($"\nSmaller; kept as a file it can be replayed:\n# seed {seed}: {remaining.ToString().Replace("\n", "\n# ", StringComparison.Ordinal)}");
    Console.Write(Script.Write(smallest));
}
