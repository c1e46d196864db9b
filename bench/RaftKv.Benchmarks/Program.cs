using BenchmarkDotNet.Running;
using RaftKv.Benchmarks.Raft;

// "plain raft" answers in seconds and to within a few percent; without it, BenchmarkDotNet's own arguments.
if (args is ["plain", "raft", ..])
{
    RaftCorePlain.Run();
    return;
}

BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
