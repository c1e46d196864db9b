namespace RaftKv.Rpc.Client;

/// <summary>
/// Wraps every call of a channel. It may add to <see cref="RpcClientCall.Metadata"/> before <paramref name="next"/>, which
/// completes when the call has ended; then <see cref="RpcClientCall.Status"/> says how. Throwing an
/// <see cref="RpcException"/> instead of calling <paramref name="next"/> refuses the call with that status.
/// </summary>
/// <remarks>A streaming call ends when its responses were read to the end, or it was disposed.</remarks>
/// <example><code>
/// Interceptors = [async (call, next) => { await next(); calls.Add(1, new("method", call.Method.Path), new("code", call.Status?.Code)); }]
/// </code></example>
public delegate ValueTask RpcClientInterceptor(RpcClientCall call, Func<ValueTask> next);

/// <summary>A call as interceptors see it.</summary>
public sealed class RpcClientCall
{
    internal RpcClientCall(RpcMethod method, RpcMetadata? metadata)
    {
        Method = method;
        Metadata = [];
        Metadata.AddAll(metadata);
    }

    public RpcMethod Method { get; }

    /// <summary>What the call sends: the caller's metadata, and what interceptors add to it.</summary>
    public RpcMetadata Metadata { get; }

    /// <summary>How the call ended. Null until it has.</summary>
    public RpcStatus? Status { get; internal set; }

    /// <summary>The address of the last attempt. Null while none was made.</summary>
    public Uri? Address { get; internal set; }

    /// <summary>How many attempts were made.</summary>
    public int Attempts { get; internal set; }
}
