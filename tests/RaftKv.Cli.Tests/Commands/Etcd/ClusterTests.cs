using RaftKv.Stores;

namespace RaftKv.Cli.Tests.Commands.Etcd;

/// <summary>Commands at a cluster of three members, some of which may be away.</summary>
public sealed class ClusterTests
{
    // A busy machine must not fail a test.
    private const string Patient = "--command-timeout=1m";

    [Fact]
    public async Task The_next_endpoint_is_asked_when_one_is_away()
    {
        await using var cluster = await StartOrSkipAsync();
        var rows = await StatusAsync(cluster);
        var away = rows.First(row => row[4] == "false")[0];
        var endpoints = $"--endpoints={away},{string.Join(',', rows.Select(row => row[0]).Where(endpoint => endpoint != away))}";
        await cluster.Members.Single(member => member.Client.GetLeftPart(UriPartial.Authority) == away).KillAsync();

        foreach (var arguments in (string[][])[["put", "a", "1"], ["get", "a"], ["lease", "grant", "100"], ["member", "list"]])
        {
            var run = await CommandRun.OfAsync([endpoints, Patient, .. arguments]);
            Assert.Equal((0, ""), (run.Code, run.Error));
        }

        var health = await CommandRun.OfAsync("endpoint", "health", "--dial-timeout=10ms", Patient, endpoints);
        Assert.Equal(1, health.Code);
        Assert.Equal(2, health.Output.Split("is healthy").Length - 1);
        Assert.Contains($"{away} is unhealthy", health.Error, StringComparison.Ordinal);
        Assert.EndsWith("Error: unhealthy cluster\n", health.Error, StringComparison.Ordinal);

        var status = await CommandRun.OfAsync("endpoint", "status", "--dial-timeout=10ms", Patient, endpoints);
        Assert.Equal(1, status.Code);
        Assert.Equal(2, status.Output.Split('\n').Length - 1);
        Assert.Contains("Failed to get the status of endpoint", status.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Leadership_is_handed_over()
    {
        await using var cluster = await StartOrSkipAsync();
        var endpoints = $"--endpoints={cluster.Endpoints}";
        var rows = await StatusAsync(cluster);
        var leader = rows.Single(row => row[4] == "true")[1];
        var follower = rows.First(row => row[4] == "false")[1];

        var moved = await CommandRun.OfAsync("move-leader", follower, endpoints, Patient);

        Assert.Equal(new CommandRun(0, $"Leadership transferred from {leader} to {follower}\n", ""), moved);
        var away = $"--endpoints={rows.Single(row => row[1] == leader)[0]}";
        var refused = await CommandRun.OfAsync("move-leader", leader, away);
        Assert.Equal(128, refused.Code);
        Assert.Contains("no leader endpoint given at [", refused.Error, StringComparison.Ordinal);
    }

    // The columns of "endpoint status": the endpoint, the ID, and fifth whether it leads.
    private static async Task<List<string[]>> StatusAsync(StoreProcess cluster)
    {
        var run = await CommandRun.OfAsync("endpoint", "status", Patient, $"--endpoints={cluster.Endpoints}");
        Assert.Equal((0, ""), (run.Code, run.Error));
        return [.. run.Output.TrimEnd('\n').Split('\n').Select(row => row.Split(", "))];
    }

    private static Task<StoreProcess> StartOrSkipAsync()
        => StoreProcess.StartAsync(Etcdctl.FindServerOrSkip(), members: 3, cancellation: TestContext.Current.CancellationToken);
}
