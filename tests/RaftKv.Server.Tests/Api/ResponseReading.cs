using RaftKv.Rpc.Client;

namespace RaftKv.Server.Tests.Api;

/// <summary>Responses one at a time, as a test asks for them.</summary>
internal static class ResponseReading
{
    public static ValueTask<bool> ReadAsync<T>(this RpcResponseReader<T> responses) => ((IAsyncEnumerator<T>)responses).MoveNextAsync();

    /// <summary>The one that was read last.</summary>
    public static T Latest<T>(this RpcResponseReader<T> responses) => ((IAsyncEnumerator<T>)responses).Current;
}
