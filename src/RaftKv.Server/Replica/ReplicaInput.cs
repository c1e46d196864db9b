using RaftKv.Raft;
using RaftKv.Raft.Messages;

namespace RaftKv.Server.Replica;

/// <summary>What comes in to the replica.</summary>
public enum ReplicaInputKind : byte
{
    /// <summary>Time goes on.</summary>
    Tick,

    /// <summary>From another member.</summary>
    Message,

    /// <summary>A command, to be put into the log.</summary>
    Proposal,

    /// <summary>A read has arrived at the gate.</summary>
    Read,

    /// <summary>Writes up to a number are durable.</summary>
    Persisted,

    /// <summary>Entries up to an index are applied.</summary>
    Applied,

    /// <summary>A change of the membership.</summary>
    ConfigChange,

    /// <summary>Leadership is to go to another member.</summary>
    Transfer,

    /// <summary>Messages to a member were lost.</summary>
    Unreachable,

    /// <summary>Nobody accepts connections where a member was.</summary>
    Gone,

    /// <summary>How a snapshot went.</summary>
    SnapshotSent,

    /// <summary>A whole state has arrived from the leader.</summary>
    StateArrived,

    /// <summary>A state that can be sent to others stands ready.</summary>
    StateOffered,

    /// <summary>An arrived state has been put in the place of what was there.</summary>
    StateInstalled,

    /// <summary>A member whose state is wrong needs that of the leader.</summary>
    StateWanted,

    /// <summary>A state that has arrived is not needed.</summary>
    StateUnwanted,

    /// <summary>A command whose answer nobody waits for.</summary>
    Note,
}

/// <summary>One thing that came in.</summary>
public readonly record struct ReplicaInput(ReplicaInputKind Kind)
{
    public Message Message { get; private init; }

    public ReadOnlyMemory<byte> Payload { get; private init; }

    /// <summary>A request id, a write number or an index.</summary>
    public ulong Number { get; private init; }

    public NodeId Member { get; private init; }

    public bool IsDelivered { get; private init; }

    /// <summary>A change, or a state.</summary>
    public object? Subject { get; private init; }

    public static ReplicaInput Tick => new(ReplicaInputKind.Tick);

    public static ReplicaInput Read => new(ReplicaInputKind.Read);

    public static ReplicaInput Of(in Message message) => new(ReplicaInputKind.Message) { Message = message };

    public static ReplicaInput Proposal(ReadOnlyMemory<byte> payload, ulong requestId)
        => new(ReplicaInputKind.Proposal) { Payload = payload, Number = requestId };

    public static ReplicaInput Persisted(ulong number) => new(ReplicaInputKind.Persisted) { Number = number };

    public static ReplicaInput Applied(ulong index) => new(ReplicaInputKind.Applied) { Number = index };

    public static ReplicaInput Change(MembershipProposal proposal)
        => new(ReplicaInputKind.ConfigChange) { Subject = proposal };

    public static ReplicaInput Transfer(NodeId target, ulong requestId)
        => new(ReplicaInputKind.Transfer) { Member = target, Number = requestId };

    public static ReplicaInput Unreachable(NodeId member) => new(ReplicaInputKind.Unreachable) { Member = member };

    public static ReplicaInput Gone(NodeId member) => new(ReplicaInputKind.Gone) { Member = member };

    public static ReplicaInput SnapshotSent(NodeId member, bool isDelivered)
        => new(ReplicaInputKind.SnapshotSent) { Member = member, IsDelivered = isDelivered };

    public static ReplicaInput StateArrived(in Message message, object state)
        => new(ReplicaInputKind.StateArrived) { Message = message, Subject = state };

    public static ReplicaInput StateOffered(object state) => new(ReplicaInputKind.StateOffered) { Subject = state };

    /// <param name="member">Whose state is wrong.</param>
    /// <param name="index">The state must be no older than this.</param>
    public static ReplicaInput StateWanted(NodeId member, ulong index)
        => new(ReplicaInputKind.StateWanted) { Member = member, Number = index };

    public static ReplicaInput StateUnwanted(ArrivedState state) => new(ReplicaInputKind.StateUnwanted) { Subject = state };

    public static ReplicaInput Note(ReadOnlyMemory<byte> payload)
        => new(ReplicaInputKind.Note) { Payload = payload, Number = PendingAnswers.NobodyWaits };

    public static ReplicaInput StateInstalled(object state) => new(ReplicaInputKind.StateInstalled) { Subject = state };
}
