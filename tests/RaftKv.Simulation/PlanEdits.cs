using System.Globalization;

namespace RaftKv.Simulation;

/// <summary>
/// What a shrunk history leaves out of its seed's plan, in words that fit on a command line:
/// <c>members=3,operations=20,troubles=0+4,calm-network</c>.
/// </summary>
internal sealed record PlanEdits
{
    public static readonly PlanEdits None = new();

    public int? Voters { get; init; }

    public int? Learners { get; init; }

    public int? Clients { get; init; }

    public int? Operations { get; init; }

    /// <summary>The numbers of the troubles that stay; null for all.</summary>
    public IReadOnlyList<int>? Troubles { get; init; }

    public bool CalmNetwork { get; init; }

    public bool CalmDisks { get; init; }

    public bool SameClocks { get; init; }

    public long? UntilMillis { get; init; }

    public FaultPlan Apply(FaultPlan plan)
    {
        var troubles = plan.Troubles;
        if (Troubles is { } kept)
        {
            var left = new PlannedTrouble[kept.Count];
            for (var i = 0; i < left.Length; i++)
            {
                left[i] = plan.Troubles[kept[i]];
            }

            troubles = left;
        }

        return plan with
        {
            Voters = Voters ?? plan.Voters,
            Learners = Learners ?? plan.Learners,
            Nanos = UntilMillis is { } millis ? Math.Min(plan.Nanos, millis * Simulator.Millisecond) : plan.Nanos,
            Troubles = troubles,
            Workload = plan.Workload with
            {
                Clients = Clients ?? plan.Workload.Clients,
                Operations = Operations ?? plan.Workload.Operations,
            },
            Network = CalmNetwork ? new NetworkFaults() : plan.Network,
            DiskLatency = CalmDisks ? Disks.DiskLatency.SolidState : plan.DiskLatency,
            DiskFaults = CalmDisks ? Disks.DiskFaults.None : plan.DiskFaults,
            ClockSkewPercent = SameClocks ? 0 : plan.ClockSkewPercent,
        };
    }

    /// <exception cref="ArgumentException">The words are not understood.</exception>
    public static PlanEdits Parse(string words)
    {
        var edits = None;
        foreach (var word in words.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = word.IndexOf('=');
            var name = equals < 0 ? word : word[..equals];
            var value = equals < 0 ? "" : word[(equals + 1)..];
            edits = name switch
            {
                "voters" => edits with { Voters = Number(value) },
                "learners" => edits with { Learners = Number(value) },
                "clients" => edits with { Clients = Number(value) },
                "operations" => edits with { Operations = Number(value) },
                "until" => edits with { UntilMillis = Number(value) },
                "troubles" => edits with
                {
                    Troubles = [.. value.Split('+', StringSplitOptions.RemoveEmptyEntries).Select(Number)],
                },
                "calm-network" => edits with { CalmNetwork = true },
                "calm-disks" => edits with { CalmDisks = true },
                "same-clocks" => edits with { SameClocks = true },
                _ => throw new ArgumentException($"'{word}' says nothing about a plan."),
            };
        }

        return edits;
    }

    public override string ToString()
    {
        var words = new List<string>();
        Add("voters", Voters);
        Add("learners", Learners);
        Add("clients", Clients);
        Add("operations", Operations);
        Add("until", UntilMillis);
        if (Troubles is { } troubles)
        {
            words.Add($"troubles={string.Join('+', troubles)}");
        }

        AddIf(CalmNetwork, "calm-network");
        AddIf(CalmDisks, "calm-disks");
        AddIf(SameClocks, "same-clocks");
        return string.Join(',', words);

        void Add(string name, long? value)
        {
            if (value is { } number)
            {
                words.Add(string.Create(CultureInfo.InvariantCulture, $"{name}={number}"));
            }
        }

        void AddIf(bool isSet, string word)
        {
            if (isSet)
            {
                words.Add(word);
            }
        }
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
