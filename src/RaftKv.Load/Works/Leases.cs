using System.Collections.Concurrent;

namespace RaftKv.Load.Works;

/// <summary>Grants of leases.</summary>
public sealed class Leases(int ttlSeconds) : IWorkload
{
    private readonly ConcurrentBag<long> _granted = [];

    /// <summary>The IDs of all that were granted.</summary>
    public IReadOnlyCollection<long> Granted => _granted;

    public IReadOnlyList<string> Paths => ["/etcdserverpb.Lease/LeaseGrant"];

    public int Next(int client, Random random, RequestBuffer request)
    {
        request.AddField(1, (ulong)ttlSeconds);
        return 0;
    }

    public bool Answered(int client, ReadOnlySpan<byte> response)
    {
        var fields = new FieldReader(response);
        if (fields.Find(2))
        {
            _granted.Add((long)fields.Value);
        }

        return true;
    }
}

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
