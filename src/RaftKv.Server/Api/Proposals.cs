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
    public async ValueTask<Answer> ProposeAsync(
        CommandKind kind, ReadOnlyMemory<byte> request, RpcServerCall call, CancellationToken cancellation)
    {
        var caller = await callers.FindAsync(call).ConfigureAwait(false);
        var id = member.NextRequestId();
        return await ProposeAsync(CommandEnvelope.Encode(id, caller, kind, request.Span, RequestNames.Of(call)), id, cancellation)
            .ConfigureAwait(false);
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

    private ValueTask<Answer> ProposeAsync(byte[] payload, ulong id, CancellationToken cancellation)
        => payload.Length > options.MaxRequestBytes
            ? throw new RequestRefusedException(RequestRefusal.TooLarge)
            : member.ProposeAsync(payload, id, cancellation);
}
