using System.Globalization;
using RaftKv.Faults.Nemeses;
using RaftKv.Faults.Workloads;

namespace RaftKv.Faults.Running;

/// <summary>What is to be run.</summary>
internal sealed record RunSettings
{
    public const int UsualClients = 8;

    public required string Workload { get; init; }

    public required Nemesis Nemesis { get; init; }

    /// <summary>How long faults go on. Before and after there is a quiet time of its own.</summary>
    public int Seconds { get; init; } = 30;

    public int Members { get; init; } = 3;

    /// <summary>Operations a second, of all clients together.</summary>
    public int Rate { get; init; } = 100;

    public int Clients { get; init; } = UsualClients;

    public long Seed { get; init; }

    /// <summary>"raftkv" or "etcd".</summary>
    public string Target { get; init; } = "raftkv";

    /// <summary>"namespaces", "proxies", or what fits best.</summary>
    public string? Network { get; init; }

    public required string Folder { get; init; }

    /// <summary>The command that does it again.</summary>
    public string Command => string.Create(
        CultureInfo.InvariantCulture,
        $"dotnet run -c Release --project tests/RaftKv.Faults -- run --workload {Workload} --nemesis {Nemesis.Name} --time {Seconds} --members {Members} --rate {Rate} --clients {Clients} --seed {Seed} --target {Target}{(Network is null ? "" : $" --network {Network}")}");

    public Workload NewWorkload() => AllWorkloads.Find(Workload)!;
}
