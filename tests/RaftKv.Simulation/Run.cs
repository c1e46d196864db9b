using RaftKv.Simulation.History;

namespace RaftKv.Simulation;

/// <summary>What came of one seed.</summary>
internal sealed record RunResult(
    FaultPlan Plan, Violation? Violation, ulong HistoryHash, long Steps, int Operations, long VirtualNanos)
{
    /// <summary>Entries of the log that were an earlier request once more.</summary>
    public int Repeated { get; init; }
}

/// <summary>One history, from the founding of a cluster to its recovery from everything the plan did to it.</summary>
internal static class Run
{
    public static RunResult Of(FaultPlan plan, TextWriter? transcript = null)
    {
        Cluster? cluster = null;
        Violation? violation = null;
        try
        {
            cluster = new Cluster(plan, transcript is null ? null : new Transcript(transcript));
            Play(cluster);
        }
        catch (Violation found)
        {
            violation = found;
        }
        catch (Exception unexpected)
        {
            // Whatever it is, it must come with its seed, and can be made smaller.
            violation = new Violation(unexpected.GetType().Name, unexpected.ToString());
        }

        return new RunResult(
            plan,
            violation,
            cluster?.Simulator.HistoryHash ?? 0,
            cluster?.Simulator.StepCount ?? 0,
            cluster?.OperationCount ?? 0,
            cluster?.Simulator.Now ?? 0)
        { Repeated = cluster?.Whole?.Replay.RepeatedCount ?? 0 };
    }

    private static void Play(Cluster cluster)
    {
        var troubles = new TroubleMaker(cluster);
        troubles.Start();
        while (cluster.Simulator.TryStep(cluster.Plan.Nanos))
        {
        }

        cluster.Whole?.CheckAfterTrouble();
        new Liveness(cluster, troubles).Check();
        if (Linearizability.Check(cluster.History) is { } problem)
        {
            throw new Violation(nameof(Linearizability), problem);
        }
    }
}
