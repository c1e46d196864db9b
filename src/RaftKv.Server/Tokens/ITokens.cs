using RaftKv.Storage.State;

namespace RaftKv.Server.Tokens;

/// <summary>Gives out tokens to those whose password was right, and knows them again.</summary>
internal interface ITokens
{
    /// <summary>A token for a user.</summary>
    /// <param name="user">Whose password was right.</param>
    /// <param name="checkedRevision">The auth revision at which it was.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <returns>Null if users or roles have changed meanwhile, and the password has to be looked at again.</returns>
    /// <exception cref="Rpc.RpcException">There is none for this user, or from this member.</exception>
    ValueTask<string?> IssueAsync(string user, long checkedRevision, CancellationToken cancellation);

    /// <summary>Whether another member gave that token out, at a place of the log to which this one has not come.</summary>
    bool IsAhead(string token);

    /// <summary>On whose behalf somebody calls who shows a token; null if it is none of ours, or over.</summary>
    Caller? Find(string token);
}
