namespace RaftKv.Load.Works;

/// <summary>Renewals, each client of one lease of its own on a stream of its own.</summary>
public sealed class KeepAlives(IReadOnlyList<long> leases) : IWorkload
{
    public IReadOnlyList<string> Paths => ["/etcdserverpb.Lease/LeaseKeepAlive"];

    public bool IsStreaming => true;

    public int Next(int client, Random random, RequestBuffer request)
    {
        request.AddField(1, (ulong)leases[client % leases.Count]);
        return 0;
    }
}
