using RaftKv.Cli.Commands.Flags;
using RaftKv.Load;
using RaftKv.Load.Works;
using RaftKv.Protocol.Etcd;

namespace RaftKv.Cli.Commands.Bench;

/// <summary><c>raftkv bench lease</c></summary>
internal sealed class BenchLeaseCommand() : BenchCommand("lease", "Grant leases; they end by themselves")
{
    private Flag<int> _ttl = null!;

    public override void AddFlags(FlagSet flags)
    {
        base.AddFlags(flags);
        _ttl = flags.Count("ttl", "How long leases live, in seconds", 60);
    }

    protected override async Task<BenchReport> MeasureAsync(ClientSession session, IReadOnlyList<LoadEndpoint> endpoints, CancellationToken stop)
        => new(Name, $"{Clients} clients, {Connections} connections, leases of {_ttl.Value} s", await LoadAsync(endpoints, new LeaseGrants(_ttl.Value), stop), Rate);
}

/// <summary><c>raftkv bench keep-alive</c></summary>
internal sealed class BenchKeepAliveCommand() : BenchCommand("keep-alive", "Renew leases, each client its own on a stream of its own")
{
    private Flag<int> _ttl = null!;

    public override void AddFlags(FlagSet flags)
    {
        base.AddFlags(flags);
        _ttl = flags.Count("ttl", "How long leases live after each renewal, in seconds", 60);
    }

    protected override async Task<BenchReport> MeasureAsync(ClientSession session, IReadOnlyList<LoadEndpoint> endpoints, CancellationToken stop)
    {
        var leases = new List<long>();
        for (var i = 0; i < Clients; i++)
        {
            var granted = await session.Cluster.CallAsync(EtcdMethods.LeaseGrant, new LeaseGrantRequest { TTL = _ttl.Value }, stop);
            leases.Add(granted.ID);
        }

        var figures = await LoadAsync(endpoints, new KeepAlives(leases), stop);
        foreach (var lease in leases)
        {
            await session.Cluster.CallAsync(EtcdMethods.LeaseRevoke, new LeaseRevokeRequest { ID = lease }, stop);
        }

        return new BenchReport(Name, $"{Clients} clients, {Connections} connections, leases of {_ttl.Value} s", figures, Rate);
    }
}
