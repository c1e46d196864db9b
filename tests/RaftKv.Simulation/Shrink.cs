namespace RaftKv.Simulation;

/// <summary>
/// Makes a failing history smaller: leaves something out of the plan, runs it, and keeps what still violates the same
/// property, until nothing more can be left out. What is left is what the story needs.
/// </summary>
internal static class Shrink
{
    private const int RunsMax = 400;

    public static PlanEdits Of(FaultPlan plan, Violation violation, Action<string>? report = null)
    {
        var edits = PlanEdits.None with { Troubles = [.. Enumerable.Range(0, plan.Troubles.Count)] };
        var runs = 0;
        var isSmaller = true;
        while (isSmaller && runs < RunsMax)
        {
            isSmaller = false;
            foreach (var candidate in Smaller(plan, edits))
            {
                if (runs++ >= RunsMax)
                {
                    break;
                }

                if (Run.Of(candidate.Apply(plan)).Violation?.Property == violation.Property)
                {
                    edits = candidate;
                    isSmaller = true;
                    report?.Invoke(candidate.ToString());
                    break;
                }
            }
        }

        return edits;
    }

    // The large steps first: they save most if they succeed, and there are few of them.
    private static IEnumerable<PlanEdits> Smaller(FaultPlan plan, PlanEdits edits)
    {
        var now = edits.Apply(plan);
        var troubles = edits.Troubles!;
        for (var part = troubles.Count; part >= 1; part /= 2)
        {
            for (var first = 0; first < troubles.Count; first += part)
            {
                yield return edits with { Troubles = [.. troubles.Take(first), .. troubles.Skip(first + part)] };
            }
        }

        if (!edits.CalmNetwork)
        {
            yield return edits with { CalmNetwork = true };
        }

        if (!edits.CalmDisks)
        {
            yield return edits with { CalmDisks = true };
        }

        if (!edits.SameClocks && plan.ClockSkewPercent > 0)
        {
            yield return edits with { SameClocks = true };
        }

        for (var voters = 1; voters < now.Voters; voters++)
        {
            yield return edits with { Voters = voters };
        }

        if (now.Learners > 0)
        {
            yield return edits with { Learners = now.Learners - 1 };
        }

        for (var clients = 1; clients < now.Workload.Clients; clients++)
        {
            yield return edits with { Clients = clients };
        }

        foreach (var operations in new[] { 0, now.Workload.Operations / 4, now.Workload.Operations / 2, now.Workload.Operations - 5 })
        {
            if (operations >= 0 && operations < now.Workload.Operations)
            {
                yield return edits with { Operations = operations };
            }
        }

        var millis = now.Nanos / Simulator.Millisecond;
        foreach (var until in new[] { millis / 4, millis / 2, millis * 9 / 10 })
        {
            yield return edits with { UntilMillis = until };
        }
    }
}
