using Google.Protobuf;
using RaftKv.Rpc;

namespace RaftKv.Stores;

/// <summary>How a call ended: with a message, or with a status that says why there is none.</summary>
public sealed record Answer(RpcStatus Status, IMessage? Message)
{
    /// <summary>Neither a message nor a failure: what an operation leaves that is not answered.</summary>
    public static readonly Answer None = new(RpcStatus.Ok, null);

    public bool IsOk => Status.IsOk;

    public static Answer Of(IMessage message) => new(RpcStatus.Ok, message);

    public static Answer Of(RpcStatus failure) => new(failure, null);
}
