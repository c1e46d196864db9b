using RaftKv.Faults.Checking;
using RaftKv.Faults.Histories;
using RaftKv.Faults.Nemeses;
using RaftKv.Faults.Running;
using RaftKv.Faults.Workloads;
using RaftKv.Stores;

namespace RaftKv.Faults.Tests.Running;

public sealed class CampaignTests
{
    [Theory]
    [InlineData(Campaign.SmokeSet)]
    [InlineData(Campaign.AllSet)]
    [InlineData(Campaign.ScenarioSet)]
    public void What_a_campaign_plans_there_is(string set)
    {
        foreach (var planned in NewCampaign(set).Plan())
        {
            Assert.NotNull(AllWorkloads.Find(planned.Workload));
            Assert.Contains(planned.Nemesis, Nemesis.All.Select(one => one.Name));
        }
    }

    [Fact]
    public void A_scenario_is_run_on_clusters_of_all_its_sizes()
    {
        var planned = (NewCampaign(Campaign.ScenarioSet) with { Scenarios = ["F07", "F03"] }).Plan();

        Assert.Equal([("F03", "kill-one", 1), ("F07", "sync-fails", 3), ("F07", "sync-fails", 5)], planned.Select(run => (run.Scenario!.Id, run.Nemesis, run.Members)));
    }

    [Fact]
    public void Another_stores_members_are_not_asked_for_faults_that_only_ours_can_have()
    {
        var nemeses = (NewCampaign(Campaign.AllSet) with { Target = "etcd" }).Plan().Select(planned => planned.Nemesis).ToHashSet();

        Assert.DoesNotContain("power-cut", nemeses);
        Assert.Contains("kill-all", nemeses);
    }

    [Fact]
    public void Every_nemesis_comes_once_before_any_comes_twice()
    {
        var count = Nemesis.All.Count - 1;

        Assert.Equal(count, NewCampaign(Campaign.AllSet).Plan().Take(count).Select(pair => pair.Nemesis).Distinct().Count());
    }

    [Fact]
    public void Every_workload_meets_every_nemesis_once()
    {
        var pairs = NewCampaign(Campaign.AllSet).Plan().ToList();

        Assert.Equal(pairs.Count, pairs.Distinct().Count());
        Assert.Equal(AllWorkloads.All.Select(workload => workload.Name).Order(), pairs.Select(pair => pair.Workload).Distinct().Order());
    }

    [Fact]
    public async Task Of_a_set_that_is_meant_to_be_whole_what_had_no_time_is_counted()
    {
        using var told = new StringWriter();
        var campaign = NewCampaign(Campaign.SmokeSet) with { Budget = TimeSpan.FromSeconds(1) };

        Assert.Equal(Judgement.Unknown, await campaign.RunAsync(told));

        Assert.Contains("The budget of 00:00:01 is used up.", told.ToString(), StringComparison.Ordinal);
        Assert.EndsWith($"0 passed, 0 failed, {campaign.Plan().Count()} skipped{Environment.NewLine}", told.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_budget_that_is_too_small_runs_nothing()
    {
        using var told = new StringWriter();

        Assert.Equal(Judgement.Pass, await (NewCampaign(Campaign.ScenarioSet) with { Budget = TimeSpan.FromSeconds(1) }).RunAsync(told));

        Assert.EndsWith($"0 passed, 0 failed, 0 skipped{Environment.NewLine}", told.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_scenario_says_how_long_it_takes_at_least_and_how_many_clients_it_needs()
    {
        var runs = new List<RunSettings>();
        var campaign = NewCampaign(Campaign.ScenarioSet) with
        {
            Seconds = 8,
            Scenarios = ["F39"],
            Run = settings =>
            {
                runs.Add(settings);
                return Task.FromResult(Judged(settings, Judgement.Fail));
            },
        };

        await campaign.RunAsync(TextWriter.Null);

        Assert.All(runs, run => Assert.Equal((30, 1000), (run.Seconds, run.Clients)));
    }

    [Fact]
    public async Task What_cannot_be_judged_is_run_once_more_with_twice_the_time()
    {
        var (judgement, told, runs) = await RunAsync(settings => settings.Seconds == 30 ? Quiet(settings) : Passing(settings));

        Assert.Equal(Judgement.Pass, judgement);
        Assert.Equal([30, 60], runs.Select(run => run.Seconds));
        Assert.NotEqual(runs[0].Folder, runs[1].Folder);
        Assert.EndsWith($"1 passed, 0 failed, 0 skipped{Environment.NewLine}", told, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_cannot_be_judged_twice_is_skipped_with_its_reason()
    {
        var (judgement, told, runs) = await RunAsync(Quiet);

        Assert.Equal(Judgement.Unknown, judgement);
        Assert.Equal(2, runs.Count);
        Assert.Contains("Not decided: register under kill-one. In the phase 'quiet' 0 operations were answered", told, StringComparison.Ordinal);
        Assert.EndsWith($"0 passed, 0 failed, 1 skipped{Environment.NewLine}", told, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_promise_that_was_broken_gets_no_second_try()
    {
        var (judgement, told, runs) = await RunAsync(settings => Judged(settings, Judgement.Fail));

        Assert.Equal(Judgement.Fail, judgement);
        Assert.Single(runs);
        Assert.EndsWith($"0 passed, 1 failed, 0 skipped{Environment.NewLine}", told, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cluster_that_does_not_come_up_twice_has_failed()
    {
        var (judgement, told, runs) = await RunAsync(_ => throw new StoreException("It printed nothing."));

        Assert.Equal(Judgement.Fail, judgement);
        Assert.Equal(2, runs.Count);
        Assert.Contains("It printed nothing.", told, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_this_machine_cannot_run_is_skipped_and_not_tried_again()
    {
        var (judgement, told, runs) = await RunAsync(_ => throw new ImpossibleException("There is no disk."));

        Assert.Equal(Judgement.Unknown, judgement);
        Assert.Single(runs);
        Assert.Contains("Not decided: register under kill-one. There is no disk.", told, StringComparison.Ordinal);
    }

    private static async Task<(Judgement Judgement, string Told, List<RunSettings> Runs)> RunAsync(Func<RunSettings, JudgedRun> run)
    {
        var folder = Directory.CreateTempSubdirectory("raftkv-campaign-");
        try
        {
            using var told = new StringWriter();
            var runs = new List<RunSettings>();
            var campaign = NewCampaign(Campaign.ScenarioSet) with
            {
                Scenarios = ["F03"],
                Folder = folder.FullName,
                Run = settings =>
                {
                    runs.Add(settings);
                    Directory.CreateDirectory(settings.Folder);
                    return Task.FromResult(run(settings));
                },
            };
            return (await campaign.RunAsync(told), told.ToString(), runs);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static JudgedRun Quiet(RunSettings settings)
    {
        var history = History.Of(Op.History().Run, [new PhaseLine { Name = PhaseLine.Quiet, Begin = 0, End = 1 }]);
        return new(history, Judging.Of(history));
    }

    private static JudgedRun Passing(RunSettings settings) => Judged(settings, Judgement.Pass);

    private static JudgedRun Judged(RunSettings settings, Judgement judgement)
        => new(Op.History(), new Judging([new Verdict("drawn", judgement, []), new Verdict("other", Judgement.Pass, [])], MustFail: false) { Own = 1 });

    private static Campaign NewCampaign(string set) => new()
    {
        Budget = TimeSpan.FromHours(2),
        Set = set,
        Seconds = 30,
        Members = 3,
        Rate = 100,
        Target = "raftkv",
        Seed = 1,
        Folder = "unused",
    };
}
