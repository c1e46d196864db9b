using BenchmarkDotNet.Running;
using RaftKv.Benchmarks.Raft;
using RaftKv.Benchmarks.Wal;

// "plain raft" and "plain wal [folder]" measure by themselves, in seconds: the one to within a few percent, the other
// beside raw writes in the same run. Without "plain", BenchmarkDotNet's own arguments.
switch (args)
{
    case ["plain", "raft", ..]:
        RaftCorePlain.Run();
        break;
    case ["plain", "wal", .. var folder]:
        WalAgainstRawWrites.Run(folder is [var path, ..] ? path : Path.GetTempPath());
        break;
    default:
        BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
        break;
}
