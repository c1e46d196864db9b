using RaftKv.Protocol.Etcd;
using RaftKv.Protocol.Mvcc;
using RaftKv.Rpc;
using RaftKv.Rpc.Client;

namespace KubeStore.Storage;

/// <summary>One watch on one stream.</summary>
internal sealed class EtcdWatch(RpcDuplexCall<WatchRequest, WatchResponse> call) : IStorageWatch
{
    private readonly SemaphoreSlim _writing = new(1);
    private readonly IAsyncEnumerator<WatchResponse> _answers = call.Responses.GetAsyncEnumerator();

    public async ValueTask<ChangeBatch> NextAsync()
    {
        List<StoredChange>? parts = null;
        while (true)
        {
            WatchResponse answer;
            try
            {
                answer = await _answers.MoveNextAsync().ConfigureAwait(false)
                    ? _answers.Current
                    : throw new StorageUnavailableException("The store ended the watch.");
            }
            catch (RpcException failed)
            {
                throw EtcdFailure.Of(failed);
            }

            if (answer.Canceled)
            {
                throw answer.CompactRevision > 0
                    ? new HistoryGoneException(answer.CompactRevision)
                    : new StorageUnavailableException($"The store ended the watch: {answer.CancelReason}");
            }

            if (answer.Created)
            {
                continue;
            }

            var changes = answer.Events.Select(Change);
            if (answer.Fragment)
            {
                (parts ??= []).AddRange(changes);
                continue;
            }

            List<StoredChange> all = parts is null ? [.. changes] : [.. parts, .. changes];

            // An answer may be sent later than what it tells of: only one without events says how far the watch is.
            return new(all, all.Count > 0 ? all[^1].Revision : answer.Header.Revision);
        }
    }

    public async ValueTask RequestProgressAsync()
    {
        await _writing.WaitAsync().ConfigureAwait(false);
        try
        {
            await call.Requests.WriteAsync(new WatchRequest { ProgressRequest = new() }).ConfigureAwait(false);
        }
        catch (RpcException failed)
        {
            throw EtcdFailure.Of(failed);
        }
        finally
        {
            _writing.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _answers.DisposeAsync().ConfigureAwait(false);
        await call.DisposeAsync().ConfigureAwait(false);
        _writing.Dispose();
    }

    private static StoredChange Change(Event change) => new(
        change.Kv.Key.ToStringUtf8(),
        change.Type == Event.Types.EventType.Put ? change.Kv.Value.Memory : (ReadOnlyMemory<byte>?)null,
        change.PrevKv?.Value.Memory,
        change.Kv.ModRevision);
}
