using RaftKv.Rpc;

namespace RaftKv.Client.Watching;

/// <summary>Why members refuse watches. They say so in words, the words of a status among them.</summary>
internal static class WatchRefusal
{
    private const string Prefix = "rpc error: code = ";
    private const string Separator = " desc = ";

    /// <summary>The status behind the reason of a cancellation.</summary>
    public static RpcException Of(string reason)
    {
        var separator = reason.IndexOf(Separator, StringComparison.Ordinal);
        if (reason.StartsWith(Prefix, StringComparison.Ordinal)
            && separator > 0
            && Enum.TryParse<RpcStatusCode>(reason.AsSpan(Prefix.Length, separator - Prefix.Length), out var code))
        {
            return new(code, reason[(separator + Separator.Length)..]);
        }

        return reason switch
        {
            "etcdserver: mvcc: required revision has been compacted" => new(RpcStatusCode.OutOfRange, reason),
            "etcdserver: permission denied" => new(RpcStatusCode.PermissionDenied, reason),
            "" => new(RpcStatusCode.FailedPrecondition, "the member has cancelled the watch and does not say why"),
            _ => new(RpcStatusCode.InvalidArgument, reason),
        };
    }

    /// <summary>Whether a stream that ended so would end so again, wherever it goes.</summary>
    public static bool IsForGood(RpcException failure) => failure.Code is RpcStatusCode.InvalidArgument
        or RpcStatusCode.PermissionDenied or RpcStatusCode.Unauthenticated or RpcStatusCode.Unimplemented;
}
