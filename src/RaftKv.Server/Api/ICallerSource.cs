using RaftKv.Rpc.Server;
using RaftKv.Storage.State;

namespace RaftKv.Server.Api;

/// <summary>Finds out on whose behalf a call is made, by its metadata or its certificate.</summary>
public interface ICallerSource
{
    /// <exception cref="Rpc.RpcException">Credentials were given and are no good.</exception>
    ValueTask<Caller> FindAsync(RpcServerCall call);
}

/// <summary>Knows nobody, as long as there is no way to prove who one is.</summary>
public sealed class NobodyCalls : ICallerSource
{
    public ValueTask<Caller> FindAsync(RpcServerCall call) => new(Caller.Nobody);
}
