using RaftKv.Faults.Checking;
using RaftKv.Faults.Nemeses;
using RaftKv.Faults.Running;
using RaftKv.Faults.Workloads;

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

        Assert.Equal([new("register", "kill-one", 1, "F03"), new("register", "sync-fails", 3, "F07"), new("register", "sync-fails", 5, "F07")], planned);
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
    public async Task A_budget_that_is_too_small_runs_nothing()
    {
        using var told = new StringWriter();

        Assert.Equal(Judgement.Pass, await (NewCampaign(Campaign.SmokeSet) with { Budget = TimeSpan.FromSeconds(1) }).RunAsync(told));

        Assert.Contains("The budget of 00:00:01 is used up.", told.ToString(), StringComparison.Ordinal);
    }

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
