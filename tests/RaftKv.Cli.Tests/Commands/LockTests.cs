namespace RaftKv.Cli.Tests.Commands;

/// <summary>Locks and elections, as people and scripts hold them from a shell.</summary>
public sealed class LockTests : MemberTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("raftkv-cli-").FullName;

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
        GC.SuppressFinalize(this);
    }

    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    public async Task A_lock_is_held_until_the_command_is_told_to_stop_and_then_given_to_the_next(string signal)
    {
        using var first = Start("lock", "jobs");
        var held = await first.ReadLinesAsync(2);
        using var second = Start("lock", "jobs");
        await WaitAsync(2);
        await first.SignalAsync(signal);

        Assert.StartsWith("jobs/", held[0], StringComparison.Ordinal);
        Assert.Equal("", held[1]);
        Assert.Equal(0, await first.WaitForExitAsync());
        Assert.NotEqual(held[0], (await second.ReadLinesAsync(2))[0]);
    }

    [Fact]
    public async Task A_program_runs_under_the_lock_and_its_exit_code_is_the_commands()
    {
        var file = Path.Join(_folder, "told");
        var run = await RunAsync("lock", "jobs", "--", "sh", "-c", $"echo $ETCD_LOCK_KEY $ETCD_LOCK_REV > '{file}'; exit 7");

        var told = (await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken)).Trim().Split(' ');
        Assert.Equal((7, ""), (run.Code, run.Error));
        Assert.StartsWith("jobs/", told[0], StringComparison.Ordinal);
        Assert.Equal("2", told[1]);
        await WaitAsync(0);
    }

    [Fact]
    public async Task A_program_that_is_not_there_leaves_no_lock_behind()
    {
        var run = await RunAsync("lock", "jobs", Path.Join(_folder, "nothing"));

        Assert.Equal(1, run.Code);
        Assert.Contains("nothing", run.Error, StringComparison.Ordinal);
        await WaitAsync(0);
    }

    [Fact]
    public async Task A_lock_that_somebody_takes_away_ends_the_command()
    {
        using var holder = Start("lock", "jobs");
        var key = (await holder.ReadLinesAsync(2))[0];
        await RunAsync("del", key);

        Assert.Equal(1, await holder.WaitForExitAsync());
        Assert.Contains("session expired", holder.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Leaders_are_told_one_after_the_other()
    {
        using var listener = Start("elect", "--listen", "office");
        using var first = Start("elect", "office", "anna");
        var elected = await first.ReadLinesAsync(2);
        Assert.Equal(elected, await listener.ReadLinesAsync(2));
        using var second = Start("elect", "office", "bert");
        await WaitAsync(2);
        await first.SignalAsync("INT");

        var next = await second.ReadLinesAsync(2);
        Assert.Equal("anna", elected[1]);
        Assert.Equal("bert", next[1]);
        Assert.Equal(next, await listener.ReadLinesAsync(2));
        await listener.SignalAsync("INT");
        Assert.Equal(0, await listener.WaitForExitAsync());
    }

    [Theory]
    [InlineData("lock takes a lock name argument and an optional command to execute", "lock")]
    [InlineData("elect takes one election name argument and an optional proposal argument", "elect")]
    [InlineData("no proposal argument but -l not set", "elect", "office")]
    [InlineData("proposal given but -l is set", "elect", "-l", "office", "anna")]
    public async Task What_cannot_be_meant_is_refused(string says, params string[] arguments)
    {
        var run = await RunAsync(arguments);

        Assert.Equal((128, $"Error: {says}\n"), (run.Code, run.Error));
    }

    private RunningCommand Start(params string[] arguments) => RunningCommand.OfOurs(Store.Endpoints, arguments);

    private Task<CommandRun> RunAsync(params string[] arguments) => CommandRun.OfAsync([$"--endpoints={Store.Endpoints}", .. arguments]);

    // Until so many stand in the lines of this test.
    private async Task WaitAsync(int count)
    {
        while ((await RunAsync("get", "", "--prefix", "--count-only")).Output != $"{count}\n")
        {
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }
}
