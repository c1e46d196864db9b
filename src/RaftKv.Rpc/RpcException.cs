namespace RaftKv.Rpc;

/// <summary>
/// A call that did not end well. A client meets it when a call fails; a handler may throw it to choose the status its
/// caller sees (a refusal that is part of normal traffic is cheaper by <c>RpcServerCall.Fail</c>).
/// </summary>
/// <example><code>catch (RpcException e) when (e.Status.Code == RpcStatusCode.Unavailable) { ... }</code></example>
public class RpcException : Exception
{
    public RpcException(RpcStatusCode code, string detail)
        : this(new RpcStatus(code, detail))
    {
    }

    public RpcException(RpcStatus status, RpcMetadata? trailers = null, Exception? cause = null)
        : base(status.ToString(), cause)
    {
        Status = status;
        Trailers = trailers ?? [];
    }

    public RpcStatus Status { get; }

    public RpcStatusCode Code => Status.Code;

    /// <summary>What came with the status. Empty when the call never reached a server.</summary>
    public RpcMetadata Trailers { get; }

    /// <summary>
    /// Whether it is certain that no server has acted on the call, in any of its attempts: no connection came up, or the
    /// servers said that they did not process it. A call that changes something may then be made again.
    /// </summary>
    public bool IsUnseen { get; internal set; }
}
