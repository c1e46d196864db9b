using RaftKv.Stores;

namespace RaftKv.Faults.Nemeses;

/// <summary>Whom a fault hits.</summary>
/// <param name="Name">For people.</param>
/// <param name="ChooseAsync">Finds them when it begins.</param>
internal sealed record Targets(string Name, Func<FaultTools, Task<IReadOnlyList<StoreMember>>> ChooseAsync)
{
    public static readonly Targets Leader = new("the leader", async tools => [await tools.LeaderAsync()]);
    public static readonly Targets One = Some("one", _ => 1);
    public static readonly Targets Majority = Some("a majority", tools => tools.Cluster.Majority);
    public static readonly Targets All = Some("all", _ => int.MaxValue);

    private static Targets Some(string name, Func<FaultTools, int> count) => new(name, tools => Task.FromResult(tools.Some(count(tools))));
}
