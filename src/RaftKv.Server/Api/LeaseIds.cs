using RaftKv.Raft;

namespace RaftKv.Server.Api;

/// <summary>
/// Ids for leases whose clients choose none, different on each member and after each restart.
/// <code>
///   0 | 15 bits of the member's id | 40 bits that begin with the time of the start | 8 bits that begin at 0
/// </code>
/// </summary>
internal sealed class LeaseIds
{
    private const int SuffixBits = 48;
    private const ulong SuffixMask = (1ul << SuffixBits) - 1;
    private const ulong TimeMask = (1ul << 40) - 1;

    private readonly ulong _prefix;
    private ulong _suffix;

    public LeaseIds(NodeId member, DateTimeOffset now)
    {
        _prefix = member.Value << SuffixBits;
        _suffix = ((ulong)now.ToUnixTimeMilliseconds() & TimeMask) << 8;
    }

    /// <summary>Positive. On any thread.</summary>
    public long Next()
    {
        while (true)
        {
            var id = (_prefix | (Interlocked.Increment(ref _suffix) & SuffixMask)) & long.MaxValue;
            if (id != 0)
            {
                return (long)id;
            }
        }
    }
}
