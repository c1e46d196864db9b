using RaftKv.Differential.Stores;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;

namespace RaftKv.Compatibility.Tests.Stores;

/// <summary>The stores that tests run against, or the reason to skip a test.</summary>
internal static class Target
{
    private static readonly Lock Gate = new();
    private static Task<string?>? _raftKvObstacle;

    public static async Task<StoreProcess> EtcdOrSkipAsync(int members = 1)
    {
        var program = StoreProgram.FindEtcd();
        Assert.SkipWhen(program is null, "There is no 'etcd' on the PATH; it comes with Debian's package 'etcd-server'.");
        return await StoreProcess.StartAsync(program!, members, TestContext.Current.CancellationToken);
    }

    public static async Task<StoreProcess> RaftKvOrSkipAsync(int members = 1)
    {
        Task<string?> finding;
        lock (Gate)
        {
            finding = _raftKvObstacle ??= FindRaftKvObstacleAsync();
        }

        var obstacle = await finding;
        Assert.SkipWhen(obstacle is not null, obstacle ?? "");
        return await StoreProcess.StartAsync(StoreProgram.FindRaftKv()!, members, TestContext.Current.CancellationToken);
    }

    public static Task<StoreProcess> StartOrSkipAsync(StoreKind kind, int members = 1)
        => kind == StoreKind.Etcd ? EtcdOrSkipAsync(members) : RaftKvOrSkipAsync(members);

    /// <summary>
    /// Skips only where there is no store behind the API at all. One that is there and does not work is for the tests to
    /// find out.
    /// </summary>
    private static async Task<string?> FindRaftKvObstacleAsync()
    {
        if (StoreProgram.FindRaftKv() is not { } program)
        {
            return "raftkv is not built.";
        }

        try
        {
            await using var store = await StoreProcess.StartAsync(program);
            await using var client = new StoreClient(store.Members[0].Client);
            var answer = await client.CallAsync("range", new RangeRequest { Key = Google.Protobuf.ByteString.CopyFromUtf8("a") });
            return answer.Status.Code == RpcStatusCode.Unimplemented ? "raftkv serves no store yet: KV is UNIMPLEMENTED." : null;
        }
        catch (StoreException refusal) when (refusal.Message.Contains("--data-dir", StringComparison.Ordinal))
        {
            return "raftkv serves no store yet: it takes no --data-dir.";
        }
        catch (StoreException)
        {
            return null;
        }
    }
}
