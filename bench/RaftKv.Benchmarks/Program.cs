using System.Globalization;
using BenchmarkDotNet.Running;
using RaftKv.Benchmarks.Kube;
using RaftKv.Benchmarks.Leases;
using RaftKv.Benchmarks.Metrics;
using RaftKv.Benchmarks.Mvcc;
using RaftKv.Benchmarks.Peers;
using RaftKv.Benchmarks.Raft;
using RaftKv.Benchmarks.Records;
using RaftKv.Benchmarks.State;
using RaftKv.Benchmarks.Wal;
using RaftKv.Benchmarks.Watch;

// "plain NAME [arguments]" measures by itself, in seconds, to within a few percent; what stands on sockets or on the disk is
// measured beside raw sockets and raw writes in the same run. Without "plain", BenchmarkDotNet's own arguments.
var plain = new Dictionary<string, Func<string[], Task>>(StringComparer.Ordinal)
{
    ["raft"] = Now(_ => RaftCorePlain.Run()),
    ["wal"] = Now(folder => WalAgainstRawWrites.Run(folder.Length > 0 ? folder[0] : Path.GetTempPath())),
    ["peers"] = _ => PeerTransportPlain.RunAsync(),
    ["index"] = Now(KeyIndexPlain.Run),
    ["leases"] = Now(leases => LeasesPlain.Run(Count(leases, 1_000_000))),
    ["records"] = Now(RecordStorePlain.Run),
    ["apply"] = Now(ApplyPlain.Run),
    ["reads"] = Now(ReadPlain.InMemory),
    ["budget"] = Now(ReadPlain.OverBudget),
    ["open"] = MemberPlain.OpenAsync,
    ["compaction"] = MemberPlain.CompactionAsync,
    ["metrics"] = Now(MetricsPlain.Run),
    ["watch"] = Now(_ => WatchPlain.Run()),
    ["kube"] = KubePlain.RunAsync,
};

if (args is not ["plain", ..])
{
    BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
    return 0;
}

if (args is not [_, var name, ..] || !plain.TryGetValue(name, out var run))
{
    Console.Error.WriteLine("Which one? plain " + string.Join(" | ", plain.Keys));
    return 2;
}

await run(args[2..]);
return 0;

static Func<string[], Task> Now(Action<string[]> run) => arguments =>
{
    run(arguments);
    return Task.CompletedTask;
};

static int Count(string[] arguments, int otherwise) =>
    arguments.Length == 0 ? otherwise : int.Parse(arguments[0], CultureInfo.InvariantCulture);
