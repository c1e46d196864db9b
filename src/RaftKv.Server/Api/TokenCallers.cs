using System.Runtime.CompilerServices;
using System.Security.Cryptography.X509Certificates;
using RaftKv.Rpc;
using RaftKv.Rpc.Server;
using RaftKv.Rpc.Tls;
using RaftKv.Server.Replica;
using RaftKv.Server.Tokens;
using RaftKv.Storage.State;

namespace RaftKv.Server.Api;

/// <summary>Knows callers by their tokens, and those without one by their certificates.</summary>
/// <remarks>Calls of the gateway come without the certificate of whoever sent them: what connects there is often not who
/// asks.</remarks>
internal sealed class TokenCallers(IMember member, ITokens tokens, bool knowsCertificates) : ICallerSource
{
    private const string Prefix = "Bearer ";

    // A certificate comes with every call of its connection.
    private readonly ConditionalWeakTable<X509Certificate2, string> _names = [];

    public ValueTask<Caller> FindAsync(RpcServerCall call)
    {
        if ((call.Metadata("token") ?? call.Metadata("authorization")) is { } metadata)
        {
            var token = metadata.StartsWith(Prefix, StringComparison.Ordinal) ? metadata[Prefix.Length..] : metadata;
            return tokens.IsAhead(token) ? FindLaterAsync(token, call.CancellationToken) : new(Find(token));
        }

        if (!member.Auth.IsEnabled || !knowsCertificates || call.ClientCertificate is not { } certificate)
        {
            return new(Caller.Nobody);
        }

        var name = _names.GetValue(certificate, CertificateJudge.CommonNameOf);
        return new(name.Length > 0 ? new Caller(name, member.Auth.Revision) : Caller.Nobody);
    }

    // Who shows a token from ahead was told that authentication is on, or of a user, before this member was. It judges once it
    // knows everything that anybody was told of; a place beyond that was made up.
    private async ValueTask<Caller> FindLaterAsync(string token, CancellationToken cancellation)
    {
        await member.WaitUntilCurrentAsync(cancellation).ConfigureAwait(false);
        return Find(token);
    }

    private Caller Find(string token)
    {
        if (!member.Auth.IsEnabled)
        {
            return Caller.Nobody;
        }

        return tokens.Find(token) ?? throw new RpcException(ApiErrors.InvalidToken);
    }
}
