using System.Buffers;
using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using RaftKv.Rpc;
using RaftKv.Server.Api;
using RaftKv.Server.Replica;
using RaftKv.Storage.State;

namespace RaftKv.Server.Tokens;

/// <summary>
/// Signed tokens (RFC 7519), with the claims that etcd gives them: <c>username</c>, <c>revision</c> of users and roles, and
/// <c>exp</c>. No member has to remember one.
/// </summary>
internal sealed class JwtTokens(IMember member, JwtKey key, TimeSpan timeToLive, TimeProvider time) : ITokens, IDisposable
{
    // Looking at a signature costs more than looking it up.
    private const int RememberedMax = 4096;

    private static readonly JsonDocumentOptions Shallow = new() { MaxDepth = 8 };

    private readonly ConcurrentDictionary<string, Claims> _seen = new(StringComparer.Ordinal);

    public ValueTask<string?> IssueAsync(string user, long checkedRevision, CancellationToken cancellation)
    {
        if (!key.CanSign)
        {
            throw new RpcException(ApiErrors.VerifyOnly);
        }

        if (member.Auth.Revision != checkedRevision)
        {
            return new((string?)null);
        }

        var expiry = (time.GetUtcNow() + timeToLive).ToUnixTimeSeconds();
        var header = Part(json =>
        {
            json.WriteString("alg", key.Method);
            json.WriteString("typ", "JWT");
        });
        var claims = Part(json =>
        {
            json.WriteNumber("exp", expiry);
            json.WriteNumber("revision", checkedRevision);
            json.WriteString("username", user);
        });
        var signed = $"{header}.{claims}";
        return new($"{signed}.{Base64Url.EncodeToString(key.Sign(Encoding.ASCII.GetBytes(signed)))}");
    }

    public bool IsAhead(string token) => ClaimsOf(token) is { } claims && claims.Revision > member.Auth.Revision;

    public Caller? Find(string token)
        => ClaimsOf(token) is { } claims && claims.Expiry > time.GetUtcNow().ToUnixTimeSeconds()
            ? new Caller(claims.User, claims.Revision)
            : null;

    public void Dispose() => key.Dispose();

    private static string Part(Action<Utf8JsonWriter> write)
    {
        var bytes = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            write(json);
            json.WriteEndObject();
        }

        return Base64Url.EncodeToString(bytes.WrittenSpan);
    }

    private Claims? ClaimsOf(string token)
    {
        if (_seen.TryGetValue(token, out var known))
        {
            return known;
        }

        if (Read(token) is not { } read)
        {
            return null;
        }

        if (_seen.Count >= RememberedMax)
        {
            _seen.Clear();
        }

        _seen[token] = read;
        return read;
    }

    private Claims? Read(string token)
    {
        if (token.Split('.') is not [var header, var claims, var signature])
        {
            return null;
        }

        try
        {
            // What it says of itself is believed last: the method is the one that this member was told.
            if (!key.IsRight(Encoding.ASCII.GetBytes($"{header}.{claims}"), Base64Url.DecodeFromChars(signature)))
            {
                return null;
            }

            using var said = JsonDocument.Parse(Base64Url.DecodeFromChars(header), Shallow);
            using var body = JsonDocument.Parse(Base64Url.DecodeFromChars(claims), Shallow);
            return said.RootElement.GetProperty("alg").ValueEquals(key.Method)
                ? new Claims(
                    body.RootElement.GetProperty("username").GetString() ?? "",
                    (long)body.RootElement.GetProperty("revision").GetDouble(),
                    (long)body.RootElement.GetProperty("exp").GetDouble())
                : null;
        }
        catch (Exception garbage) when (garbage is FormatException or JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return null;
        }
    }

    private readonly record struct Claims(string User, long Revision, long Expiry);
}
