using System.Diagnostics;
using System.Globalization;
using RaftKv.Load;

// Load on whole clusters, and what it costs them. Both kinds take turns in every round, so that a noisy machine is noisy for
// both; ratios are of medians.
//
//   dotnet run -c Release --project bench/RaftKv.Load -- [compare|raftkv|etcd] [--work NAME,...] [--members N]
//       [--seconds S] [--rounds N] [--warm-up S] [--folder PATH] [--raftkv PATH-OF-raftkv.dll]
//
// Works: put1, put100, put1000 (clients, of 256-byte values), get (linearizable), sget (serializable), txn.
var members = Option("--members", 3);
var seconds = Option("--seconds", 5);
var rounds = Option("--rounds", 3);
var warmUp = Option("--warm-up", 15);
var folder = Text("--folder", Path.GetTempPath());
var wanted = Text("--work", "put1,put100,put1000,get,sget,txn").Split(',');
Cluster.RaftKv = Text("--raftkv", "") is { Length: > 0 } path ? path : null;
string[] kinds = args.FirstOrDefault() switch
{
    "raftkv" => ["raftkv"],
    "etcd" => ["etcd"],
    _ => ["etcd", "raftkv"],
};
const int KeyCount = 100_000;
const int ValueBytes = 256;
var works = new Dictionary<string, (int Clients, int Connections, Func<int, IWorkload> Make)>(StringComparer.Ordinal)
{
    ["put1"] = (1, 1, _ => new Puts(KeyCount, ValueBytes)),
    ["put50"] = (50, 5, _ => new Puts(KeyCount, ValueBytes)),
    ["put100"] = (100, 10, _ => new Puts(KeyCount, ValueBytes)),
    ["put300"] = (300, 30, _ => new Puts(KeyCount, ValueBytes)),
    ["put1000"] = (1000, 100, _ => new Puts(KeyCount, ValueBytes)),
    ["get"] = (100, 10, _ => new Gets(KeyCount, isSerializable: false)),
    ["sget"] = (100, 10, _ => new Gets(KeyCount, isSerializable: true)),
    ["txn"] = (50, 5, clients => new Transactions(KeyCount, ValueBytes, clients)),
};
Console.WriteLine($"{members} members, {ValueBytes}-byte values, {seconds} s, medians of {rounds} rounds");
Console.WriteLine("| work | kind | per second | mean ms | p50 | p99 | member CPU us per op | RSS MB of all | refused |");
Console.WriteLine("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
var results = new Dictionary<(string Work, string Kind), List<Result>>();
for (var round = 0; round < rounds; round++)
{
    foreach (var kind in round % 2 == 0 ? kinds : kinds.Reverse())
    {
        await using var cluster = await Cluster.StartAsync(kind, members, folder);

        // Every key is there for the reads, and what is hot has been compiled.
        await RunAsync(cluster, 50, 5, new Puts(KeyCount, ValueBytes), warmUp);
        foreach (var name in wanted)
        {
            var (clients, connections, make) = works[name];
            var result = await RunAsync(cluster, clients, connections, make(clients), seconds);
            if (!results.TryGetValue((name, kind), out var of))
            {
                results.Add((name, kind), of = []);
            }

            of.Add(result);
        }
    }
}

foreach (var name in wanted)
{
    foreach (var kind in kinds)
    {
        var of = results[(name, kind)];
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {name} | {kind} | {Median(of, r => r.PerSecond):N0} | {Median(of, r => r.MeanMs):F2} | {Median(of, r => r.P50):F2} | {Median(of, r => r.P99):F2} | {Median(of, r => r.CpuUs):F1} | {Median(of, r => r.ResidentMb):F0} | {of.Sum(r => r.Refused)} |"));
    }

    if (kinds.Length == 2)
    {
        var (etcd, ours) = (results[(name, "etcd")], results[(name, "raftkv")]);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {name} | ratio | {Ratio(r => r.PerSecond):F2}x | {Ratio(r => r.MeanMs):F2}x | {Ratio(r => r.P50):F2}x | {Ratio(r => r.P99):F2}x | {Ratio(r => r.CpuUs):F2}x | {Ratio(r => r.ResidentMb):F2}x | |"));

        double Ratio(Func<Result, double> value) => Median(ours, value) / Median(etcd, value);
    }
}

return 0;

static async Task<Result> RunAsync(Cluster cluster, int clients, int connections, IWorkload work, int seconds)
{
    var all = new List<LoadConnection>();
    for (var i = 0; i < connections; i++)
    {
        var server = cluster.Clients[i % cluster.Clients.Count];
        var first = clients * i / connections;
        var connection = new LoadConnection(work, server.ToString(), first, (clients * (i + 1) / connections) - first, seed: i);
        await connection.ConnectAsync(server);
        all.Add(connection);
    }

    var warm = Stopwatch.GetTimestamp() + Stopwatch.Frequency;
    var end = warm + (seconds * Stopwatch.Frequency);
    var running = Task.WhenAll(all.Select(connection => Task.Run(() => connection.RunAsync(warm, end))));
    await Task.Delay(TimeSpan.FromSeconds(1));
    var cpu = cluster.CpuSeconds;
    var since = Stopwatch.GetTimestamp();
    await running;
    var elapsed = Stopwatch.GetElapsedTime(since).TotalSeconds;
    cpu = cluster.CpuSeconds - cpu;
    var latencies = new Latencies();
    foreach (var connection in all)
    {
        latencies.Add(connection.Latencies);
        connection.Dispose();
    }

    return new Result(
        latencies.Count / elapsed,
        latencies.MeanMs,
        latencies.QuantileMs(0.5),
        latencies.QuantileMs(0.99),
        cpu * 1e6 / Math.Max(1, latencies.Count),
        cluster.ResidentBytes / 1e6,
        all.Sum(connection => connection.Refused));
}

static double Median(List<Result> results, Func<Result, double> value)
    => results.Select(value).Order().ElementAt(results.Count / 2);

int Option(string name, int standard) => int.Parse(Text(name, standard.ToString(CultureInfo.InvariantCulture)), CultureInfo.InvariantCulture);

string Text(string name, string standard)
{
    var at = Array.IndexOf(args, name);
    return at >= 0 && at + 1 < args.Length ? args[at + 1] : standard;
}

internal sealed record Result(double PerSecond, double MeanMs, double P50, double P99, double CpuUs, double ResidentMb, long Refused);
