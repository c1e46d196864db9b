using RaftKv.Stores;

namespace RaftKv.Cli.Tests.Commands.Etcd;

/// <summary>Commands at a cluster of three members, some of which may be away.</summary>
public sealed class ClusterTests
{
    // A busy machine must not fail a test.
    private const string Patient = "--command-timeout=1m";

    // All that time is spent on the member that is away, and no other may be missed.
    private const string Dials = "--dial-timeout=5s";

    // On a busy machine leadership may move by itself between two commands.
    private const int Tries = 10;

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

        var health = await CommandRun.OfAsync("endpoint", "health", Dials, Patient, endpoints);
        Assert.Equal(1, health.Code);
        Assert.Equal(2, health.Output.Split("is healthy").Length - 1);
        Assert.Contains($"{away} is unhealthy", health.Error, StringComparison.Ordinal);
        Assert.EndsWith("Error: unhealthy cluster\n", health.Error, StringComparison.Ordinal);

        var status = await CommandRun.OfAsync("endpoint", "status", Dials, Patient, endpoints);
        Assert.Equal(1, status.Code);
        Assert.Equal(2, status.Output.Split('\n').Length - 1);
        Assert.Contains("Failed to get the status of endpoint", status.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Leadership_is_handed_over()
    {
        await using var cluster = await StartOrSkipAsync();
        var endpoints = $"--endpoints={cluster.Endpoints}";
        CommandRun wanted, moved;
        var tries = 0;
        do
        {
            var (leader, follower) = await LeaderAndFollowerAsync(cluster);
            wanted = new CommandRun(0, $"Leadership transferred from {leader[1]} to {follower[1]}\n", "");
            moved = await CommandRun.OfAsync("move-leader", follower[1], endpoints, Patient);
        }
        while (moved != wanted && ++tries < Tries);

        Assert.Equal(wanted, moved);
        CommandRun refused;
        tries = 0;
        do
        {
            var (leader, follower) = await LeaderAndFollowerAsync(cluster);
            refused = await CommandRun.OfAsync("move-leader", leader[1], $"--endpoints={follower[0]}", Patient);
        }
        while (refused.Code != 128 && ++tries < Tries);

        Assert.Equal(128, refused.Code);
        Assert.Contains("no leader endpoint given at [", refused.Error, StringComparison.Ordinal);
    }

    // Rows of "endpoint status". Members are asked one after the other, so while leadership moves none may say that it leads, or two.
    private static async Task<(string[] Leader, string[] Follower)> LeaderAndFollowerAsync(StoreProcess cluster)
    {
        while (true)
        {
            var rows = await StatusAsync(cluster);
            if (rows.Count(row => row[4] == "true") == 1)
            {
                return (rows.Single(row => row[4] == "true"), rows.First(row => row[4] == "false"));
            }

            await Task.Delay(100, TestContext.Current.CancellationToken);
        }
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
