using RaftKv.Compare.Contenders;
using RaftKv.Compare.Results;
using RaftKv.Compare.Works;

namespace RaftKv.Compare;

/// <summary>Runs works on all contenders, stage by stage, and in the other order in every other round: a machine that is noisy for a while is noisy for all.</summary>
internal sealed class Comparison(IReadOnlyList<Contender> contenders, Setup setup, TextWriter progress)
{
    public async Task<Summary> RunAsync(IReadOnlyList<Work> works)
    {
        var outcomes = new List<Outcome>();
        for (var round = 0; round < setup.Rounds; round++)
        {
            foreach (var stage in works.GroupBy(work => work.On))
            {
                foreach (var contender in round % 2 == 0 ? contenders : contenders.Reverse())
                {
                    await progress.WriteLineAsync($"round {round + 1} of {setup.Rounds}: {contender.Name}, {stage.Key.Name}");
                    await using var cluster = await Cluster.StartAsync(contender, stage.Key.Members(setup), setup.Folder);
                    await stage.Key.PrepareAsync(cluster, setup);
                    foreach (var work in stage)
                    {
                        GC.Collect();
                        var outcome = new Outcome(work.Name, contender.Name);
                        await work.MeasureAsync(cluster, setup, outcome);
                        outcomes.Add(outcome);
                        await progress.WriteLineAsync($"  {work.Name}: {string.Join(", ", outcome.Figures.Select(figure => $"{figure.Key} {Number.Of(figure.Value)}"))}");
                    }
                }
            }
        }

        return new Summary(outcomes);
    }
}
