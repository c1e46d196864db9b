using RaftKv.Compare.Results;
using RaftKv.Load.Works;

namespace RaftKv.Compare.Works;

/// <summary>What is measured unless less is asked for, and what ours has to reach in it.</summary>
internal static class Suite
{
    private static readonly Stage Cluster = new WarmMembers("members");
    private static readonly Stage Alone = new WarmMembers("one member", Fixed: 1);
    private static readonly Stage Many = new ManyKeys();
    private static readonly Stage History = new LongHistory();

    public static IReadOnlyList<Work> Works { get; } =
    [
        Put("put1", Cluster, 1, 1),
        Put("put100", Cluster, 100, 10),
        Put("put1000", Cluster, 1000, 100),
        Put("putpaced", Cluster, 100, 10) with { IsPaced = true },
        new Calls("get", Cluster, "linearizable get", 100, 10, setup => new Gets(setup.KeySpace, isSerializable: false)),
        new Calls("sget", Cluster, "serializable get", 100, 10, setup => new Gets(setup.KeySpace, isSerializable: true)),
        new Calls("txn", Cluster, "optimistic transaction", 50, 5, setup => new Transactions(setup.KeySpace, setup.ValueBytes, 50)),
        new Watches("watch", Cluster),
        Put("one300", Alone, 300, 30),
        new Holding("many", Many),
        new Lists("list", Many, HasValues: false),
        new Lists("listvalues", Many, HasValues: true),
        new Snapshots("snapshot", Many),
        new Compaction("compaction", History),
    ];

    public static IReadOnlyList<Goal> Goals { get; } =
    [
        new("put, 1 client: mean latency", "put1", Figure.Mean, 0.5),
        new("put, 100 clients: throughput", "put100", Figure.PerSecond, 4, IsAtLeast: true),
        new("put, 100 clients: p99", "put100", Figure.P99, 0.35),
        new("put, 1000 clients: throughput", "put1000", Figure.PerSecond, 3, IsAtLeast: true),
        new("put, 100 clients: CPU of all members per put", "put100", Figure.MemberCpu, 0.25),
        new("put, 1000 clients: CPU of all members per put", "put1000", Figure.MemberCpu, 0.25),
        new("linearizable get, 100 clients", "get", Figure.PerSecond, 2.5, IsAtLeast: true),
        new("serializable get, 100 clients", "sget", Figure.PerSecond, 2, IsAtLeast: true),
        new("optimistic transactions, 50 clients", "txn", Figure.PerSecond, 3, IsAtLeast: true),
        new("one member, put, 300 clients", "one300", Figure.PerSecond, 2, IsAtLeast: true),
        new("many keys: memory after the load", "many", Figure.FilledResident, 0.5),
        new("many keys: memory after the restart", "many", Figure.RestartedResident, 0.5),
        new("many keys: restart to ready", "many", Figure.Restart, 0.5),
        new("list, keys only", "list", Figure.Took, 0.5),
        new("list, with values", "listvalues", Figure.Took, 0.5),
        new("snapshot saved", "snapshot", Figure.Took, 0.7),
        new("writes' p99 while a snapshot is saved, against without", "snapshot", Figure.P99AgainstQuiet, 1.1, IsOfOursAlone: true),
        new("watch: events/s", "watch", Figure.PerSecond, 1.2, IsAtLeast: true),
        new("watch: CPU of all members per event", "watch", Figure.MemberCpu, 0.5),
        new("writes' p99 while history is compacted, against without", "compaction", Figure.P99AgainstQuiet, 1.1, IsOfOursAlone: true),
    ];

    /// <summary>A put and a get of one member, for curves whose data would not fit several times.</summary>
    public static Work AlonePut { get; } = Put("put100", Alone, 100, 10);

    public static Work AloneGet { get; } =
        new Calls("get", Alone, "linearizable get", 100, 10, setup => new Gets(setup.KeySpace, isSerializable: false));

    /// <exception cref="InvalidOperationException">There is none of that name.</exception>
    public static Work Of(string name) => Works.First(work => work.Name == name);

    private static Calls Put(string name, Stage on, int clients, int connections)
        => new(name, on, "put", clients, connections, setup => new Puts(setup.KeySpace, setup.ValueBytes));
}
