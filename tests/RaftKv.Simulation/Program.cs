using System.Diagnostics;
using RaftKv.Simulation;

var scenario = Scenarios.Find("swarm");
var seeds = 1000UL;
var first = 1UL;
for (var i = 1; i < args.Length; i++)
{
    switch (args[i])
    {
        case "--seeds": seeds = ulong.Parse(args[++i]); break;
        case "--first-seed": first = ulong.Parse(args[++i]); break;
        case "--scenario": scenario = Scenarios.Find(args[++i]); break;
    }
}

var verbose = args.Contains("--verbose");
var watch = Stopwatch.StartNew();
var steps = 0L;
var failed = 0;
var ops = 0L;
for (var seed = first; seed < first + seeds; seed++)
{
    var result = Run.Of(scenario.Draw(seed), verbose ? Console.Out : null);
    steps += result.Steps;
    ops += result.Operations;
    if (result.Violation is { } violation)
    {
        failed++;
        var lines = violation.Message.Split('\n');
        Console.WriteLine($"{seed}: {string.Join('\n', verbose ? lines : lines.Take(1))}");
    }
}

Console.WriteLine($"{seeds} seeds, {failed} failed, {seeds * 60 / watch.Elapsed.TotalSeconds:0} seeds/min, {steps / watch.Elapsed.TotalSeconds:0} events/s, {steps / (long)seeds} events/seed {ops / (long)seeds} ops/seed");
return failed == 0 ? 0 : 1;
