using RaftKv.Raft.Membership;
using RaftKv.Raft.Quorum;

namespace RaftKv.Raft.Replication;

/// <summary>
/// The leader's beliefs about every member, itself included, in order of their identifiers. A member that a change
/// has removed stays as <see cref="Leaving"/> until it has been told, so that it learns why nobody talks to it.
/// </summary>
internal sealed class ProgressTable
{
    private readonly NodeId _self;
    private readonly RaftConfig _config;
    private readonly List<FollowerProgress> _members = [];

    public ProgressTable(NodeId self, RaftConfig config)
    {
        _self = self;
        _config = config;
        Matches = new MatchView(this);
        AnsweredRounds = new RoundView(this);
        Activity = new ActivityView(this);
    }

    public List<FollowerProgress> Members => _members;

    /// <summary>Removed, still sent to, and counted nowhere.</summary>
    public List<FollowerProgress> Leaving { get; } = [];

    // What the quorum is asked about. Made once, since it is asked with every acknowledgement.
    public IReached Matches { get; }

    public IReached AnsweredRounds { get; }

    public IReached Activity { get; }

    public FollowerProgress? Find(NodeId id)
    {
        foreach (var member in _members)
        {
            if (member.Id == id)
            {
                return member;
            }
        }

        foreach (var member in Leaving)
        {
            if (member.Id == id)
            {
                return member;
            }
        }

        return null;
    }

    public void Clear()
    {
        _members.Clear();
        Leaving.Clear();
    }

    /// <summary>Keeps what is known of those who stay; newcomers start after <paramref name="last"/>.</summary>
    public void Follow(ClusterConfig members, ulong last)
    {
        Leaving.Clear();
        foreach (var member in _members)
        {
            if (member.Id != _self && !members.IsMember(member.Id))
            {
                Leaving.Add(member);
            }
        }

        _members.RemoveAll(member => !members.IsMember(member.Id));
        foreach (var id in members.Members)
        {
            if (_members.Exists(member => member.Id == id))
            {
                continue;
            }

            var newcomer = new FollowerProgress(id, _config.MaxInflightAppends, _config.MaxInflightBytes);
            newcomer.Reset(match: 0, next: Math.Max(last, 1));

            // Otherwise check-quorum could depose the leader before the newcomer had a chance to answer.
            newcomer.IsActive = true;
            _members.Add(newcomer);
        }

        _members.Sort((one, other) => one.Id.CompareTo(other.Id));
    }

    /// <summary>How far each member's log is known to be durable.</summary>
    private sealed class MatchView(ProgressTable table) : IReached
    {
        public ulong ReachedBy(NodeId voter) => table.Find(voter)?.Match ?? 0;
    }

    /// <summary>Up to which heartbeat round each member has answered.</summary>
    private sealed class RoundView(ProgressTable table) : IReached
    {
        public ulong ReachedBy(NodeId voter) => table.Find(voter)?.AnsweredRound ?? 0;
    }

    /// <summary>One for members that were heard of lately, zero for the others.</summary>
    private sealed class ActivityView(ProgressTable table) : IReached
    {
        public ulong ReachedBy(NodeId voter) => table.Find(voter) is { IsActive: true } ? 1UL : 0UL;
    }
}
