using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Server.Bootstrap;
using RaftKv.Server.Tests.Api;
using RaftKv.Server.Tokens;
using RaftKv.Storage.State.Commands;

namespace RaftKv.Server.Tests.Tokens;

/// <summary>Signed tokens: what is in them, who believes them, and forgeries.</summary>
public sealed class JwtTokenTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("raftkv-jwt-").FullName;
    private readonly ManualTime _time = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("RS256")]
    [InlineData("RS512")]
    [InlineData("PS384")]
    [InlineData("ES256")]
    [InlineData("ES384")]
    [InlineData("ES512")]
    [InlineData("HS256")]
    [InlineData("HS384")]
    [InlineData("HS512")]
    public async Task A_signed_token_is_known_where_it_was_never_seen_until_it_is_over(string method)
    {
        using var member = NewMember();
        using var signer = new JwtTokens(member, JwtKey.Open(Keys(method)), TimeSpan.FromMinutes(5), _time);
        using var other = new JwtTokens(member, JwtKey.Open(Keys(method)), TimeSpan.FromMinutes(5), _time);
        var token = (await signer.IssueAsync("alice", member.Auth.Revision, Stop))!;
        var claims = JsonDocument.Parse(Base64Url.DecodeFromChars(token.Split('.')[1])).RootElement;
        Assert.Equal("alice", claims.GetProperty("username").GetString());
        Assert.Equal(member.Auth.Revision, claims.GetProperty("revision").GetInt64());
        Assert.Equal(_time.GetUtcNow().ToUnixTimeSeconds() + 300, claims.GetProperty("exp").GetInt64());

        Assert.Equal("alice", other.Find(token)!.Value.User);
        Assert.Equal(member.Auth.Revision, other.Find(token)!.Value.AuthRevision);
        _time.Advance(TimeSpan.FromSeconds(299));
        Assert.NotNull(other.Find(token));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Null(other.Find(token));
        Assert.Null(await signer.IssueAsync("alice", member.Auth.Revision - 1, Stop));

        // A member that has not heard of these users, nor that authentication is on, must not judge yet.
        using var behind = new LoneMember(_time);
        using var early = new JwtTokens(behind, JwtKey.Open(Keys(method)), TimeSpan.FromMinutes(5), _time);
        Assert.True(early.IsAhead(token));
        Assert.False(signer.IsAhead(token));
        Assert.False(early.IsAhead(token[..^4] + "AAAA"));
    }

    [Fact]
    public async Task Forgeries_are_nobodys()
    {
        using var member = NewMember();
        using var tokens = new JwtTokens(member, JwtKey.Open(Keys("RS256")), TimeSpan.FromMinutes(5), _time);
        var token = (await tokens.IssueAsync("alice", member.Auth.Revision, Stop))!;
        var parts = token.Split('.');
        var root = Base64Url.EncodeToString(Encoding.UTF8.GetBytes("""{"exp":99999999999,"revision":99,"username":"root"}"""));
        var none = Base64Url.EncodeToString("""{"alg":"none","typ":"JWT"}"""u8);
        var hmac = Base64Url.EncodeToString("""{"alg":"HS256","typ":"JWT"}"""u8);
        var publicKey = File.ReadAllBytes(Keys("RS256").PublicKeyFile);
        string[] forged =
        [
            "", ".", "..", "a.b.c", "a.b", token + ".x", token[..^4] + "AAAA", $"{parts[0]}.{root}.{parts[2]}", $"{none}.{root}.", $"{none}.{parts[1]}.",
            $"{hmac}.{root}.{Base64Url.EncodeToString(HMACSHA256.HashData(publicKey, Encoding.ASCII.GetBytes($"{hmac}.{root}")))}",
            new string('x', 100_000), "ä.ö.ü",
        ];
        foreach (var one in forged)
        {
            Assert.Null(tokens.Find(one));
        }

        Assert.NotNull(tokens.Find(token));
    }

    [Fact]
    public async Task Any_change_of_users_makes_signed_tokens_old_and_a_member_without_the_key_gives_none()
    {
        var keys = Keys("ES256");
        await using var cluster = await SimpleTokenTests.StartAsync(
            3, options => options with { Jwt = options.Name == "m2" ? keys with { PrivateKeyFile = "" } : keys });
        await using var first = cluster[0].OpenChannel();
        await using var last = cluster[2].OpenChannel();
        var root = await new Account(first).EnableAsync();
        Assert.Equal(RpcStatus.Ok, await root.PutAsync("k"));
        Assert.Equal(RpcStatus.Ok, await root.At(last).PutAsync("k"));
        Assert.Equal(
            new RpcStatus(RpcStatusCode.Unknown, "token signing attempted with verify-only key"),
            await new Account(last).StatusAsync("Auth/Authenticate", new AuthenticateRequest { Name = "root", Password = "secret" }));

        var old = new RpcStatus(RpcStatusCode.InvalidArgument, "etcdserver: revision of auth store is old");
        await root.CallAsync<AuthRoleAddResponse>("Auth/RoleAdd", new AuthRoleAddRequest { Name = "r" });
        Assert.Equal(old, await root.PutAsync("k"));
        Assert.Equal(old, await root.At(last).GetAsync("k"));
        Assert.Equal(RpcStatus.Ok, await (await new Account(first).SignInAsync("root", "secret")).PutAsync("k"));
    }

    [Fact]
    public async Task What_is_wrong_with_the_keys_is_said_before_the_member_starts()
    {
        var rsa = Keys("RS256");
        var ec = Keys("ES256");
        await FailsAsync(rsa with { Method = "RS255" }, "sign-method 'RS255'");
        await FailsAsync(rsa with { Method = "EdDSA" }, "EdDSA, which this version cannot do");
        await FailsAsync(rsa with { PrivateKeyFile = "", PublicKeyFile = "" }, "names no key for jwt");
        await FailsAsync(rsa with { PrivateKeyFile = "/nowhere/key" }, "/nowhere/key cannot be read");
        await FailsAsync(rsa with { PrivateKeyFile = ec.PrivateKeyFile }, "holds no key of the kind that sign-method asks for");
        await FailsAsync(ec with { Method = "ES384" }, "ES384 takes a key of 384 bits, and the one in");
        await FailsAsync(rsa with { PublicKeyFile = Write("other", RSA.Create(2048)).Public }, "do not belong together");
        await FailsAsync(rsa with { TimeToLive = TimeSpan.Zero }, "must be a second at least");
    }

    private static async Task FailsAsync(JwtOptions jwt, string part)
    {
        var refused = await Assert.ThrowsAsync<BootstrapException>(() => SimpleTokenTests.StartAsync(1, options => options with { Jwt = jwt }));
        Assert.Contains(part, refused.Message, StringComparison.Ordinal);
    }

    private LoneMember NewMember()
    {
        var member = new LoneMember(_time);
        member.Propose(new UserAddCommand(Storage.State.Caller.Nobody, "alice", new byte[] { 1 }, HasNoPassword: false));
        return member;
    }

    private JwtOptions Keys(string method)
    {
        var curve = method switch
        {
            "ES384" => ECCurve.NamedCurves.nistP384,
            "ES512" => ECCurve.NamedCurves.nistP521,
            _ => ECCurve.NamedCurves.nistP256,
        };
        var name = method[..2] == "ES" ? method : method[..2];
        if (method.StartsWith("HS", StringComparison.Ordinal))
        {
            var secret = Path.Join(_folder, "secret");
            File.WriteAllText(secret, "what nobody knows");
            return new JwtOptions { Method = method, PrivateKeyFile = secret };
        }

        var (privateKey, publicKey) = File.Exists(Path.Join(_folder, name + ".key"))
            ? (Path.Join(_folder, name + ".key"), Path.Join(_folder, name + ".pub"))
            : Write(name, method[0] == 'E' ? ECDsa.Create(curve) : RSA.Create(2048));
        return new JwtOptions { Method = method, PrivateKeyFile = privateKey, PublicKeyFile = publicKey };
    }

    private (string Private, string Public) Write(string name, AsymmetricAlgorithm key)
    {
        using (key)
        {
            var (privateKey, publicKey) = (Path.Join(_folder, name + ".key"), Path.Join(_folder, name + ".pub"));
            File.WriteAllText(privateKey, key.ExportPkcs8PrivateKeyPem());
            File.WriteAllText(publicKey, key.ExportSubjectPublicKeyInfoPem());
            return (privateKey, publicKey);
        }
    }
}
