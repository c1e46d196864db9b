using System.Globalization;
using System.Security.Cryptography;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Server.Api;
using RaftKv.Server.Replica;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Commands;

namespace RaftKv.Server.Tokens;

/// <summary>
/// etcd's simple tokens: sixteen letters that nobody could guess, and the place in the log where all members learn of them.
/// </summary>
internal sealed class SimpleTokens(IMember member, TokenTable table) : ITokens
{
    private const int Letters = 16;
    private const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    public async ValueTask<string?> IssueAsync(string user, long checkedRevision, CancellationToken cancellation)
    {
        var id = member.NextRequestId();
        var command = new AuthenticateCommand(user, RandomNumberGenerator.GetString(Alphabet, Letters), checkedRevision);
        var answer = await member.ProposeAsync(CommandEnvelope.Encode(id, Caller.Nobody, command), id, cancellation).ConfigureAwait(false);
        return answer.Error switch
        {
            StateError.None => AuthenticateResponse.Parser.ParseFrom(answer.Body.Span).Token,
            StateError.AuthOldRevision => null,
            _ => throw new RpcException(ApiErrors.Of(answer.Error)),
        };
    }

    public bool IsAhead(string token) => TryReadIndex(token, out var index) && index > member.Status.AppliedIndex;

    public Caller? Find(string token)
    {
        // Its rights are those of now, so it has the revision of now: whatever changes from here on is noticed.
        var auth = member.Auth;
        return table.Find(token, auth) is { } user ? new Caller(user, auth.Revision) : null;
    }

    private static bool TryReadIndex(string token, out ulong index)
    {
        index = 0;
        var dot = token.IndexOf('.', StringComparison.Ordinal);
        return dot == Letters && ulong.TryParse(token.AsSpan(dot + 1), NumberStyles.None, CultureInfo.InvariantCulture, out index);
    }
}
