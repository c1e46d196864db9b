using RaftKv.Faults.Checking;

namespace RaftKv.Faults.Nemeses;

/// <summary>What is done to the ways between clients and members. Members hear each other all the time.</summary>
internal static class ClientFaults
{
    private const double AnswerChance = 0.05;
    private const double RequestChance = 0.02;

    /// <summary>Requests go through, and their answers do not: whoever repeats what was done already does it twice.</summary>
    public static readonly Fault LoseAnswers = new(FaultKinds.Client, (tools, _) =>
    {
        var ways = tools.Cluster.ClientWays!;
        var hits = ways.Hits;
        ways.LoseAnswers(AnswerChance, RequestChance, tools.Chance.Next());
        return Task.FromResult<BegunFault?>(new BegunFault([.. tools.Cluster.Members], "answers to clients are lost", tools.Seconds(2, 6), _ =>
        {
            ways.Mend();
            return Task.FromResult(ways.Hits - hits);
        }));
    });

    /// <summary>All connections of all clients end at once, some times in a row: what the members keep for each must go.</summary>
    public static readonly Fault DropConnections = new(FaultKinds.Client, (tools, _) =>
    {
        var ways = tools.Cluster.ClientWays!;
        var hits = ways.Hits;
        var stop = new CancellationTokenSource();
        var dropping = DropAsync(tools, stop.Token);
        return Task.FromResult<BegunFault?>(new BegunFault([.. tools.Cluster.Members], "all clients lose their connections", tools.Seconds(2, 5), async _ =>
        {
            await stop.CancelAsync();
            await dropping;
            stop.Dispose();
            return ways.Hits - hits;
        }));
    });

    private static async Task DropAsync(FaultTools tools, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            tools.Cluster.ClientWays!.DropAll();
            await Task.Delay(tools.Seconds(0.1, 1), stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
