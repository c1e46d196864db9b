using System.Net.Sockets;
using System.Text.Json.Nodes;
using RaftKv.Stores;

namespace RaftKv.Cli.Tests.Commands;

/// <summary>Snapshots of a member of ours: saved across cuts, looked at, restored; and a survivor.</summary>
public sealed class SnapshotTests : MemberTests
{
    private long _progress;

    private string Folder => field ??= Store.NewFolder("snapshots");

    private string Saved => Path.Combine(Folder, "saved");

    [Fact]
    public async Task A_stream_that_breaks_is_taken_up_where_it_stopped()
    {
        await FillAsync(megabytes: 4);
        await using var proxy = new CuttingProxy(Store.Members[0].Client.Port, bytes: 1_500_000, cuts: 2) { OnCut = ProgressAsync };

        var run = await CommandRun.OfAsync("snapshot", "save", Saved, $"--endpoints=127.0.0.1:{proxy.Port}");

        Assert.True(run.Code == 0, run.Error);
        Assert.Equal($"Snapshot saved at {Saved}\nServer version 3.6.0\n", run.Output);
        Assert.InRange(run.Error.Split('\n').Count(line => line.EndsWith("going on", StringComparison.Ordinal)), 1, 2);
        Assert.DoesNotContain("beginning anew", run.Error, StringComparison.Ordinal);
        Assert.Equal(0, (await CommandRun.OfAsync("snapshot", "status", Saved)).Code);
    }

    [Fact]
    public async Task A_stream_whose_member_was_started_again_begins_anew_and_says_so()
    {
        await FillAsync(megabytes: 4);
        var member = Store.Members[0];
        await using var proxy = new CuttingProxy(member.Client.Port, bytes: 1_500_000, cuts: 1)
        {
            OnCut = async () =>
            {
                await ProgressAsync();
                await Store.RestartAsync(member, TestContext.Current.CancellationToken);
            },
        };

        var run = await CommandRun.OfAsync("snapshot", "save", Saved, $"--endpoints=127.0.0.1:{proxy.Port}");

        Assert.True(run.Code == 0, run.Error);
        Assert.Contains("beginning anew", run.Error, StringComparison.Ordinal);
        Assert.Equal(0, (await CommandRun.OfAsync("snapshot", "status", Saved)).Code);
    }

    [Fact]
    public async Task A_snapshot_says_what_is_in_it_in_every_form()
    {
        await FillAsync(megabytes: 1);
        await SaveAsync();

        var simple = (await StatusAsync()).TrimEnd('\n').Split(", ");
        var json = JsonNode.Parse(await StatusAsync("-w", "json"))!;

        Assert.Equal(simple[0], ((uint)json["hash"]!).ToString("x", null));
        Assert.Equal(simple[1], $"{json["revision"]}");
        Assert.Equal(simple[2], $"{json["totalKey"]}");
        Assert.Equal("raftkv-1", (string?)json["version"]);
        Assert.Equal(new FileInfo(Saved).Length - 32, (long)json["totalSize"]!);
        Assert.Contains("| TOTAL KEYS |", await StatusAsync("-w", "table"), StringComparison.Ordinal);
        Assert.Contains("\"Revision\" : ", await StatusAsync("-w", "fields"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_directory_that_is_not_empty_is_refused_and_a_restored_one_says_how_to_start_it()
    {
        await SaveAsync();
        var data = Path.Combine(Folder, "deep", "data");

        var restored = await CommandRun.OfAsync("snapshot", "restore", Saved, "--data-dir", data, "--name=a", "--initial-cluster=a=http://127.0.0.1:5,b=http://127.0.0.1:6");
        var again = await CommandRun.OfAsync("snapshot", "restore", Saved, "--data-dir", data);

        Assert.True(restored.Code == 0, restored.Error);
        Assert.EndsWith(
            $"start it with: raftkv --name a --data-dir {data} --initial-cluster a=http://127.0.0.1:5,b=http://127.0.0.1:6\n", restored.Output, StringComparison.Ordinal);
        Assert.Equal((1, ""), (again.Code, again.Output));
        Assert.Contains("is not empty", again.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_survivor_is_looked_at_and_then_goes_on_alone()
    {
        await CommandRun.OfAsync("put", "a", "1", $"--endpoints={Store.Endpoints}");
        var member = Store.Members[0];
        string[] command = ["recover", "--from-survivor", "--data-dir", member.DataFolder];
        var running = await CommandRun.OfAsync(command);
        Assert.Equal(1, running.Code);

        await member.StopAsync();
        var dry = await CommandRun.OfAsync([.. command, "--dry-run"]);
        var done = await CommandRun.OfAsync(command);

        Assert.True(dry.Code == 0 && done.Code == 0, dry.Error + done.Error);
        Assert.Contains("Nothing was changed", dry.Output, StringComparison.Ordinal);
        Assert.Contains("Done.", done.Output, StringComparison.Ordinal);
        Assert.StartsWith(string.Join('\n', dry.Output.Split('\n')[..4]), done.Output, StringComparison.Ordinal);
        member.Start();
        await Store.WaitUntilReadyAsync(member, TestContext.Current.CancellationToken);
        Assert.Equal("a\n1\n", (await CommandRun.OfAsync("get", "a", $"--endpoints={Store.Endpoints}")).Output);
    }

    // What a broken connection takes with it is not in the file; something has to be.
    private async Task ProgressAsync()
    {
        var part = new FileInfo(Saved + ".part");
        while (!part.Exists || part.Length <= _progress)
        {
            await Task.Delay(10, TestContext.Current.CancellationToken);
            part.Refresh();
        }

        _progress = part.Length;
    }

    private async Task FillAsync(int megabytes)
    {
        var value = new byte[1024 * 1024];
        new Random(1).NextBytes(value);
        for (var i = 0; i < megabytes; i++)
        {
            var run = await CommandRun.OfAsync(["put", $"k{i}", $"--endpoints={Store.Endpoints}"], value);
            Assert.Equal("OK\n", run.Output);
        }
    }

    private async Task SaveAsync()
        => Assert.Equal(0, (await CommandRun.OfAsync("snapshot", "save", Saved, $"--endpoints={Store.Endpoints}")).Code);

    private async Task<string> StatusAsync(params string[] flags)
    {
        var run = await CommandRun.OfAsync(["snapshot", "status", Saved, .. flags]);
        Assert.Equal((0, ""), (run.Code, run.Error));
        return run.Output;
    }

    /// <summary>Breaks the first connections when so many bytes have come back on them.</summary>
    private sealed class CuttingProxy(int target, long bytes, int cuts) : TcpProxy(target)
    {
        private int _left = cuts;

        public Func<Task>? OnCut { get; init; }

        protected override async Task PassAsync(Socket incoming, Socket outgoing)
        {
            await ConnectAsync(outgoing);
            var mayPass = Interlocked.Decrement(ref _left) >= 0 ? bytes : long.MaxValue;
            var passed = 0L;
            var up = CopyAsync(incoming, outgoing, _ => ValueTask.FromResult(true));
            await CopyAsync(outgoing, incoming, async piece =>
            {
                passed += piece.Length;
                if (passed > mayPass && OnCut is not null)
                {
                    await OnCut();
                }

                return passed <= mayPass;
            });
            incoming.Close();
            await up;
        }
    }
}
