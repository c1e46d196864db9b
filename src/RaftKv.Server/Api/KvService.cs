using System.Buffers;
using System.Runtime.CompilerServices;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Rpc.Server;
using RaftKv.Server.Replica;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Requests;
using DeleteRangeRequest = RaftKv.Storage.State.Requests.DeleteRangeRequest;
using PutRequest = RaftKv.Storage.State.Requests.PutRequest;
using TxnRequest = RaftKv.Storage.State.Requests.TxnRequest;

namespace RaftKv.Server.Api;

/// <summary>
/// etcdserverpb.KV. A request is looked at where it lies, a write goes into the log as the client sent it, and an answer
/// is put together from bytes as they are stored: no message becomes an object on the way.
/// </summary>
/// <remarks>The methods are also called by services that are clients of this one, with the call that they serve. A
/// refusal by a rule or by the state is returned; what the member refuses is thrown. Nothing is written unless the status
/// is OK.</remarks>
internal sealed class KvService
{
    // Their work is done by the stages, and by nobody who reads requests.
    private static readonly RpcMethodLimits Brief = new() { IsBrief = true };

    // Answers of transactions that only read are put together here, because parts of them need their length first.
    [ThreadStatic]
    private static WireWriter? _scratch;

    private readonly IMember _member;
    private readonly ApiOptions _options;
    private readonly Proposals _proposals;
    private readonly SpaceQuota _quota;
    private readonly OverloadGate _gate;
    private readonly CallClock _clock;

    public KvService(IMember member, ApiOptions options, Proposals proposals, SpaceQuota quota, OverloadGate gate, CallClock clock)
    {
        _member = member;
        _options = options;
        _proposals = proposals;
        _quota = quota;
        _gate = gate;
        _clock = clock;
        Service = new RpcService(RpcReflection.Descriptor.Services.Single(service => service.Name == "KV"))
            .UnaryBytes("Range", Unary(RangeAsync))
            .UnaryBytes("Put", Unary(PutAsync), Brief)
            .UnaryBytes("DeleteRange", Unary(DeleteRangeAsync), Brief)
            .UnaryBytes("Txn", Unary(TxnAsync), Brief)
            .UnaryBytes("Compact", Unary(CompactAsync))
            .ServerStreamingBytes("RangeStream", Refusals.Told<ReadOnlySequence<byte>, ReadOnlySequence<byte>>(RangeStreamAsync));
    }

    private delegate ValueTask<RpcStatus> Method(
        ReadOnlyMemory<byte> request, IBufferWriter<byte> response, RpcServerCall call, CancellationToken cancellation);

    public RpcService Service { get; }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<RpcStatus> RangeAsync(
        ReadOnlyMemory<byte> request, IBufferWriter<byte> response, RpcServerCall call, CancellationToken cancellation)
    {
        var query = RangeQuery.Read(request);
        if (!query.IsSerializable && _member.Status.IsLearner)
        {
            return ApiErrors.NotSupportedForLearner;
        }

        var status = RequestRules.Check(query);
        if (!status.IsOk)
        {
            return status;
        }

        _gate.Ranges.Add();
        _gate.EnterRead();
        try
        {
            return await RangeAsync(query, response, call, cancellation).ConfigureAwait(false);
        }
        finally
        {
            _gate.LeaveRead();
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<RpcStatus> RangeAsync(
        RangeQuery query, IBufferWriter<byte> response, RpcServerCall call, CancellationToken cancellation)
    {
        var began = _clock.Now;
        var current = began;
        if (!query.IsSerializable)
        {
            await _member.WaitUntilCurrentAsync(cancellation).ConfigureAwait(false);
            current = _clock.Now;
        }

        var caller = await _proposals.CallerAsync(call).ConfigureAwait(false);

        // Rights are looked at after the view is open. Those they are judged by are as new as what is read, at least.
        using var view = _member.OpenView();
        var error = CheckRights(query, caller);
        if (error == StateError.None)
        {
            error = RangeRead.Check(query, view.Revision, view.Compacted);
        }

        if (error != StateError.None)
        {
            return ApiErrors.Of(error);
        }

        if (!query.Range.IsSingle)
        {
            _gate.BeginAnswer();
        }

        ResponseHeaders.Write(response, _member, view.Revision);
        RangeRead.Run(query, view, response, onTwoThreads: true);
        _gate.Answered(call);
        _clock.Read(call, began, current);
        return RpcStatus.Ok;
    }

    public ValueTask<RpcStatus> PutAsync(
        ReadOnlyMemory<byte> request, IBufferWriter<byte> response, RpcServerCall call, CancellationToken cancellation)
    {
        var put = PutRequest.Read(request);
        if (!_quota.Fits(SpaceQuota.CostOf(put)))
        {
            return _quota.RefuseAsync(cancellation);
        }

        var status = RequestRules.Check(put);
        return status.IsOk ? WriteAsync(CommandKind.Put, request, response, call, cancellation) : new(status);
    }

    public async ValueTask<RpcStatus> DeleteRangeAsync(
        ReadOnlyMemory<byte> request, IBufferWriter<byte> response, RpcServerCall call, CancellationToken cancellation)
    {
        var status = RequestRules.Check(DeleteRangeRequest.Read(request));
        return status.IsOk
            ? await WriteAsync(CommandKind.DeleteRange, request, response, call, cancellation).ConfigureAwait(false)
            : status;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<RpcStatus> TxnAsync(
        ReadOnlyMemory<byte> request, IBufferWriter<byte> response, RpcServerCall call, CancellationToken cancellation)
    {
        var txn = TxnRequest.Read(request);
        if (!_quota.Fits(SpaceQuota.CostOf(txn)))
        {
            return await _quota.RefuseAsync(cancellation).ConfigureAwait(false);
        }

        var status = RequestRules.Check(txn, _options.MaxTxnOperations);
        if (!status.IsOk)
        {
            return status;
        }

        _gate.Transactions.Add();
        if (!txn.IsReadOnly)
        {
            return await WriteAsync(CommandKind.Txn, request, response, call, cancellation).ConfigureAwait(false);
        }

        _gate.EnterRead();
        try
        {
            return await ReadTxnAsync(txn, response, call, cancellation).ConfigureAwait(false);
        }
        finally
        {
            _gate.LeaveRead();
        }
    }

    public async ValueTask<RpcStatus> CompactAsync(
        ReadOnlyMemory<byte> request, IBufferWriter<byte> response, RpcServerCall call, CancellationToken cancellation)
    {
        var compact = CompactRequest.Read(request);
        var caller = await _proposals.CallerAsync(call).ConfigureAwait(false);
        if (_member.Auth.CheckRoot(caller) is var error and not StateError.None)
        {
            return ApiErrors.Of(error);
        }

        var answer = await _proposals.ProposeAsync(CommandKind.Compact, request, call, cancellation).ConfigureAwait(false);
        if (answer.Error != StateError.None)
        {
            return ApiErrors.Of(answer.Error);
        }

        if (compact.IsPhysical)
        {
            await _member.WaitUntilCompactedAsync(cancellation).ConfigureAwait(false);
        }

        ResponseHeaders.Write(response, _member, answer.Revision);
        return RpcStatus.Ok;
    }

    private static UnaryBytesHandler Unary(Method method)
    {
        return RunAsync;

        // Of one piece with what Refusals does: a call goes through few enough hands to be cheap.
        [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
        async ValueTask RunAsync(ReadOnlySequence<byte> request, IBufferWriter<byte> response, RpcServerCall call)
        {
            try
            {
                var status = await method(Refusals.InOnePiece(request), response, call, call.CancellationToken).ConfigureAwait(false);
                if (!status.IsOk)
                {
                    call.Fail(status);
                }
            }
            catch (Exception trouble) when (ApiErrors.OfException(trouble) is { } status)
            {
                call.Fail(status);
            }
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<RpcStatus> ReadTxnAsync(
        TxnRequest txn, IBufferWriter<byte> response, RpcServerCall call, CancellationToken cancellation)
    {
        if (!txn.IsSerializable)
        {
            await _member.WaitUntilCurrentAsync(cancellation).ConfigureAwait(false);
        }

        var caller = await _proposals.CallerAsync(call).ConfigureAwait(false);
        using var view = _member.OpenView();
        var auth = _member.Auth;
        var error = auth.IsEnabled ? AccessSet.Of(txn).Check(auth, caller) : StateError.None;
        if (error != StateError.None)
        {
            return ApiErrors.Of(error);
        }

        _gate.BeginAnswer();
        var body = _scratch ??= new WireWriter();
        body.Clear();
        error = TxnPath.Read(txn, view, body);
        if (error != StateError.None)
        {
            return ApiErrors.Of(error);
        }

        ResponseHeaders.Write(response, _member, view.Revision);
        response.Write(body.Written);
        _gate.Answered(call);
        return RpcStatus.Ok;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<RpcStatus> WriteAsync(
        CommandKind kind,
        ReadOnlyMemory<byte> request,
        IBufferWriter<byte> response,
        RpcServerCall call,
        CancellationToken cancellation)
    {
        Answer answer;
        _gate.EnterWrite(request.Length);
        try
        {
            answer = await _proposals.ProposeAsync(kind, request, call, cancellation).ConfigureAwait(false);
        }
        finally
        {
            _gate.LeaveWrite(request.Length);
        }

        _clock.Wrote(call, answer.Times);

        if (answer.Error != StateError.None)
        {
            return ApiErrors.Of(answer.Error);
        }

        ResponseHeaders.Write(response, _member, answer.Revision);
        response.Write(answer.Body.Span);
        return RpcStatus.Ok;
    }

    private StateError CheckRights(in RangeQuery query, Caller caller)
    {
        // The set is an object or two, and most stores have authentication off.
        var auth = _member.Auth;
        return auth.IsEnabled ? AccessSet.Of(query).Check(auth, caller) : StateError.None;
    }

    private async ValueTask RangeStreamAsync(
        ReadOnlySequence<byte> request, RpcResponseStream<ReadOnlySequence<byte>> responses, RpcServerCall call)
    {
        var query = RangeQuery.Read(Refusals.InOnePiece(request));
        var status = RequestRules.Check(query);
        if (status.IsOk)
        {
            status = RangeChunks.Check(query);
        }

        if (!status.IsOk)
        {
            call.Fail(status);
            return;
        }

        if (!query.IsSerializable)
        {
            await _member.WaitUntilCurrentAsync(call.CancellationToken).ConfigureAwait(false);
        }

        var caller = await _proposals.CallerAsync(call).ConfigureAwait(false);
        var chunks = new RangeChunks(query, _options.MaxRequestBytes);
        var body = new WireWriter();
        while (!chunks.IsDone)
        {
            body.Clear();
            var error = CheckRights(query, caller);
            if (error == StateError.None)
            {
                error = WriteChunk(chunks, body);
            }

            if (error != StateError.None)
            {
                call.Fail(ApiErrors.Of(error));
                return;
            }

            responses.BeginMessage().Write(body.Written);
            responses.EndMessage();
            await responses.FlushAsync().ConfigureAwait(false);
        }
    }

    // A view is open for one chunk at a time: a client may take as long as it likes to read it, and the member cannot give
    // space back meanwhile.
    private StateError WriteChunk(RangeChunks chunks, WireWriter body)
    {
        using var view = _member.OpenView();
        return chunks.Write(view, _member, body);
    }
}
