using RaftKv.Compare.Contenders;
using RaftKv.Load;
using RaftKv.Load.Works;

namespace RaftKv.Compare.Works;

/// <summary>A cluster as works find it. One is started for all works of a stage, because warming up takes longest.</summary>
internal abstract record Stage(string Name)
{
    public abstract int Members(Setup setup);

    public abstract Task PrepareAsync(Cluster cluster, Setup setup);

    protected static async Task FillAsync(Cluster cluster, IWorkload work, long operations, string what)
    {
        var filled = await LoadRun.CompleteAsync(
            new LoadPlan { Endpoints = cluster.Clients, Work = work, Clients = 100, Connections = 10, Operations = operations });
        if (filled.Refused > 0)
        {
            throw new InvalidOperationException($"{filled.Refused} of {operations} {what} were refused.");
        }
    }
}

/// <summary>Members with all keys of the loads, which have been under load for a while.</summary>
internal sealed record WarmMembers(string Name, int? Fixed = null) : Stage(Name)
{
    public override int Members(Setup setup) => Fixed ?? setup.Members;

    public override async Task PrepareAsync(Cluster cluster, Setup setup)
    {
        await FillAsync(cluster, new Puts(setup.KeySpace, setup.ValueBytes, isFilling: true), setup.Keys, "puts");
        await LoadRun.MeasureAsync(
            new LoadPlan { Endpoints = cluster.Clients, Work = new Puts(setup.KeySpace, setup.ValueBytes), Clients = 50, Connections = 5 },
            TimeSpan.Zero,
            TimeSpan.FromSeconds(setup.WarmUp));
    }
}

/// <summary>One member with very many keys.</summary>
internal sealed record ManyKeys() : Stage("many keys")
{
    public override int Members(Setup setup) => 1;

    public override async Task PrepareAsync(Cluster cluster, Setup setup)
    {
        await FillAsync(cluster, new Puts(setup.ManyKeySpace, setup.ValueBytes, isFilling: true), setup.ManyKeys, "puts");

        // What it holds is asked for next, and what it does behind the last put is not of interest.
        await Task.Delay(TimeSpan.FromSeconds(3));
    }
}

/// <summary>Members with a history to compact.</summary>
internal sealed record LongHistory() : Stage("long history")
{
    /// <summary>Few keys, so that most of the history goes.</summary>
    public static LoadKeys KeySpace(Setup setup) => new(Math.Max(1, setup.Revisions / 36), setup.KeyBytes);

    public override int Members(Setup setup) => setup.Members;

    public override Task PrepareAsync(Cluster cluster, Setup setup)
        => FillAsync(cluster, new Puts(KeySpace(setup), setup.ValueBytes), setup.Revisions, "puts");
}
