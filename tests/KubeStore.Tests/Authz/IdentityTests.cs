using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using KubeStore.Authz;
using KubeStore.Objects;
using KubeStore.Registry;
using KubeStore.Storage;
using KubeStore.Tests.Http;

namespace KubeStore.Tests.Authz;

/// <summary>Who somebody is: by a certificate, by an account's token, or in the name of somebody else.</summary>
public sealed class IdentityTests : IAsyncLifetime
{
    private const string Whoami = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly ManualTime _time = new();
    private readonly List<string> _audit = [];
    private KubeRegistry _registry = null!;
    private ServiceAccountTokens _tokens = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _registry = new(new MemoryStorage(), new() { Time = _time });
        _tokens = new(_registry, _key);
        await _registry.CreateAsync(_registry.Catalog.Find("", "v1", "namespaces")!, "", Json("""{"metadata":{"name":"default"}}"""), new(), Cancellation);
        await MakeAccountAsync();
    }

    public async ValueTask DisposeAsync()
    {
        _tokens.Dispose();
        _key.Dispose();
        await _registry.DisposeAsync();
    }

    [Fact]
    public void A_certificate_names_a_user_and_their_groups()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=anna, O=readers, O=writers", key, HashAlgorithmName.SHA256);
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(100));
        var user = ClientCertificates.UserOf(certificate)!;
        Assert.Equal("anna", user.Name);
        Assert.Equal(["readers", "system:authenticated", "writers"], user.Groups.Order());

        using var nobody = new CertificateRequest("O=readers", key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(100));
        Assert.Null(ClientCertificates.UserOf(nobody));
    }

    [Fact]
    public async Task A_token_is_good_for_its_account_and_for_its_time()
    {
        var answer = _tokens.Issue(await AccountAsync(), Json("""{"spec":{"expirationSeconds":600}}"""));
        var token = answer.TextAt("status", "token");
        var user = (await _tokens.UserOfAsync(token, Cancellation))!;
        Assert.Equal("system:serviceaccount:default:robot", user.Name);
        Assert.Equal(["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"], user.Groups);

        _time.Advance(TimeSpan.FromSeconds(599));
        Assert.NotNull(await _tokens.UserOfAsync(token, Cancellation));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Null(await _tokens.UserOfAsync(token, Cancellation));
    }

    [Fact]
    public async Task A_token_is_of_one_account_and_not_of_its_successor()
    {
        var token = _tokens.Issue(await AccountAsync(), Json("{}")).TextAt("status", "token");
        await _registry.DeleteAsync(Accounts, "default", "robot", new(), Cancellation);
        Assert.Null(await _tokens.UserOfAsync(token, Cancellation));
        await MakeAccountAsync();
        Assert.Null(await _tokens.UserOfAsync(token, Cancellation));
    }

    [Fact]
    public async Task A_token_that_was_touched_is_nobodys()
    {
        var token = _tokens.Issue(await AccountAsync(), Json("{}")).TextAt("status", "token");
        var parts = token.Split('.');
        using var otherKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var others = new ServiceAccountTokens(_registry, otherKey);
        string[] wrong =
        [
            "", ".", "..", "a.b.c", token + "A", token[..^4], $"{parts[0]}.{parts[1]}.", $"{parts[0]}.{parts[2]}.{parts[1]}",
            $"{parts[0]}.{Changed(parts[1])}.{parts[2]}",
            $"{Convert.ToBase64String(Encoding.UTF8.GetBytes("{\"alg\":\"none\"}")).TrimEnd('=')}.{parts[1]}.",
            others.Issue(await AccountAsync(), Json("{}")).TextAt("status", "token"),
            _tokens.Issue(await AccountAsync(), Json("""{"spec":{"audiences":["somebody-else"]}}""")).TextAt("status", "token"),
            new string('x', 1_000_000),
        ];
        foreach (var one in wrong)
        {
            Assert.Null(await _tokens.UserOfAsync(one, Cancellation));
        }

        Assert.NotNull(await _tokens.UserOfAsync(token, Cancellation));
    }

    [Fact]
    public void A_key_is_made_once_and_is_its_owners_alone()
    {
        var folder = Directory.CreateTempSubdirectory("kubestore-");
        try
        {
            var file = Path.Join(folder.FullName, "accounts.key");
            using var made = ServiceAccountTokens.OpenKey(file);
            using var read = ServiceAccountTokens.OpenKey(file);
            Assert.Equal(made.ExportSubjectPublicKeyInfo(), read.ExportSubjectPublicKeyInfo());
            Assert.Single(folder.GetFiles());
            if (!OperatingSystem.IsWindows())
            {
                Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Over_HTTP_a_token_is_made_for_an_account_and_says_who_comes()
    {
        await using var server = await ServerAsync();
        const string Robots = "/api/v1/namespaces/default/serviceaccounts";
        await AsAsync(server, "admin", HttpMethod.Post, Robots, """{"metadata":{"name":"robot"}}""");
        var (code, made) = await AsAsync(server, "admin", HttpMethod.Post, Robots + "/robot/token", """{"spec":{"expirationSeconds":1200}}""");
        Assert.Equal((201, "TokenRequest"), (code, made.TextAt("kind")));
        var token = made.TextAt("status", "token");

        Assert.Equal("system:serviceaccount:default:robot", (await AsAsync(server, token, HttpMethod.Post, Whoami, "{}")).Json.TextAt("status", "userInfo", "username"));
        Assert.Equal(403, (await AsAsync(server, token, HttpMethod.Get, "/api/v1/pods")).Code);
        var (_, review) = await AsAsync(
            server, "admin", HttpMethod.Post, "/apis/authentication.k8s.io/v1/tokenreviews", new JsonObject { ["spec"] = new JsonObject { ["token"] = token } }.ToJsonString());
        Assert.True(review.FlagAt("status", "authenticated"));
        Assert.Equal(422, (await AsAsync(server, "admin", HttpMethod.Post, Robots + "/robot/token", """{"spec":{"expirationSeconds":10}}""")).Code);
        Assert.Equal(401, (await AsAsync(server, token + "x", HttpMethod.Post, Whoami, "{}")).Code);
    }

    [Fact]
    public async Task In_the_name_of_somebody_else_asks_who_may()
    {
        await using var server = await ServerAsync();
        var (code, who) = await AsAsync(
            server, "admin", HttpMethod.Post, Whoami, "{}", ("Impersonate-User", "bob"), ("Impersonate-Group", "readers"), ("Impersonate-Extra-reason", "tests"));
        Assert.Equal((201, "bob"), (code, who.TextAt("status", "userInfo", "username")));
        Assert.Equal(["readers", "system:authenticated"], who.ArrayAt("status", "userInfo", "groups").Texts());
        Assert.Equal(["tests"], who.ArrayAt("status", "userInfo", "extra", "reason").Texts());

        var (_, robot) = await AsAsync(server, "admin", HttpMethod.Post, Whoami, "{}", ("Impersonate-User", "system:serviceaccount:default:robot"));
        Assert.Contains("system:serviceaccounts:default", robot.ArrayAt("status", "userInfo", "groups").Texts());
        Assert.Equal(403, (await AsAsync(server, "admin", HttpMethod.Get, "/api/v1/pods", null, ("Impersonate-User", "bob"))).Code);

        var (refused, words) = await AsAsync(server, "alice", HttpMethod.Post, Whoami, "{}", ("Impersonate-User", "bob"));
        Assert.Equal(403, refused);
        Assert.Equal("users \"bob\" is forbidden: User \"alice\" cannot impersonate resource \"users\" in API group \"\" at the cluster scope", words.TextAt("message"));
        Assert.Equal(400, (await AsAsync(server, "admin", HttpMethod.Post, Whoami, "{}", ("Impersonate-Group", "readers"))).Code);
        lock (_audit)
        {
            Assert.Contains(_audit, line => line.Contains("admin as bob POST", StringComparison.Ordinal));
        }
    }

    private static string Changed(string body)
    {
        var text = Encoding.UTF8.GetString(System.Buffers.Text.Base64Url.DecodeFromChars(body));
        return System.Buffers.Text.Base64Url.EncodeToString(Encoding.UTF8.GetBytes(text.Replace("robot", "other", StringComparison.Ordinal)));
    }

    private static JsonObject Json(string text) => JsonText.ParseObject(Encoding.UTF8.GetBytes(text));

    private KubeStore.Resources.ResourceDefinition Accounts => _registry.Catalog.Find("", "v1", "serviceaccounts")!;

    private Task<KubeObject> AccountAsync() => _registry.GetAsync(Accounts, "default", "robot", cancellation: Cancellation);

    private Task<WriteResult> MakeAccountAsync() => _registry.CreateAsync(Accounts, "default", Json("""{"metadata":{"name":"robot"}}"""), new(), Cancellation);

    private Task<KubeServer> ServerAsync() => KubeServer.StartAsync(
        new()
        {
            Authenticate = TokenFile.Parse(["admin,admin,1,\"system:masters\"", "alice,alice,2"]).Authenticate,
            UsesRoles = true,
            Audit = line =>
            {
                lock (_audit)
                {
                    _audit.Add(line);
                }
            },
        },
        registry => new ServiceAccountTokens(registry, _key));

    private static async Task<(int Code, JsonObject Json)> AsAsync(
        KubeServer server, string token, HttpMethod method, string path, string? body = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        if (body is not null)
        {
            request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        }

        using var response = await server.Client.SendAsync(request, Cancellation);
        return ((int)response.StatusCode, JsonText.ParseObject(await response.Content.ReadAsByteArrayAsync(Cancellation)));
    }
}
