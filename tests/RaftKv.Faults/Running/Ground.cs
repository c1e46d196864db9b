using RaftKv.Faults.Checking;
using RaftKv.Faults.Histories;
using RaftKv.Faults.Nemeses;
using RaftKv.Faults.Networks;
using RaftKv.Faults.Reporting;
using RaftKv.Stores;

namespace RaftKv.Faults.Running;

/// <summary>This machine cannot run what was asked for; the text says what is missing.</summary>
internal sealed class ImpossibleException(string message) : Exception(message);

/// <summary>A run that was made, and what is to be said of it.</summary>
internal sealed record JudgedRun(History History, Judging Judging);

/// <summary>Finds what a run stands on: the program, the network, the disks. Then runs it, judges it and writes it up.</summary>
internal sealed class Ground(RunSettings settings, TextWriter told)
{
    // What the members need so that little load makes many snapshots, and that all programs understand.
    private static readonly string[] Flags = ["--snapshot-count", "100", "--heartbeat-interval", "100", "--election-timeout", "1000"];

    // etcd 3.4 keeps 5000 entries behind a snapshot, and has no word for it.
    private static readonly string[] OwnFlags = ["--snapshot-catchup-entries", "100"];

    /// <exception cref="ImpossibleException">It cannot be run here.</exception>
    /// <exception cref="StoreException">The cluster does not come up.</exception>
    public async Task<JudgedRun> RunAsync()
    {
        var program = FindProgram();
        var obstacle = (settings.Nemesis.DiskMegabytes > 0 ? SmallDisks.Obstacle : null) ?? (settings.Nemesis.NeedsMemoryLimits ? MemoryGroup.Obstacle : null);
        if (obstacle is not null)
        {
            throw new ImpossibleException($"The nemesis '{settings.Nemesis.Name}' cannot be run: {obstacle}.");
        }

        var workload = settings.NewWorkload();
        if (workload.IsOfRaftKv && settings.Target == "etcd")
        {
            throw new ImpossibleException($"The workload '{workload.Name}' is about commands of raftkv.");
        }

        var data = Directory.CreateTempSubdirectory("raftkv-faults-").FullName;
        try
        {
            await using var network = await NetworkAsync(data);
            string[] flags = [.. Flags, .. workload.Flags, .. settings.Target == "etcd" ? [] : OwnFlags.Concat(workload.OwnFlags)];
            var history = await new FaultRun(settings, told).RunAsync(program with { Arguments = flags }, network, data);
            var judging = Judging.Of(history);
            HtmlReport.Write(Path.Combine(settings.Folder, HtmlReport.FileName), history, judging);
            return new(history, judging);
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    private StoreProgram FindProgram()
    {
        if (settings.Target == "etcd")
        {
            return StoreProgram.FindEtcd() ?? throw new ImpossibleException("There is no 'etcd' on the PATH; it comes with Debian's package 'etcd-server'.");
        }

        if (settings.Nemesis.NeedsFaultyMembers)
        {
            return StoreProgram.FindFaultyRaftKv() ?? throw new ImpossibleException("raftkv-faulty is not built; 'dotnet build -c Release tests/RaftKv.FaultyMember' does.");
        }

        return StoreProgram.FindRaftKv() ?? throw new ImpossibleException($"raftkv is not built; 'dotnet build -c Release src/RaftKv.Cli' does, or {StoreProgram.RaftKvVariable} says where it is.");
    }

    private async Task<INetwork> NetworkAsync(string data)
    {
        if (settings.Nemesis.NeedsQualities || settings.Network == "proxies")
        {
            return new ProxyNetwork(data);
        }

        var obstacle = await NamespaceNetwork.FindObstacleAsync();
        if (obstacle is null)
        {
            return await NamespaceNetwork.CreateAsync(data);
        }

        if (settings.Network == "namespaces")
        {
            throw new ImpossibleException($"There can be no network of namespaces here: {obstacle}.");
        }

        await told.WriteLineAsync($"  {obstacle}: the members are behind proxies instead");
        return new ProxyNetwork(data);
    }
}
