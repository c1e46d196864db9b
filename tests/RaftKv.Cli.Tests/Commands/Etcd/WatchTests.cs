using RaftKv.Stores;

namespace RaftKv.Cli.Tests.Commands.Etcd;

/// <summary>Watches have no end, so they are read until they have said what they must, and then killed.</summary>
public sealed class WatchTests : IAsyncLifetime
{
    private StoreProcess? _store;
    private string _etcdctl = "";

    public async ValueTask InitializeAsync()
    {
        _etcdctl = Etcdctl.FindOrSkip();
        _store = await StoreProcess.StartAsync(Etcdctl.FindServerOrSkip(), cancellation: TestContext.Current.CancellationToken);
        foreach (var arguments in (string[][])
            [["put", "wa", "1"], ["put", "wa", "2"], ["del", "wa"], ["put", "wb", "3"], ["put", "wc", "x\0\udcff"]])
        {
            Assert.Equal(0, (await CommandRun.OfAsync([$"--endpoints={_store.Endpoints}", .. arguments])).Code);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_store is not null)
        {
            await _store.DisposeAsync();
        }
    }

    [Theory]
    [InlineData(9, "wa", "--rev=2")]
    [InlineData(13, "wa", "--rev=2", "--prev-kv")]
    [InlineData(13, "wa", "--rev=2", "--prev-kv", "--hex")]
    [InlineData(1, "wa", "--rev=2", "--prev-kv", "-w", "json")]
    [InlineData(37, "wa", "--rev=2", "--prev-kv", "-w", "fields")]
    [InlineData(15, "w", "--prefix", "--rev=2")]
    [InlineData(12, "wa", "wc", "--rev=2")]
    [InlineData(15, "", "--prefix", "--rev=2")]
    [InlineData(12, "wa", "--rev=2", "--", "echo", "hi")]
    [InlineData(12, "--rev=2", "wb", "--", "sh", "-c", "env | grep ETCD_WATCH | sort; echo 1; echo 2; echo 3; echo 4; echo 5")]
    public async Task A_watch_prints_the_same(int lines, params string[] arguments)
    {
        var theirs = await ReadAsync(lines, StartEtcdctl(arguments));
        var ours = await ReadAsync(lines, StartOurs(arguments));

        Assert.Equal(theirs, ours);
    }

    [Theory]
    [InlineData(6, "watch wa --rev=2\n")]
    [InlineData(3, "watch wb --rev=2\nwatch wb --rev=1000\n")]
    [InlineData(4, "watch \"wb\" --rev=2 -- echo hi\n")]
    public async Task Watches_may_be_asked_for_line_by_line(int lines, string input)
    {
        var theirs = await ReadAsync(lines, StartEtcdctl("-i"), input);
        var ours = await ReadAsync(lines, StartOurs("-i"), input);

        Assert.Equal(theirs, ours);
    }

    [Fact]
    public async Task A_watch_says_how_far_it_has_come_when_it_is_asked()
    {
        // Progress can be told once the watch stands, which the first event shows.
        using var watch = StartOurs("-i");
        await watch.WriteLineAsync("watch wb --rev=2");
        Assert.Equal(["PUT", "wb", "3"], await watch.ReadLinesAsync(3));

        await watch.WriteLineAsync("progress");

        Assert.Equal(["progress notify: 6"], await watch.ReadLinesAsync(1));
    }

    [Theory]
    [InlineData()]
    [InlineData("-w", "json")]
    [InlineData("-w", "fields")]
    public async Task A_watch_of_what_was_forgotten_ends(params string[] arguments)
    {
        await CommandRun.OfAsync("compaction", "4", $"--endpoints={_store!.Endpoints}");
        string[] watch = [$"--endpoints={_store.Endpoints}", "watch", "wa", "--rev=2", .. arguments];

        var theirs = await Etcdctl.RunAsync(_etcdctl, watch, []);
        var ours = await CommandRun.OfAsync(watch);

        Assert.Equal(theirs, ours);
        Assert.Equal(5, ours.Code);
    }

    [Theory]
    [InlineData("command [\"false\"] error (exit status 1)", "false")]
    [InlineData("command [\"no such program\"] error", "no such program")]
    public async Task A_program_that_fails_ends_the_watch(string problem, params string[] program)
    {
        var run = await CommandRun.OfAsync([$"--endpoints={_store!.Endpoints}", "watch", "wb", "--rev=2", "--", .. program]);

        Assert.Equal(1, run.Code);
        Assert.Contains(problem, run.Error, StringComparison.Ordinal);
        Assert.Equal("PUT\nwb\n3\n", run.Output);
    }

    [Fact]
    public async Task A_watch_outlives_its_member()
    {
        using var watch = StartOurs("wb", "--rev=2");
        Assert.Equal(["PUT", "wb", "3"], await watch.ReadLinesAsync(3));

        await _store!.RestartAsync(_store.Members[0], TestContext.Current.CancellationToken);
        await CommandRun.OfAsync("put", "wb", "after", $"--endpoints={_store.Endpoints}");

        Assert.Equal(["PUT", "wb", "after"], await watch.ReadLinesAsync(3));
    }

    [Fact]
    public async Task A_watch_that_nobody_reads_any_more_ends()
    {
        using var watch = StartOurs("wb", "--rev=2");
        Assert.Equal(["PUT", "wb", "3"], await watch.ReadLinesAsync(3));
        watch.CloseOutput();

        await CommandRun.OfAsync("put", "wb", "4", $"--endpoints={_store!.Endpoints}");

        Assert.Equal(141, await watch.WaitForExitAsync());
    }

    private static async Task<string[]> ReadAsync(int lines, RunningCommand watch, string input = "")
    {
        using (watch)
        {
            await watch.WriteAsync(input);
            return await watch.ReadLinesAsync(lines);
        }
    }

    private RunningCommand StartEtcdctl(params string[] arguments) => RunningCommand.OfEtcdctl(_etcdctl, _store!.Endpoints, ["watch", .. arguments]);

    private RunningCommand StartOurs(params string[] arguments) => RunningCommand.OfOurs(_store!.Endpoints, ["watch", .. arguments]);
}
