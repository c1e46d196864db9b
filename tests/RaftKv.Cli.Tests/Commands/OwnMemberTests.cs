using System.Globalization;
using System.Text.Json.Nodes;

namespace RaftKv.Cli.Tests.Commands;

/// <summary>Our commands at a member of ours, which tells more than etcd 3.4 does.</summary>
public sealed class OwnMemberTests : MemberTests
{
    [Fact]
    public async Task Keys_are_written_read_and_deleted()
    {
        Assert.Equal("OK\n", await OutputAsync(["put", "a", "1"]));
        Assert.Equal("OK\na\n1\n", await OutputAsync(["put", "a", "2", "--prev-kv"]));
        Assert.Equal("a\n2\n", await OutputAsync(["get", "a"]));
        Assert.Equal("a\n1\n", await OutputAsync(["get", "a", "--rev=2"]));
        Assert.Equal("1\n", await OutputAsync(["get", "", "--prefix", "--count-only"]));
        Assert.Equal("SUCCESS\n\nOK\n\na\n2\n", await OutputAsync(["txn"], "value(\"a\") = \"2\"\n\nput b 3\nget a\n\n\n"));
        Assert.Equal("b\n3\n", await OutputAsync(["get", "", "--prefix", "--min-create-rev=3"]));
        Assert.Equal("compacted revision 3\n", await OutputAsync(["compaction", "3"]));
        Assert.Equal("2\n", await OutputAsync(["del", "a", "c"]));
    }

    [Fact]
    public async Task Leases_are_granted_kept_and_revoked()
    {
        var id = (await OutputAsync(["lease", "grant", "1000"])).Split(' ')[1];
        await OutputAsync(["put", "a", "1", "--lease", id]);
        Assert.Equal($"lease {id} keepalived with TTL(1000)\n", await OutputAsync(["lease", "keep-alive", "--once", id]));
        Assert.Contains("attached keys([a])", await OutputAsync(["lease", "timetolive", id, "--keys"]), StringComparison.Ordinal);
        Assert.Equal($"found 1 leases\n{id}\n", await OutputAsync(["lease", "list"]));
        Assert.Equal($"lease {id} revoked\n", await OutputAsync(["lease", "revoke", id]));
        Assert.Equal("", await OutputAsync(["get", "a"]));
    }

    [Fact]
    public async Task The_member_tells_how_it_is()
    {
        var endpoint = Store.Members[0].Client.Authority;
        Assert.Contains(", started, m1, ", await OutputAsync(["member", "list"]), StringComparison.Ordinal);
        Assert.StartsWith($"http://{endpoint} is healthy: successfully committed proposal: took = ", await OutputAsync(["endpoint", "health"]), StringComparison.Ordinal);
        Assert.Equal(16, (await OutputAsync(["endpoint", "status"])).Split(", ").Length);
        Assert.Contains("| STORAGE VERSION |", await OutputAsync(["endpoint", "status", "--cluster", "-w", "table"]), StringComparison.Ordinal);
        Assert.Contains("\"StorageVersion\" : \"", await OutputAsync(["endpoint", "status", "-w", "fields"]), StringComparison.Ordinal);
        Assert.Equal(3, (await OutputAsync(["endpoint", "hashkv"])).Split(", ").Length);
        Assert.Equal("", await OutputAsync(["alarm", "list"]));
        Assert.StartsWith("Finished defragmenting etcd member[", await OutputAsync(["defrag"]), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("put", "--total=40", "--clients=4")]
    [InlineData("put", "--total=40", "--rate=2000", "--fill", "--key-space=20")]
    [InlineData("put", "--total=3", "--clients=3", "--val-size=1000000")]
    [InlineData("get", "--total=40", "--serializable")]
    [InlineData("txn", "--total=40", "--clients=8", "--key-space=2")]
    [InlineData("lease", "--total=40")]
    [InlineData("keep-alive", "--total=40", "--clients=4")]
    [InlineData("keep-alive", "--total=40", "--clients=4", "--rate=1000")]
    [InlineData("watch", "--total=20", "--watchers=6", "--streams=3")]
    public async Task A_load_does_as_many_operations_as_it_was_asked_for(string work, params string[] flags)
    {
        var report = JsonNode.Parse(await OutputAsync(["bench", work, .. flags, "-w", "json"]))!;

        var watchers = work == "watch" ? 6 : 1;
        var total = int.Parse(flags[0].Split('=')[1], CultureInfo.InvariantCulture);
        Assert.Equal(total * watchers, (int)report["operations"]!);
        Assert.Equal(0, (int)report["refused"]!);
    }

    [Fact]
    public async Task A_load_says_for_people_what_it_did()
    {
        var lines = (await OutputAsync(["bench", "put", "--total=20", "--clients=2", "--rate=100"])).Split('\n');

        Assert.Equal("bench put: 2 clients, 1 connections, 10000 keys of 64 bytes, values of 256, 100 a second", lines[0]);
        Assert.Matches("^operations: [0-9]+ in [0-9.]+ s, [0-9]+ a second, 0 refused$", lines[1]);
        Assert.StartsWith("latency in ms, from when each should have begun: mean ", lines[2], StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_past_is_watched()
    {
        await OutputAsync(["put", "a", "1"]);

        var run = await CommandRun.OfAsync([$"--endpoints={Store.Endpoints}", "watch", "a", "--rev=2", "--", "false"]);

        Assert.Equal("PUT\na\n1\n", run.Output);
        Assert.Equal("Error: command [\"false\"] error (exit status 1)\n", run.Error);
    }

    private async Task<string> OutputAsync(string[] arguments, string input = "")
    {
        var run = await CommandRun.OfAsync([$"--endpoints={Store.Endpoints}", .. arguments], System.Text.Encoding.UTF8.GetBytes(input));
        Assert.Equal((0, ""), (run.Code, run.Error));
        return run.Output;
    }
}
