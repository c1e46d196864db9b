using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using KubeStore.Authz;
using KubeStore.Tests.Http;

namespace KubeStore.Tests.Kubectl;

/// <summary>Who may do what, as kubectl asks and sees it. It sends tokens to servers with TLS only.</summary>
public sealed class KubectlAccessTests : KubectlFixture
{
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2 _certificate;
    private string _token = "admin-token";

    public KubectlAccessTests()
    {
        var request = new CertificateRequest("CN=localhost", _key, HashAlgorithmName.SHA256);
        _certificate = request.CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(200));
    }

    protected override IReadOnlyList<string> Always => ["--insecure-skip-tls-verify", $"--token={_token}"];

    internal override Task<KubeServer> StartServerAsync() => KubeServer.StartAsync(
        new() { Authenticate = TokenFile.Parse(["admin-token,admin,1,\"system:masters\"", "alice-token,alice,2"]).Authenticate, UsesRoles = true },
        registry => new ServiceAccountTokens(registry, _key),
        _certificate);

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        _certificate.Dispose();
        _key.Dispose();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task What_one_may_can_be_asked_for_oneself_and_for_others()
    {
        Assert.Equal((0, "yes"), await TryAsync("auth", "can-i", "create", "pods"));
        Assert.Equal((1, "no"), await TryAsync("auth", "can-i", "create", "pods", "--as=bob"));
        await RunAsync("create", "role", "reader", "--verb=get,list", "--resource=pods,deployments.apps");
        await RunAsync("create", "rolebinding", "bob-reads", "--role=reader", "--user=bob");
        await UntilSaidAsync("yes", "auth", "can-i", "list", "pods", "--as=bob");
        Assert.Equal("no", await RunAsync("auth", "can-i", "list", "pods", "--as=bob", "-n", "kube-system"));
        Assert.Equal("yes", await RunAsync("auth", "can-i", "get", "deployments.apps/web", "--as=bob"));
        Assert.Equal("no", await RunAsync("auth", "can-i", "get", "pods", "--subresource=log", "--as=bob"));
        Assert.Matches(@"pods +\[\] +\[\] +\[get list\]", await RunAsync("auth", "can-i", "--list", "--as=bob"));
        Assert.Equal("no", await RunAsync("auth", "can-i", "get", "/metrics", "--as=bob"));
        Assert.Matches(@"Username +bob\s+Groups +\[readers system:authenticated\]", await RunAsync("auth", "whoami", "--as=bob", "--as-group=readers"));
        Assert.Equal(
            "Error from server (Forbidden): secrets is forbidden: User \"bob\" cannot list resource \"secrets\" in API group \"\" in the namespace \"default\"",
            await RunAsync("get", "secrets", "--as=bob"));
        _token = "alice-token";
        Assert.Contains("cannot impersonate", await RunAsync("get", "secrets", "--as=bob"), StringComparison.Ordinal);
        _token = "nobodys";
        Assert.Contains("Unauthorized", await RunAsync("get", "secrets"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_service_accounts_token_says_who_comes()
    {
        await RunAsync("create", "serviceaccount", "robot");
        var token = await RunAsync("create", "token", "robot", "--duration=20m");
        await RunAsync("create", "clusterrolebinding", "robots-view", "--clusterrole=view", "--serviceaccount=default:robot");
        _token = token;
        Assert.Contains("system:serviceaccount:default:robot", await RunAsync("auth", "whoami"), StringComparison.Ordinal);
        await UntilSaidAsync("No resources found in default namespace.", "get", "pods");
        Assert.Contains("is forbidden", await RunAsync("create", "configmap", "a"), StringComparison.Ordinal);
        _token = "admin-token";
        await RunAsync("delete", "serviceaccount", "robot");
        _token = token;
        Assert.Contains("Unauthorized", await RunAsync("get", "pods"), StringComparison.Ordinal);
    }

    // Roles are read from a cache, which may be a moment behind.
    private async Task UntilSaidAsync(string wanted, params string[] arguments)
    {
        while (await RunAsync(arguments) != wanted)
        {
            Cancellation.ThrowIfCancellationRequested();
        }
    }
}
