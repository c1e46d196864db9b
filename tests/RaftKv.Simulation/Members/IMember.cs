using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Raft.Membership;
using RaftKv.Raft.Messages;
using RaftKv.Simulation.Disks;

namespace RaftKv.Simulation.Members;

/// <summary>
/// What runs in the process of a node. The simulator needs no more of it than this: a member with leases and watches
/// takes the place of one with registers by implementing the same.
/// </summary>
internal interface IMember
{
    RaftNode Raft { get; }

    /// <summary>How far this process's disk has confirmed the log, as opposed to what the core believes.</summary>
    ulong DurableIndex { get; }

    /// <summary>What has been applied, and the state it led to, in one number.</summary>
    ulong AppliedIndex { get; }

    ulong StateHash { get; }

    void Tick();

    void Receive(in Message message, MemberState? state);

    /// <summary>A client asks. The answer comes through <see cref="IMemberWorld.Answer"/>, at once or later or never.</summary>
    void Submit(in Request request);

    void ChangeMembership(ConfigChange change);

    void TransferLeadership(NodeId target);

    /// <summary>Work that was begun with <see cref="IMemberWorld.Await"/> is done.</summary>
    void Continue(int stage, ulong argument);

    void ReportUnreachable(NodeId member);

    void ReportGone(NodeId member);

    void ReportSnapshot(NodeId member, bool isDelivered);
}

/// <summary>What a member finds around it: its disk, its network, its clients, and the world's eyes.</summary>
internal interface IMemberWorld
{
    NodeId Self { get; }

    long Now { get; }

    SimulatedFileSystem Disk { get; }

    void Send(in Message message, MemberState? state);

    void Answer(in Response response);

    /// <summary>Calls <see cref="IMember.Continue"/> at a time, if the process still lives then.</summary>
    void Await(long at, int stage, ulong argument);

    /// <summary>A named place where a crash may strike.</summary>
    /// <exception cref="ProcessEndedException">It does.</exception>
    void Pass(Failpoint failpoint);

    /// <summary>The machine's clocks: a monotonic one of its own rate, and one on the wall.</summary>
    TimeProvider Time { get; }

    /// <summary>The log after the member has been put back together, before it takes part in anything.</summary>
    void Recovered(ILogReader log, MemberState state, ulong stateHash);

    void HandedOut(in Message message);

    void Writing(LogPosition? reset, ReadOnlySpan<Entry> entries);

    void Durable();

    void Applied(in Entry entry, ulong stateHash, ClusterConfig config);

    void Installed(MemberState state, ulong stateHash);

    /// <summary>The member belongs to the cluster no more, and its process ends for good.</summary>
    void Leave();

    /// <summary>Another one learns, as it knocks, that it does not belong to the cluster any more.</summary>
    void Dismiss(NodeId removed);

    /// <summary>Whether both are up and hear each other.</summary>
    bool IsConnectedTo(NodeId other);

    /// <summary>How another member receives this one.</summary>
    Welcome Knock(NodeId other);
}

/// <summary>How a member is received by another one that it connects to.</summary>
internal enum Welcome
{
    /// <summary>It is down, or the line is cut, one way or both.</summary>
    NoAnswer,

    Yes,

    /// <summary>It remembers nothing, and the other one knows that it has run before.</summary>
    LostItsData,

    /// <summary>It belongs to the cluster no more.</summary>
    Removed,
}

/// <summary>A whole state machine as of one position, in bytes, as it lies on disk and travels to other members.</summary>
internal sealed record MemberState(LogPosition Position, ClusterConfig Config, byte[] Bytes);

/// <summary>The process is no more. Nothing but the node it ran on catches this.</summary>
internal sealed class ProcessEndedException(Failpoint failpoint) : Exception($"The process ended at {failpoint}.")
{
    public Failpoint Failpoint { get; } = failpoint;
}

/// <summary>The member found something on its disk that it must not go on with, and says so instead of starting.</summary>
internal sealed class StartRefusedException(string reason) : Exception(reason);
