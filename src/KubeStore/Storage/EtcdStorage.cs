using System.Text;
using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Rpc.Client;
using EtcdMethods = RaftKv.Client.EtcdMethods;

namespace KubeStore.Storage;

/// <summary>The store behind a channel to any etcd v3 cluster.</summary>
internal sealed class EtcdStorage(RpcChannel channel, TimeProvider? time = null) : IKubeStorage
{
    // Objects may be as large as requests may be, and pages hold many of them.
    private const int MaxAnswerBytes = int.MaxValue;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly SharedLeases _leases = new(
        async (seconds, cancellation) =>
            (await channel.UnaryAsync(EtcdMethods.LeaseGrant, new LeaseGrantRequest { TTL = seconds }, Options(cancellation)).ConfigureAwait(false)).ID,
        time ?? TimeProvider.System);

    public async Task<StoredRange> RangeAsync(string from, string? to, long revision, long limit, CancellationToken cancellation)
    {
        var request = new RangeRequest { Key = Bytes(from), Revision = revision, Limit = limit };
        if (to is not null)
        {
            request.RangeEnd = Bytes(to);
        }

        var answer = await AskAsync(EtcdMethods.Range, request, isSafe: true, cancellation).ConfigureAwait(false);
        return new([.. answer.Kvs.Select(Stored)], answer.Header.Revision, answer.More, answer.Count);
    }

    public async Task<WriteOutcome> PutAsync(
        string key, ReadOnlyMemory<byte> value, long expected, TimeSpan? timeToLive, CancellationToken cancellation)
    {
        var put = new PutRequest { Key = Bytes(key), Value = UnsafeByteOperations.UnsafeWrap(value) };
        if (timeToLive is { } life)
        {
            put.Lease = await Told(() => _leases.TakeAsync(life, cancellation)).ConfigureAwait(false);
        }

        return await GuardedAsync(key, expected, new RequestOp { RequestPut = put }, cancellation).ConfigureAwait(false);
    }

    public Task<WriteOutcome> DeleteAsync(string key, long expected, CancellationToken cancellation)
        => GuardedAsync(key, expected, new RequestOp { RequestDeleteRange = new() { Key = Bytes(key) } }, cancellation);

    public async ValueTask<IStorageWatch> WatchAsync(string prefix, long fromRevision, CancellationToken cancellation)
    {
        var call = channel.Duplex(EtcdMethods.Watch, new RpcCallOptions { WaitForReady = true, MaxReceiveMessageBytes = MaxAnswerBytes, CancellationToken = cancellation });
        try
        {
            await call.Requests.WriteAsync(
                new WatchRequest
                {
                    CreateRequest = new()
                    {
                        Key = Bytes(prefix),
                        RangeEnd = Bytes(KeyRanges.EndOf(prefix)),
                        StartRevision = fromRevision,
                        PrevKv = true,
                        ProgressNotify = true,
                    },
                }).ConfigureAwait(false);
            return new EtcdWatch(call);
        }
        catch (RpcException failed)
        {
            await call.DisposeAsync().ConfigureAwait(false);
            throw EtcdFailure.Of(failed);
        }
        catch
        {
            await call.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public async Task CompactAsync(long revision, CancellationToken cancellation)
    {
        try
        {
            await AskAsync(EtcdMethods.Compact, new CompactionRequest { Revision = revision }, isSafe: true, cancellation).ConfigureAwait(false);
        }
        catch (HistoryGoneException)
        {
            // Somebody else has done it.
        }
    }

    internal static StoredValue Stored(RaftKv.Protocol.Mvcc.KeyValue pair) => new(pair.Key.ToStringUtf8(), pair.Value.Memory, pair.ModRevision);

    private async Task<WriteOutcome> GuardedAsync(string key, long expected, RequestOp write, CancellationToken cancellation)
    {
        var request = new TxnRequest();
        request.Compare.Add(new Compare
        {
            Key = Bytes(key),
            Target = Compare.Types.CompareTarget.Mod,
            Result = Compare.Types.CompareResult.Equal,
            ModRevision = expected,
        });
        request.Success.Add(write);
        request.Failure.Add(new RequestOp { RequestRange = new() { Key = Bytes(key) } });
        var answer = await AskAsync(EtcdMethods.Txn, request, isSafe: false, cancellation).ConfigureAwait(false);
        if (answer.Succeeded)
        {
            return new(true, answer.Header.Revision, null);
        }

        var found = answer.Responses[0].ResponseRange.Kvs;
        return new(false, answer.Header.Revision, found.Count > 0 ? Stored(found[0]) : null);
    }

    private Task<TResponse> AskAsync<TRequest, TResponse>(
        RpcMethod<TRequest, TResponse> method, TRequest request, bool isSafe, CancellationToken cancellation)
        => Told(async () => await channel.UnaryAsync(method, request, Options(cancellation) with { IsSafeToRetry = isSafe }).ConfigureAwait(false));

    private static async Task<T> Told<T>(Func<Task<T>> call)
    {
        try
        {
            return await call().ConfigureAwait(false);
        }
        catch (RpcException failed)
        {
            throw EtcdFailure.Of(failed);
        }
    }

    private static RpcCallOptions Options(CancellationToken cancellation) => new()
    {
        CancellationToken = cancellation,
        Timeout = Patience,
        WaitForReady = true,
        MaxReceiveMessageBytes = MaxAnswerBytes,
    };

    private static ByteString Bytes(string text) => ByteString.CopyFrom(text, Encoding.UTF8);
}
