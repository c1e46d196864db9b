using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Raft;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Commands;

namespace RaftKv.Storage.Tests.State.Model;

/// <summary>A command, before it has a place in the log.</summary>
internal abstract record StateRequest
{
    /// <summary>Its bytes.</summary>
    /// <param name="now">When it is proposed.</param>
    public abstract byte[] Encode(NaiveMoment now, ulong requestId);

    private static byte[] Message(ulong requestId, CommandKind kind, IMessage message)
        => CommandEnvelope.Encode(requestId, Caller.Nobody, kind, message.ToByteArray()).ToArray();

    public sealed record Put(PutRequest Request) : StateRequest
    {
        public override byte[] Encode(NaiveMoment now, ulong requestId) => Message(requestId, CommandKind.Put, Request);
    }

    public sealed record Delete(DeleteRangeRequest Request) : StateRequest
    {
        public override byte[] Encode(NaiveMoment now, ulong requestId) => Message(requestId, CommandKind.DeleteRange, Request);
    }

    public sealed record Txn(TxnRequest Request) : StateRequest
    {
        public override byte[] Encode(NaiveMoment now, ulong requestId) => Message(requestId, CommandKind.Txn, Request);
    }

    /// <summary>Counted from the newest revision, so that it means the same in a story that was made smaller.</summary>
    public sealed record Compact(long Back) : StateRequest
    {
        public override byte[] Encode(NaiveMoment now, ulong requestId)
            => Message(requestId, CommandKind.Compact, new CompactionRequest { Revision = now.Revision - Back });
    }

    public sealed record Grant(long Id, long Ttl) : StateRequest
    {
        public override byte[] Encode(NaiveMoment now, ulong requestId)
            => CommandEnvelope.Encode(requestId, Caller.Nobody, new LeaseGrantCommand(Id, Ttl));
    }

    public sealed record Revoke(long Id) : StateRequest
    {
        public override byte[] Encode(NaiveMoment now, ulong requestId)
            => CommandEnvelope.Encode(requestId, Caller.Nobody, new LeaseRevokeCommand(Caller.Nobody, Id, IsExpired: false));
    }

    public sealed record Checkpoint(long Id, long Remaining) : StateRequest
    {
        public override byte[] Encode(NaiveMoment now, ulong requestId)
            => CommandEnvelope.Encode(requestId, Caller.Nobody, new LeaseCheckpointCommand([new LeaseRemaining(Id, Remaining)]));
    }

    public sealed record Space(bool IsOut) : StateRequest
    {
        public override byte[] Encode(NaiveMoment now, ulong requestId)
            => CommandEnvelope.Encode(
                requestId,
                Caller.Nobody,
                new AlarmCommand(IsOut ? AlarmAction.Activate : AlarmAction.Deactivate, new NodeId(1), AlarmKind.NoSpace));
    }

    public sealed record AddUser(string Name) : StateRequest
    {
        public override byte[] Encode(NaiveMoment now, ulong requestId)
            => CommandEnvelope.Encode(
                requestId, Caller.Nobody, new UserAddCommand(Caller.Nobody, Name, new byte[] { 1, 2, 3 }, HasNoPassword: false));
    }

    public sealed record AddRole(string Name) : StateRequest
    {
        public override byte[] Encode(NaiveMoment now, ulong requestId)
            => CommandEnvelope.Encode(requestId, Caller.Nobody, new RoleAddCommand(Caller.Nobody, Name));
    }
}
