using RaftKv.Faults.CommandLine;

namespace RaftKv.Faults.Tests.CommandLine;

public sealed class CommandLineTests : IDisposable
{
    private readonly StringWriter _told = new();
    private readonly StringWriter _complained = new();

    [Theory]
    [InlineData("", "Say what to do.")]
    [InlineData("rnu", "'rnu' is nothing to do. Did you mean 'run'?")]
    [InlineData("run", "'--workload' is missing.")]
    [InlineData("run --workload registr --nemesis none", "'--workload' is 'registr', which there is not. Did you mean 'register'?")]
    [InlineData("run --workload register --nemesis kil-leader", "Did you mean 'kill-leader'?")]
    [InlineData("run --workload register --nemesis nonsense-of-the-day", "There are: none, kill-leader,")]
    [InlineData("run --worklaod register", "There is no flag '--worklaod'. Did you mean '--workload'?")]
    [InlineData("run --workload register --nemesis", "'--nemesis' needs a value.")]
    [InlineData("run --workload register --workload cas", "'--workload' is given twice.")]
    [InlineData("run --workload register --nemesis none --time soon", "'--time' is 'soon'; it must be a number from 1 to 86400.")]
    [InlineData("run --workload register --nemesis none --members 4", "'--members' is 4; a cluster here has 1, 3 or 5.")]
    [InlineData("run --workload register --nemesis none --target zookeeper", "There are: raftkv, etcd.")]
    [InlineData("run --workload register --nemesis links --network namespaces", "The nemesis 'links' makes links slow and bad")]
    [InlineData("run --workload register --nemesis none --seed x", "'--seed' is 'x'; it must be a number.")]
    [InlineData("run register", "'register' is no flag.")]
    [InlineData("run-all --budget soon", "'--budget' is 'soon'; it must be like 90s, 5m or 2h.")]
    [InlineData("run-all --set some", "There are: all, smoke, scenarios.")]
    [InlineData("run-all --scenario F99", "'--scenario' is 'F99', which there is not.")]
    [InlineData("run --workload register --nemesis power-cut --target etcd", "The nemesis 'power-cut' is done by a test program of raftkv's")]
    [InlineData("check", "'check' takes the folder of a run.")]
    [InlineData("check no-such-folder", "'no-such-folder' cannot be read")]
    public async Task What_cannot_be_meant_is_named_with_a_suggestion(string line, string expected)
    {
        var code = await RunAsync(line);

        Assert.Equal(FaultCommands.Misused, code);
        Assert.Contains(expected, _complained.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task All_workloads_and_nemeses_are_listed_with_what_they_do()
    {
        Assert.Equal(FaultCommands.Passed, await RunAsync("list"));

        Assert.Contains("workload register", _told.ToString(), StringComparison.Ordinal);
        Assert.Contains("nemesis  kill-leader", _told.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void The_command_of_a_run_repeats_it()
    {
        var settings = FaultCommands.Parse("--workload watch --nemesis links --time 7 --members 5 --rate 20 --seed 3 --target etcd".Split(' '));

        var words = settings.Command.Split(' ');
        var again = FaultCommands.Parse(words[(Array.IndexOf(words, "run", 3) + 1)..]);

        Assert.Equal(settings, again);
    }

    [Fact]
    public void A_run_of_which_nothing_is_said_draws_its_seed()
    {
        var settings = FaultCommands.Parse("--workload watch --nemesis=none".Split(' '));

        Assert.NotEqual(0, settings.Seed);
        Assert.Equal("raftkv", settings.Target);
    }

    public void Dispose()
    {
        _told.Dispose();
        _complained.Dispose();
    }

    private Task<int> RunAsync(string line)
        => new FaultCommands(_told, _complained).RunAsync(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
}
