namespace RaftKv.Raft.Tests.Scenarios;

public sealed class ScenarioTests
{
    public static TheoryData<string> Stories
    {
        get
        {
            var stories = new TheoryData<string>();
            foreach (var path in Directory.EnumerateFiles(Scenario.Folder, "*.txt").Order(StringComparer.Ordinal))
            {
                stories.Add(Path.GetFileNameWithoutExtension(path));
            }

            return stories;
        }
    }

    [Theory]
    [MemberData(nameof(Stories))]
    public void Plays_as_written(string story)
        => Scenario.Load(Path.Combine(Scenario.Folder, story + ".txt")).RunAgainst(new ScenarioCluster());
}
