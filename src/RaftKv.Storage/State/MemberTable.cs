using System.Buffers;
using System.Collections.Immutable;
using RaftKv.Raft;
using RaftKv.Raft.Membership;

namespace RaftKv.Storage.State;

/// <summary>
/// The members by id, and the ids of those that were removed, which are banned for ever: a member that comes back with an
/// old data directory must not be taken for one that has kept every promise it made.
/// </summary>
/// <remarks>
/// <para>Raft obeys a <see cref="ConfigChange"/> as soon as it is in the log. So a change is refused here before it is
/// proposed (<see cref="Check"/>, with no earlier change under way), and <see cref="Apply"/> finds the same answer.</para>
/// <para>Changed by one thread. What the properties hand out is never changed but replaced, so any thread may read it.</para>
/// </remarks>
public sealed class MemberTable
{
    private const byte Version = 1;

    private ImmutableSortedDictionary<NodeId, Member> _members;
    private ImmutableSortedSet<NodeId> _removed;

    public MemberTable()
        : this(ImmutableSortedDictionary<NodeId, Member>.Empty, [])
    {
    }

    private MemberTable(ImmutableSortedDictionary<NodeId, Member> members, ImmutableSortedSet<NodeId> removed)
    {
        _members = members;
        _removed = removed;
    }

    /// <summary>In order of their ids.</summary>
    public IEnumerable<Member> Members => _members.Values;

    public int Count => _members.Count;

    /// <summary>In order.</summary>
    public IReadOnlyCollection<NodeId> Removed => _removed;

    /// <summary>The members that start a cluster.</summary>
    /// <exception cref="ArgumentException">Two have the same id, or share a peer URL.</exception>
    public static MemberTable Bootstrapped(IEnumerable<Member> members)
    {
        var table = new MemberTable();
        foreach (var member in members)
        {
            var error = table.Apply(MemberChange.Add(member, int.MaxValue));
            if (error != StateError.None)
            {
                throw new ArgumentException($"The initial member {member.Id} ({member.Name}) is refused: {error}.", nameof(members));
            }
        }

        return table;
    }

    public Member? Find(NodeId id) => _members.GetValueOrDefault(id);

    /// <summary>Whether nobody with this id may ever take part again.</summary>
    public bool IsRemoved(NodeId id) => _removed.Contains(id);

    /// <summary>Whether the change may be made, as things stand.</summary>
    public StateError Check(MemberChange change)
    {
        var id = change.Member.Id;
        if (_removed.Contains(id))
        {
            return StateError.MemberNotFound;
        }

        _members.TryGetValue(id, out var member);
        if (change.Kind == MemberChangeKind.Add)
        {
            if (member is not null)
            {
                return StateError.MemberExists;
            }

            if (IsTaken(change.Member))
            {
                return StateError.PeerUrlExists;
            }

            return change.Member.IsLearner && _members.Values.Count(one => one.IsLearner) >= change.MaxLearners
                ? StateError.TooManyLearners
                : StateError.None;
        }

        if (member is null)
        {
            return StateError.MemberNotFound;
        }

        return change.Kind switch
        {
            MemberChangeKind.Promote when !member.IsLearner => StateError.MemberNotLearner,
            MemberChangeKind.Update when IsTaken(change.Member) => StateError.PeerUrlExists,
            _ => StateError.None,
        };
    }

    public StateError Apply(MemberChange change)
    {
        var error = Check(change);
        if (error != StateError.None)
        {
            return error;
        }

        var id = change.Member.Id;
        switch (change.Kind)
        {
            case MemberChangeKind.Add:
                _members = _members.Add(id, change.Member);
                break;
            case MemberChangeKind.Promote:
                _members = _members.SetItem(id, _members[id] with { IsLearner = false });
                break;
            case MemberChangeKind.Remove:
                _members = _members.Remove(id);
                _removed = _removed.Add(id);
                break;
            case MemberChangeKind.Update:
                _members = _members.SetItem(id, _members[id] with { PeerUrls = change.Member.PeerUrls });
                break;
        }

        return StateError.None;
    }

    /// <summary>A member that has started says what it is called and where clients find it.</summary>
    public StateError SetAttributes(NodeId id, string name, IReadOnlyList<string> clientUrls)
    {
        // A member may be removed while its word is on the way.
        if (!_members.TryGetValue(id, out var member))
        {
            return StateError.MemberNotFound;
        }

        _members = _members.SetItem(id, member with { Name = name, ClientUrls = clientUrls });
        return StateError.None;
    }

    /// <summary>The change in Raft's words, with the cluster's in its context.</summary>
    public ConfigChange ToConfigChange(MemberChange change)
    {
        var isLearner = change.Kind switch
        {
            MemberChangeKind.Add => change.Member.IsLearner,

            // Raft has no word for it: the member is put where it is.
            MemberChangeKind.Update => Find(change.Member.Id) is { IsLearner: true },
            _ => false,
        };
        var step = change.Kind == MemberChangeKind.Remove ? ConfigStepKind.Remove
            : isLearner ? ConfigStepKind.AddLearner
            : ConfigStepKind.AddVoter;
        return ConfigChange.OneStep(step, change.Member.Id, change.Encode());
    }

    /// <summary>The members as Raft knows them.</summary>
    public ClusterConfig ToClusterConfig()
        => ClusterConfig.Of(
            Members.Where(member => !member.IsLearner).Select(member => member.Id),
            Members.Where(member => member.IsLearner).Select(member => member.Id));

    public void WriteTo(IBufferWriter<byte> to)
    {
        var writer = new StateWriter(to);
        writer.Byte(Version);
        writer.Count(_members.Count);
        foreach (var member in _members.Values)
        {
            member.WriteTo(writer);
        }

        writer.Count(_removed.Count);
        foreach (var id in _removed)
        {
            writer.Id(id.Value);
        }
    }

    /// <exception cref="StateFormatException">These are not the bytes of a table.</exception>
    public static MemberTable ReadFrom(ReadOnlySpan<byte> bytes)
    {
        var reader = new StateReader(bytes, "member table");
        reader.Version(Version);
        var members = ImmutableSortedDictionary.CreateBuilder<NodeId, Member>();
        var previous = NodeId.None;
        for (var left = reader.Count(Member.MinBytes); left > 0; left--)
        {
            var start = reader.Offset;
            var member = Member.ReadFrom(ref reader);
            CheckOrder(ref reader, start, previous, member.Id);
            members.Add(member.Id, member);
            previous = member.Id;
        }

        var removed = ImmutableSortedSet.CreateBuilder<NodeId>();
        previous = NodeId.None;
        for (var left = reader.Count(sizeof(ulong)); left > 0; left--)
        {
            var start = reader.Offset;
            var id = new NodeId(reader.Id());
            CheckOrder(ref reader, start, previous, id);
            if (members.ContainsKey(id))
            {
                reader.FailAt(start, "a member is there and removed.");
            }

            removed.Add(id);
            previous = id;
        }

        reader.End();
        return new MemberTable(members.ToImmutable(), removed.ToImmutable());
    }

    private static void CheckOrder(ref StateReader reader, int start, NodeId previous, NodeId id)
    {
        if (id.CompareTo(previous) <= 0)
        {
            reader.FailAt(start, "a member has no id, or the ids are not in order.");
        }
    }

    private bool IsTaken(Member newcomer)
        => _members.Values.Any(member => member.Id != newcomer.Id && member.PeerUrls.Intersect(newcomer.PeerUrls).Any());
}
