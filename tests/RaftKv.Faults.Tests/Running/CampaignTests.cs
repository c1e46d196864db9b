using RaftKv.Faults.Checking;
using RaftKv.Faults.Nemeses;
using RaftKv.Faults.Running;
using RaftKv.Faults.Workloads;

namespace RaftKv.Faults.Tests.Running;

public sealed class CampaignTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_a_campaign_plans_there_is(bool isSmoke)
    {
        foreach (var (workload, nemesis) in NewCampaign(isSmoke).Plan())
        {
            Assert.NotNull(AllWorkloads.Find(workload));
            Assert.Contains(nemesis, Nemesis.All.Select(one => one.Name));
        }
    }

    [Fact]
    public void Every_nemesis_comes_once_before_any_comes_twice()
    {
        var count = Nemesis.All.Count - 1;

        Assert.Equal(count, NewCampaign(isSmoke: false).Plan().Take(count).Select(pair => pair.Nemesis).Distinct().Count());
    }

    [Fact]
    public void Every_workload_meets_every_nemesis_once()
    {
        var pairs = NewCampaign(isSmoke: false).Plan().ToList();

        Assert.Equal(pairs.Count, pairs.Distinct().Count());
        Assert.Equal(AllWorkloads.All.Select(workload => workload.Name).Order(), pairs.Select(pair => pair.Workload).Distinct().Order());
    }

    [Fact]
    public async Task A_budget_that_is_too_small_runs_nothing()
    {
        using var told = new StringWriter();

        Assert.Equal(Judgement.Pass, await (NewCampaign(isSmoke: true) with { Budget = TimeSpan.FromSeconds(1) }).RunAsync(told));

        Assert.Contains("The budget of 00:00:01 is used up.", told.ToString(), StringComparison.Ordinal);
    }

    private static Campaign NewCampaign(bool isSmoke) => new()
    {
        Budget = TimeSpan.FromHours(2),
        IsSmoke = isSmoke,
        Seconds = 30,
        Members = 3,
        Rate = 100,
        Target = "raftkv",
        Seed = 1,
        Folder = "unused",
    };
}
