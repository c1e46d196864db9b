using System.Diagnostics;
using System.Runtime.CompilerServices;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Rpc.Client;

namespace RaftKv.Cli.Commands.Connection;

/// <summary>
/// A watch that outlives the members it goes through: when its stream breaks, it goes on at the revision behind the last
/// one it has told, so that no event is missing and none comes twice.
/// </summary>
internal sealed class ResumingWatch(ClusterConnection cluster, WatchCreateRequest request, TimeSpan dialTimeout)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private readonly WatchCreateRequest _next = request.Clone();
    private RpcDuplexCall<WatchRequest, WatchResponse>? _call;
    private bool _wasCreated;

    /// <summary>Events, progress, and at last the cancellation, if a member cancels it.</summary>
    /// <exception cref="ConnectionFailure">The members refuse to be watched, or none could be reached to begin with.</exception>
    public async IAsyncEnumerable<WatchResponse> RunAsync([EnumeratorCancellation] CancellationToken stop)
    {
        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            await using var call = await cluster.OpenAsync(EtcdMethods.Watch, stop);
            await call.Requests.WriteAsync(new WatchRequest { CreateRequest = _next });
            await using var responses = call.Responses.GetAsyncEnumerator(stop);
            Volatile.Write(ref _call, call);
            while (await ReadAsync(responses, started) is { } response)
            {
                if (response.Created && !response.Canceled)
                {
                    _wasCreated = true;
                    _next.StartRevision = _next.StartRevision == 0 ? response.Header.Revision + 1 : _next.StartRevision;
                    continue;
                }

                yield return response;
                if (response.Canceled)
                {
                    yield break;
                }

                _next.StartRevision = Math.Max(
                    _next.StartRevision, (response.Events.Count > 0 ? response.Events[^1].Kv.ModRevision : response.Header.Revision) + 1);
            }

            await Task.Delay(Pause, stop);
        }
    }

    /// <summary>Asks how far the watch has come; the answer is among the responses.</summary>
    public async Task AskForProgressAsync()
    {
        if (Volatile.Read(ref _call) is { } call)
        {
            await call.Requests.WriteAsync(new WatchRequest { ProgressRequest = new WatchProgressRequest() });
        }
    }

    // Null: the stream is over, and another one may take its place.
    private async Task<WatchResponse?> ReadAsync(IAsyncEnumerator<WatchResponse> responses, long started)
    {
        try
        {
            return await responses.MoveNextAsync() ? responses.Current : null;
        }
        catch (RpcException failure) when (failure.Code == RpcStatusCode.Unavailable)
        {
            return _wasCreated || Stopwatch.GetElapsedTime(started) < dialTimeout ? null : throw cluster.Explain(failure);
        }
        catch (RpcException failure)
        {
            throw cluster.Explain(failure);
        }
    }
}
