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
        if (!member.Auth.IsEnabled)
        {
            return new(Caller.Nobody);
        }

        if ((call.Metadata("token") ?? call.Metadata("authorization")) is { } token)
        {
            return FindAsync(token.StartsWith(Prefix, StringComparison.Ordinal) ? token[Prefix.Length..] : token, call.CancellationToken);
        }

        if (!knowsCertificates || call.ClientCertificate is not { } certificate)
        {
            return new(Caller.Nobody);
        }

        var name = _names.GetValue(certificate, CertificateJudge.CommonNameOf);
        return new(name.Length > 0 ? new Caller(name, member.Auth.Revision) : Caller.Nobody);
    }

    private async ValueTask<Caller> FindAsync(string token, CancellationToken cancellation)
        => await tokens.FindAsync(token, cancellation).ConfigureAwait(false) ?? throw new RpcException(ApiErrors.InvalidToken);
}
