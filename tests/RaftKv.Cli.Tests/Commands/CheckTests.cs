using RaftKv.Cli.Commands;
using RaftKv.Cli.Commands.Checks;
using RaftKv.Load;
using RaftKv.Stores;

namespace RaftKv.Cli.Tests.Commands;

/// <summary>Checks of a cluster under load, and how they judge.</summary>
public sealed class CheckTests
{
    [Theory]
    [InlineData(150, 10, 0, "PASS: Throughput is 151 writes/s|PASS: Slowest request took 0.010000s|PASS: Stddev is 0.000000s|PASS|")]
    [InlineData(100, 10, 0, "FAIL: Throughput too low: 101 writes/s|PASS: Slowest request took 0.010000s|PASS: Stddev is 0.000000s|FAIL|")]
    [InlineData(150, 600, 0, "PASS: Throughput is 151 writes/s|Slowest request took too long: 0.600000s|PASS: Stddev is 0.000000s|FAIL|")]
    [InlineData(150, 10, 2, "PASS: Throughput is 151 writes/s|PASS: Slowest request took 0.010000s|PASS: Stddev is 0.000000s|FAIL: 2 writes were refused|FAIL|")]
    public void Each_measure_passes_or_fails(int perSecond, int milliseconds, int refused, string says)
    {
        var latencies = new Latencies();
        for (var i = 0; i < perSecond; i++)
        {
            latencies.Add(milliseconds * 1_000_000L);
        }

        using var stream = new MemoryStream();
        var output = new AnswerWriter(stream);
        var isGood = CheckPerfCommand.Judge(output, new LoadFigures(latencies, Seconds: 1, refused, CpuSeconds: 0), wanted: 150);
        output.Flush();

        Assert.Equal(says, System.Text.Encoding.UTF8.GetString(stream.ToArray()).Replace('\n', '|'));
        Assert.Equal(says.EndsWith("|PASS|", StringComparison.Ordinal), isGood);
    }

    [Fact]
    public void Uneven_answers_fail()
    {
        var latencies = new Latencies();
        latencies.Add(1_000_000);
        latencies.Add(401_000_000);
        using var stream = new MemoryStream();
        var output = new AnswerWriter(stream);

        Assert.False(CheckPerfCommand.Judge(output, new LoadFigures(latencies, Seconds: 1, Refused: 0, CpuSeconds: 0), wanted: 1));
        output.Flush();
        Assert.Contains("Stddev too high: 0.200000s", System.Text.Encoding.UTF8.GetString(stream.ToArray()), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cluster_is_checked_and_left_as_it_was()
    {
        var program = StoreProgram.FindRaftKv();
        Assert.SkipWhen(program is null, "raftkv is not built.");
        await using var member = await StoreProcess.StartAsync(program!, cancellation: TestContext.Current.CancellationToken);
        var endpoints = $"--endpoints={member.Endpoints}";

        var run = await CommandRun.OfAsync([endpoints, "check", "perf", "--duration=500ms", "--auto-compact", "--auto-defrag"]);

        // Whether a busy machine keeps the rate is not the question.
        Assert.Contains("Compacted with revision ", run.Output, StringComparison.Ordinal);
        Assert.Contains("Defragmented ", run.Output, StringComparison.Ordinal);
        Assert.Matches("(PASS|FAIL)\n$", run.Output);
        Assert.Equal("0\n", (await CommandRun.OfAsync([endpoints, "get", "", "--prefix", "--count-only"])).Output);
    }

    [Fact]
    public async Task Keys_of_others_are_not_deleted()
    {
        var program = StoreProgram.FindRaftKv();
        Assert.SkipWhen(program is null, "raftkv is not built.");
        await using var member = await StoreProcess.StartAsync(program!, cancellation: TestContext.Current.CancellationToken);
        var endpoints = $"--endpoints={member.Endpoints}";
        await CommandRun.OfAsync([endpoints, "put", "mine/1", "x"]);

        var run = await CommandRun.OfAsync([endpoints, "check", "perf", "--prefix=mine/"]);

        Assert.Equal(3, run.Code);
        Assert.Contains("prefix \"mine/\" has keys", run.Error, StringComparison.Ordinal);
        Assert.Equal("1\n", (await CommandRun.OfAsync([endpoints, "get", "", "--prefix", "--count-only"])).Output);
    }

    [Theory]
    [InlineData(4, "unknown load option huge", "perf", "--load=huge")]
    [InlineData(128, "--prefix must be 1 to 128 bytes long", "datascale", "--prefix=")]
    [InlineData(128, "takes flags only", "perf", "now")]
    public async Task What_cannot_be_meant_is_refused(int code, string says, params string[] arguments)
    {
        var run = await CommandRun.OfAsync(["check", .. arguments]);

        Assert.Equal(code, run.Code);
        Assert.Contains(says, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_metric_is_found_by_its_whole_name()
    {
        const string Text = "# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes_max 7\nprocess_resident_memory_bytes 8.5e+07\n";

        Assert.Equal(8.5e7, CheckDataScaleCommand.Find(Text, "process_resident_memory_bytes"));
        Assert.Null(CheckDataScaleCommand.Find(Text, "process_resident_memory"));
    }

    [Theory]
    [InlineData(0, 10, 0, "[..............................] 0 % 0 keys/s, ? left")]
    [InlineData(5, 10, 5, "[###############...............] 50 % 1 keys/s, 5s left")]
    [InlineData(10, 10, 5, "[##############################] 100 % 2 keys/s, 0s left")]
    public void Progress_is_a_line(long done, long total, int seconds, string line)
        => Assert.Equal(line, ProgressBar.Line(done, total, "keys", TimeSpan.FromSeconds(seconds)));
}
