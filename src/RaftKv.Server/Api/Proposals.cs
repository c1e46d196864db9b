using RaftKv.Rpc;
using RaftKv.Rpc.Server;
using RaftKv.Server.Replica;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Commands;

namespace RaftKv.Server.Api;

/// <summary>How a request becomes a command in the log, in the name of its caller.</summary>
internal sealed class Proposals(IMember member, ApiOptions options, ICallerSource callers)
{
    /// <summary>Proposes a request as the client sent it.</summary>
    /// <exception cref="RequestRefusedException">It was given up before it was applied.</exception>
    public ValueTask<Answer> ProposeAsync(
        CommandKind kind, ReadOnlyMemory<byte> request, RpcServerCall call, CancellationToken cancellation)
    {
        // Who asks is nearly always known at once: then nothing has to be kept until it is.
        var caller = callers.FindAsync(call);
        return caller.IsCompletedSuccessfully
            ? Propose(kind, request, call, caller.Result, cancellation)
            : ProposeLaterAsync(kind, request, call, caller, cancellation);
    }

    /// <summary>Proposes a command of ours.</summary>
    /// <exception cref="RequestRefusedException">It was given up before it was applied.</exception>
    public ValueTask<Answer> ProposeAsync<T>(in T command, Caller caller, CancellationToken cancellation)
        where T : IStateCommand<T>
    {
        var id = member.NextRequestId();
        return ProposeAsync(CommandEnvelope.Encode(id, caller, command), id, cancellation);
    }

    public ValueTask<Caller> CallerAsync(RpcServerCall call) => callers.FindAsync(call);

    /// <summary>Finds the caller of what only root may do.</summary>
    /// <exception cref="RpcException">It is not root.</exception>
    public async ValueTask<Caller> RootAsync(RpcServerCall call)
    {
        var caller = await callers.FindAsync(call).ConfigureAwait(false);
        Require(member.Auth.CheckRoot(caller));
        return caller;
    }

    /// <summary>Finds the caller of what everybody may do who is somebody.</summary>
    /// <exception cref="RpcException">Authentication is on, and the caller is nobody.</exception>
    public async ValueTask<Caller> AnybodyAsync(RpcServerCall call)
    {
        var caller = await callers.FindAsync(call).ConfigureAwait(false);
        Require(member.Auth.CheckCredential(caller));
        return caller;
    }

    /// <summary>For what is not asked often: a refusal leaves as an exception.</summary>
    public static void Require(StateError error)
    {
        if (error != StateError.None)
        {
            throw new RpcException(ApiErrors.Of(error));
        }
    }

    private async ValueTask<Answer> ProposeLaterAsync(
        CommandKind kind, ReadOnlyMemory<byte> request, RpcServerCall call, ValueTask<Caller> caller, CancellationToken cancellation)
        => await Propose(kind, request, call, await caller.ConfigureAwait(false), cancellation).ConfigureAwait(false);

    private ValueTask<Answer> Propose(
        CommandKind kind, ReadOnlyMemory<byte> request, RpcServerCall call, Caller caller, CancellationToken cancellation)
    {
        var id = member.NextRequestId();
        return ProposeAsync(CommandEnvelope.Encode(id, caller, kind, request.Span, RequestNames.Of(call)), id, cancellation);
    }

    private ValueTask<Answer> ProposeAsync(ReadOnlyMemory<byte> payload, ulong id, CancellationToken cancellation)
        => payload.Length > options.MaxRequestBytes
            ? throw new RequestRefusedException(RequestRefusal.TooLarge)
            : member.ProposeAsync(payload, id, cancellation);
}
