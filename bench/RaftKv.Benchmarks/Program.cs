using System.Globalization;
using BenchmarkDotNet.Running;
using RaftKv.Benchmarks.Leases;
using RaftKv.Benchmarks.Mvcc;
using RaftKv.Benchmarks.Raft;
using RaftKv.Benchmarks.Wal;

// "plain raft", "plain index [keys]", "plain leases [count]" and "plain wal [folder]" measure by themselves, in seconds: all
// to within a few percent, the last beside raw writes in the same run. Without "plain", BenchmarkDotNet's own arguments.
switch (args)
{
    case ["plain", "raft", ..]:
        RaftCorePlain.Run();
        break;
    case ["plain", "wal", .. var folder]:
        WalAgainstRawWrites.Run(folder is [var path, ..] ? path : Path.GetTempPath());
        break;
    case ["plain", "index", .. var keys]:
        KeyIndexPlain.Run(keys is [var count, ..] ? int.Parse(count, CultureInfo.InvariantCulture) : 1_000_000);
        break;
    case ["plain", "leases", .. var leases]:
        LeasesPlain.Run(leases is [var number, ..] ? int.Parse(number, CultureInfo.InvariantCulture) : 1_000_000);
        break;
    default:
        BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
        break;
}
