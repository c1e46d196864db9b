using RaftKv.Client;
using RaftKv.Faults.Running;
using RaftKv.Stores;

namespace RaftKv.Faults.Nemeses;

/// <summary>What a fault has at hand.</summary>
internal sealed record FaultTools(FaultCluster Cluster, Random Chance, RaftKvClient Client)
{
    public required Recorder Recorder { get; init; }

    public T Pick<T>(IReadOnlyList<T> choices) => choices[Chance.Next(choices.Count)];

    public TimeSpan Seconds(double least, double most) => TimeSpan.FromSeconds(least + (Chance.NextDouble() * (most - least)));

    /// <summary>The leader; anybody, if nobody leads.</summary>
    public async Task<StoreMember> LeaderAsync() => await Cluster.FindLeaderAsync() ?? Pick(Cluster.Members);

    /// <summary>Some of the members, in an order of chance.</summary>
    public IReadOnlyList<StoreMember> Some(int count) => [.. Cluster.Members.OrderBy(_ => Chance.Next()).Take(count)];

    /// <summary>Cuts all ways from members of one side to those of the other.</summary>
    public async Task CutAsync(IEnumerable<StoreMember> from, IReadOnlyCollection<StoreMember> to)
    {
        foreach (var one in from)
        {
            foreach (var other in to.Where(other => other != one))
            {
                await Cluster.Network.CutAsync(one.Name, other.Name);
            }
        }
    }
}

/// <summary>A fault that was begun.</summary>
/// <param name="Targets">The members that it is done to.</param>
/// <param name="Detail">For people.</param>
/// <param name="Hold">How long it lasts.</param>
/// <param name="End">Undoes it, and says how often it has hit.</param>
internal sealed record BegunFault(IReadOnlyList<StoreMember> Targets, string Detail, TimeSpan Hold, Func<CancellationToken, Task<long>> End);

/// <summary>Something that can be done to a cluster.</summary>
/// <param name="Kind">One of <see cref="Checking.FaultKinds"/>.</param>
/// <param name="Begin">Begins it; null if it cannot be done now.</param>
internal sealed record Fault(string Kind, Func<FaultTools, CancellationToken, Task<BegunFault?>> Begin);
