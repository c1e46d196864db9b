using RaftKv.Faults.CommandLine;

namespace RaftKv.Faults.Tests.Running;

/// <summary>
/// Real processes, when asked for: RAFTKV_FAULTS=short makes two short runs. They have a machine's time for themselves or say
/// nothing, so the suite does not make them beside others; the smoke set is a step of its own of .ci/run.
/// </summary>
public sealed class RealRunTests
{
    private static readonly string? Asked = Environment.GetEnvironmentVariable("RAFTKV_FAULTS");

    [Theory]
    [InlineData("register", "kill-leader")]
    [InlineData("lock-unsafe", "none")]
    public async Task A_short_run_on_real_processes_passes(string workload, string nemesis)
    {
        Assert.SkipUnless(Asked == "short", "RAFTKV_FAULTS=short runs it; it takes about ten seconds.");
        var folder = Directory.CreateTempSubdirectory("raftkv-faults-test-");
        try
        {
            // On a machine that has much else to do, too little may happen in a short time to show anything.
            for (var seconds = 4; ; seconds *= 2)
            {
                var (code, text) = await RunAsync($"run --workload {workload} --nemesis {nemesis} --time {seconds} --rate 60 --seed 1 --network proxies --out {folder.FullName}");
                if (code != FaultCommands.NotDecided || seconds > 30)
                {
                    Assert.True(code == FaultCommands.Passed, text);
                    return;
                }
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task<(int Code, string Text)> RunAsync(string line)
    {
        var told = new StringWriter();
        var complained = new StringWriter();

        var code = await new FaultCommands(TextWriter.Synchronized(told), complained).RunAsync(line.Split(' '));

        TestContext.Current.TestOutputHelper?.WriteLine($"{told}{complained}");
        Assert.SkipWhen(code == FaultCommands.NotPossible && complained.ToString().Contains("not built", StringComparison.Ordinal), complained.ToString());
        return (code, $"{told}{complained}");
    }
}
