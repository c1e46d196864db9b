namespace RaftKv.Load.Works;

/// <summary>Grants of leases, which end by themselves.</summary>
public sealed class LeaseGrants(int ttlSeconds) : IWorkload
{
    public IReadOnlyList<string> Paths => ["/etcdserverpb.Lease/LeaseGrant"];

    public int Next(int client, Random random, RequestBuffer request)
    {
        request.AddField(1, (ulong)ttlSeconds);
        return 0;
    }
}
