using RaftKv.Rpc;

namespace KubeStore.Storage;

/// <summary>What a store's refusals mean here. Its words are part of its API.</summary>
internal static class EtcdFailure
{
    public static Exception Of(RpcException failed) => failed switch
    {
        { Code: RpcStatusCode.OutOfRange } when Says(failed, "compacted") => new HistoryGoneException(0),
        { Code: RpcStatusCode.OutOfRange } when Says(failed, "future revision") => new FutureRevisionException(0),
        { Code: RpcStatusCode.InvalidArgument } when Says(failed, "too large") => new ValueTooLargeException(failed.Status.Detail),
        { Code: RpcStatusCode.ResourceExhausted } when Says(failed, "too large") || Says(failed, "larger than") => new ValueTooLargeException(failed.Status.Detail),
        _ => new StorageUnavailableException(failed.Message, failed),
    };

    private static bool Says(RpcException failed, string words) => failed.Status.Detail.Contains(words, StringComparison.OrdinalIgnoreCase);
}
