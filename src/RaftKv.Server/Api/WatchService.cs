using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Rpc.Server;
using RaftKv.Server.Replica;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.State;
using RaftKv.Storage.Watch;

namespace RaftKv.Server.Api;

/// <summary>etcdserverpb.Watch: streams on which clients are told of changes.</summary>
internal sealed class WatchService
{
    private readonly IMember _member;
    private readonly ApiOptions _options;
    private readonly TimeProvider _time;
    private readonly Proposals _proposals;

    public WatchService(IMember member, ApiOptions options, TimeProvider time, Proposals proposals)
    {
        _member = member;
        _options = options;
        _time = time;
        _proposals = proposals;
        Service = new RpcService(RpcReflection.Descriptor.Services.Single(service => service.Name == "Watch"))
            .Duplex("Watch", Refusals.Told<WatchRequest, WatchResponse>(WatchAsync));
    }

    public RpcService Service { get; }

    private async ValueTask WatchAsync(
        RpcRequestStream<WatchRequest> requests, RpcResponseStream<WatchResponse> responses, RpcServerCall call)
    {
        using var session = new WatchSession(_member, _options, _time, responses, call);
        var telling = session.TellAsync();
        try
        {
            while (await requests.MoveNextAsync().ConfigureAwait(false))
            {
                await session.HasRoomAsync().ConfigureAwait(false);
                await TakeAsync(requests.Current, session, call).ConfigureAwait(false);
            }

            // A client that has no more to ask still listens, as one that posts a watch to the gateway does.
            await telling.ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (call.HttpContext.RequestAborted.IsCancellationRequested)
        {
            // Nobody is left to read it, but whoever counts how calls end counts this.
            call.Fail(ApiErrors.WatchCanceled);
        }
        finally
        {
            // Whatever ends one loop ends the other. If the telling failed, that is why this one ended, and what is thrown
            // from here on.
            await session.EndAsync(telling).ConfigureAwait(false);
        }
    }

    private async ValueTask TakeAsync(WatchRequest request, WatchSession session, RpcServerCall call)
    {
        switch (request.RequestUnionCase)
        {
            case WatchRequest.RequestUnionOneofCase.CreateRequest:
                var create = request.CreateRequest;
                if (await RefusalAsync(create, call).ConfigureAwait(false) is { } refusal)
                {
                    session.Stream.Refuse(refusal);
                    return;
                }

                session.Create(new WatchCreate(create.Key.Memory, create.RangeEnd.Memory)
                {
                    StartRevision = create.StartRevision,
                    WatchId = create.WatchId,
                    NoPut = create.Filters.Contains(WatchCreateRequest.Types.FilterType.Noput),
                    NoDelete = create.Filters.Contains(WatchCreateRequest.Types.FilterType.Nodelete),
                    PrevKv = create.PrevKv,
                    ProgressNotify = create.ProgressNotify,
                    Fragment = create.Fragment,
                });
                break;
            case WatchRequest.RequestUnionOneofCase.CancelRequest:
                session.Stream.Cancel(request.CancelRequest.WatchId);
                break;
            case WatchRequest.RequestUnionOneofCase.ProgressRequest:
                session.Stream.RequestProgress();
                break;
        }
    }

    /// <summary>Why the caller may not watch this; null if it may. It is asked when a watcher is created, and never
    /// again.</summary>
    private async ValueTask<string?> RefusalAsync(WatchCreateRequest create, RpcServerCall call)
    {
        if (_member.Auth.IsEnabled)
        {
            // By rights that others know to be gone, a member that is behind would let the caller watch from here to ever after.
            // If it cannot find out, the stream ends, so that clients look for a member that can.
            await _member.WaitUntilCurrentAsync(call.CancellationToken).ConfigureAwait(false);
        }

        try
        {
            var caller = await _proposals.CallerAsync(call).ConfigureAwait(false);
            var auth = _member.Auth;
            if (!auth.IsEnabled)
            {
                return null;
            }

            ReadOnlyMemory<byte> key = create.Key.IsEmpty ? new byte[] { 0 } : create.Key.Memory;
            var error = AccessSet.OfWatch(KeyRange.Of(key, create.RangeEnd.Memory)).Check(auth, caller);
            return error == StateError.None ? null : TextOf(ApiErrors.Of(error));
        }
        catch (RpcException badCredentials)
        {
            return TextOf(badCredentials.Status);
        }
    }

    // A status inside a message is told as Go prints one.
    private static string TextOf(RpcStatus status) => $"rpc error: code = {status.Code} desc = {status.Detail}";
}
