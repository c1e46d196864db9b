using RaftKv.Raft;

namespace RaftKv.Server.Peers;

/// <summary>What one member sends here.</summary>
internal sealed class IncomingMember(NodeId id)
{
    private long _messages;
    private long _bytes;

    public NodeId Id => id;

    public long Messages => Volatile.Read(ref _messages);

    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>The process that is connected, or was last.</summary>
    public ulong Process { get; set; }

    public Dictionary<PeerLane, IncomingStream> Streams { get; } = [];

    public void Count(int messages, long bytes)
    {
        Interlocked.Add(ref _messages, messages);
        Interlocked.Add(ref _bytes, bytes);
    }
}

/// <summary>One connection of a member to here, and when it is over.</summary>
internal sealed class IncomingStream(PeerConnection connection)
{
    private readonly TaskCompletionSource _left = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public PeerConnection Connection => connection;

    public Task Left => _left.Task;

    public void Leave() => _left.TrySetResult();
}

/// <summary>
/// Who may connect, and who is connected. A member has one stream a lane; a second one replaces it, since it means that the
/// first broke without our noticing. A second process that claims to be the same member is another matter: it is refused
/// for as long as the first shows signs of life, because two of one identity are two votes for one member.
/// </summary>
internal sealed class IncomingMembers(PeerOptions options)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<NodeId, IncomingMember> _members = [];
    private readonly HashSet<NodeId> _removed = [];
    private bool _isStopping;

    public (long Messages, long Bytes) ReceivedFrom(NodeId id)
    {
        lock (_gate)
        {
            return _members.TryGetValue(id, out var member) ? (member.Messages, member.Bytes) : (0, 0);
        }
    }

    /// <summary>Why the one who says this is sent away; welcome if it is not.</summary>
    public (PeerVerdict Verdict, string Reason) Judge(in PeerHello hello)
    {
        if (hello.OldestProtocol > PeerHello.Protocol || hello.NewestProtocol < PeerHello.Protocol)
        {
            return (PeerVerdict.OtherProtocol,
                $"It speaks peer protocol {hello.OldestProtocol} to {hello.NewestProtocol}, this member speaks {PeerHello.Protocol}.");
        }

        if (hello.Lane is < PeerLane.Prompt or > PeerLane.Snapshot || hello.From.IsNone)
        {
            return (PeerVerdict.Malformed, $"It is member {hello.From} and asks for lane {(byte)hello.Lane}: that makes no sense.");
        }

        if (hello.ClusterId != options.ClusterId)
        {
            return (PeerVerdict.OtherCluster,
                $"It belongs to cluster {hello.ClusterId:x}, this member to cluster {options.ClusterId:x}.");
        }

        if (hello.To != options.Self)
        {
            return (PeerVerdict.WrongMember, $"It looks for member {hello.To}, this is member {options.Self}.");
        }

        lock (_gate)
        {
            return JudgeMember(hello);
        }
    }

    /// <summary>Takes a member's stream in, once the one it replaces is over. False if the answer is different by now.</summary>
    public async Task<IncomingMember?> EnterAsync(PeerHello hello, IncomingStream stream)
    {
        while (true)
        {
            List<IncomingStream> others;
            lock (_gate)
            {
                if (JudgeMember(hello).Verdict != PeerVerdict.Welcome)
                {
                    return null;
                }

                if (!_members.TryGetValue(hello.From, out var member))
                {
                    _members.Add(hello.From, member = new IncomingMember(hello.From));
                }

                // All streams of a process that is gone, and this lane's of one that is here.
                others = [.. member.Streams
                    .Where(one => member.Process != hello.Process || one.Key == hello.Lane)
                    .Select(one => one.Value)];
                if (others.Count == 0)
                {
                    member.Process = hello.Process;
                    member.Streams.Add(hello.Lane, stream);
                    return member;
                }
            }

            foreach (var other in others)
            {
                other.Connection.Cut("The member has made a new connection.");
                await other.Left.ConfigureAwait(false);
            }
        }
    }

    public void Leave(IncomingMember member, PeerLane lane, IncomingStream stream)
    {
        lock (_gate)
        {
            Invariant.Holds(member.Streams[lane] == stream);
            member.Streams.Remove(lane);
        }

        stream.Leave();
    }

    public IReadOnlyList<IncomingStream> Remove(NodeId id)
    {
        lock (_gate)
        {
            _removed.Add(id);
            return _members.TryGetValue(id, out var member) ? [.. member.Streams.Values] : [];
        }
    }

    public void Readmit(NodeId id)
    {
        lock (_gate)
        {
            _removed.Remove(id);
        }
    }

    public IReadOnlyList<IncomingStream> Stop()
    {
        lock (_gate)
        {
            _isStopping = true;
            return [.. _members.Values.SelectMany(member => member.Streams.Values)];
        }
    }

    private (PeerVerdict Verdict, string Reason) JudgeMember(in PeerHello hello)
    {
        if (_isStopping)
        {
            return (PeerVerdict.Stopping, $"Member {options.Self} is stopping.");
        }

        if (_removed.Contains(hello.From))
        {
            return (PeerVerdict.Removed, $"Member {hello.From} was removed from the cluster.");
        }

        if (hello.IsBlank && options.HasRun(hello.From) is not false and var hasRun)
        {
            return hasRun is null
                ? (PeerVerdict.Stopping, $"Member {options.Self} cannot tell whether member {hello.From} has run before.")
                : (PeerVerdict.LostItsData,
                    $"Member {hello.From} has run before, and this one has no data: what it had promised is lost. "
                    + "Remove it from the cluster, and add it as a new member.");
        }

        if (hello.From == options.Self)
        {
            return (PeerVerdict.SameIdentity, $"It says that it is member {hello.From}; so is this one.");
        }

        var isTaken = _members.TryGetValue(hello.From, out var member)
            && member.Process != hello.Process
            && member.Streams.Values.Any(stream => stream.Connection.WasHeardWithin(2 * options.KeepAliveInterval));
        return isTaken
            ? (PeerVerdict.SameIdentity, $"Another process that is member {hello.From} is connected: two members must not share an identity.")
            : (PeerVerdict.Welcome, "");
    }
}
