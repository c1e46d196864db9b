namespace RaftKv.Simulation.Tests;

/// <summary>Histories: of every scenario, of mistakes, and of seeds that once failed.</summary>
public class SeedTests
{
    public static TheoryData<string> ScenarioNames => [.. Scenarios.All.Select(scenario => scenario.Name)];

    public static TheoryData<string> MutationNames => [.. Mutations.All.Select(mutation => mutation.Name)];

    public static TheoryData<string, ulong, string> OnceFailed
    {
        get
        {
            var data = new TheoryData<string, ulong, string>();
            foreach (var line in File.ReadLines(Path.Join(AppContext.BaseDirectory, "Seeds.txt")))
            {
                if (line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [not "#", var seed, var edits, ..] words)
                {
                    if (!words[0].StartsWith('#') && ulong.TryParse(seed, out var number))
                    {
                        data.Add(words[0], number, edits == "-" ? "" : edits);
                    }
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(ScenarioNames))]
    public void Every_property_holds_in_every_scenario(string name)
    {
        var scenario = Scenarios.Find(name);
        var seeds = name switch
        {
            "swarm" => 400UL,
            "member-swarm" => 60UL,
            "member-long-leases" or "member-soak" => 2UL,
            _ => name.StartsWith("member-", StringComparison.Ordinal) ? 15UL : 60UL,
        };
        for (var seed = 1UL; seed <= seeds; seed++)
        {
            Holds(scenario, seed, PlanEdits.None);
        }
    }

    [Theory]
    [MemberData(nameof(ScenarioNames))]
    public void A_seed_goes_the_same_way_every_time(string name)
    {
        var scenario = Scenarios.Find(name);
        for (var seed = 1000UL; seed < (name is "member-long-leases" or "member-soak" ? 1001UL : 1005UL); seed++)
        {
            var (once, again) = (Run.Of(scenario.Draw(seed)), Run.Of(scenario.Draw(seed)));
            Assert.Equal(once.HistoryHash, again.HistoryHash);
            Assert.Equal(once.Steps, again.Steps);
        }
    }

    [Theory]
    [MemberData(nameof(MutationNames))]
    public void Every_mistake_is_noticed(string name)
    {
        var mutation = Mutations.Find(name);
        var scenario = Scenarios.Find(mutation.Scenario);
        for (var seed = 1UL; seed <= (ulong)mutation.SeedsMax; seed++)
        {
            if (Run.Of(mutation.Apply(scenario.Draw(seed))).Violation is not null)
            {
                return;
            }
        }

        Assert.Fail($"{mutation.SeedsMax} seeds of {mutation.Scenario} did not notice {name}");
    }

    [Fact]
    public void Requests_that_come_again_get_as_far_as_the_log()
        => Assert.InRange(Enumerable.Range(1, 10).Sum(seed => Run.Of(Scenarios.Find("member-repeats").Draw((ulong)seed)).Repeated), 10, int.MaxValue);

    /// <summary>That reads by lease are right within the drift that the margin allows for, the scenario shows; here, that it
    /// would notice if they were not.</summary>
    [Fact]
    public void Clocks_that_differ_more_than_the_margin_allows_are_noticed()
    {
        for (var seed = 1UL; seed <= 300; seed++)
        {
            var plan = Scenarios.Find("leases").Draw(seed);
            var raft = plan.Member.Raft with { LeaseMarginTicks = 0 };
            plan = plan with { ClockSkewPercent = 40, Member = plan.Member with { Raft = raft } };
            if (Run.Of(plan).Violation is { Property: "Linearizability" })
            {
                return;
            }
        }

        Assert.Fail("300 seeds did not notice leases that outlast the promises they rest on");
    }

    [Theory]
    [MemberData(nameof(OnceFailed))]
    public void What_once_failed_holds(string scenario, ulong seed, string edits)
        => Holds(Scenarios.Find(scenario), seed, PlanEdits.Parse(edits));

    [Fact]
    public void What_is_shrunk_still_fails_in_the_same_way_and_says_so_on_a_command_line()
    {
        var mutation = Mutations.Find("ignores-candidate-log");
        for (var seed = 1UL; ; seed++)
        {
            var plan = mutation.Apply(Scenarios.Find(mutation.Scenario).Draw(seed));
            if (Run.Of(plan).Violation is not { } violation)
            {
                continue;
            }

            var edits = PlanEdits.Parse(Shrink.Of(plan, violation).ToString());
            var smaller = edits.Apply(plan);
            Assert.Equal(violation.Property, Run.Of(smaller).Violation?.Property);
            Assert.True(smaller.Troubles.Count < plan.Troubles.Count);
            return;
        }
    }

    [Fact]
    public void A_transcript_changes_nothing()
    {
        var plan = Scenarios.Find("swarm").Draw(3);
        var words = new StringWriter();
        Assert.Equal(Run.Of(plan).HistoryHash, Run.Of(plan, words).HistoryHash);
        Assert.NotEmpty(words.ToString());
    }

    private static void Holds(Scenario scenario, ulong seed, PlanEdits edits)
    {
        var violation = Run.Of(edits.Apply(scenario.Draw(seed))).Violation;
        Assert.True(violation is null, $"{scenario.Name} seed {seed}: {violation?.Message}");
    }
}
