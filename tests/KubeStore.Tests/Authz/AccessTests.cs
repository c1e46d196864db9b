using System.Net.Http.Headers;
using System.Text;
using KubeStore.Authz;
using KubeStore.Http;
using KubeStore.Objects;
using KubeStore.Tests.Http;

namespace KubeStore.Tests.Authz;

public sealed class AccessTests : IAsyncLifetime
{
    private const string Pods = "/api/v1/namespaces/default/pods";
    private readonly List<string> _audit = [];
    private KubeServer _server = null!;

    public async ValueTask InitializeAsync()
    {
        var tokens = TokenFile.Parse(["# who may come in", "admin-token,admin,1,\"system:masters\"", "alice-token,alice,2,\"readers,others\""]);
        _server = await KubeServer.StartAsync(new KubeApiOptions
        {
            Authenticate = tokens.Authenticate,
            UsesRoles = true,
            Audit = line =>
            {
                lock (_audit)
                {
                    _audit.Add(line);
                }
            },
        });
    }

    public async ValueTask DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Who_has_no_token_may_see_the_version_and_nothing_else()
    {
        Assert.Equal(200, (await AsAsync(null, HttpMethod.Get, "/version")).Code);
        var (code, json) = await AsAsync(null, HttpMethod.Get, Pods);

        Assert.Equal((403, "Forbidden"), (code, json.TextAt("reason")));
        Assert.Equal("pods is forbidden: User \"system:anonymous\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\"", json.TextAt("message"));
        Assert.Equal(401, (await AsAsync("wrong", HttpMethod.Get, "/version")).Code);
    }

    [Fact]
    public async Task A_binding_gives_a_group_a_role_in_a_namespace()
    {
        Assert.Equal(403, (await AsAsync("alice-token", HttpMethod.Get, Pods)).Code);
        await AsAsync("admin-token", HttpMethod.Post, "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles", """
            {"metadata":{"name":"read"},"rules":[{"verbs":["get","list"],"apiGroups":[""],"resources":["pods"]}]}
            """);
        await AsAsync("admin-token", HttpMethod.Post, "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings", """
            {"metadata":{"name":"read"},"roleRef":{"kind":"Role","name":"read"},"subjects":[{"kind":"Group","name":"readers"}]}
            """);

        // Roles are read from a cache, which may be a moment behind.
        while ((await AsAsync("alice-token", HttpMethod.Get, Pods)).Code != 200)
        {
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }

        Assert.Equal(403, (await AsAsync("alice-token", HttpMethod.Get, "/api/v1/pods")).Code);
        Assert.Equal(403, (await AsAsync("alice-token", HttpMethod.Delete, Pods + "/a")).Code);
        Assert.True(await MayAsync("list", "pods"));
        Assert.False(await MayAsync("delete", "pods"));
    }

    [Fact]
    public async Task Who_one_is_can_be_asked_and_every_request_is_remembered()
    {
        var (_, json) = await AsAsync("alice-token", HttpMethod.Post, "/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}");

        Assert.Equal("alice", json.TextAt("status", "userInfo", "username"));
        Assert.Equal(["readers", "others", "system:authenticated"], json.ArrayAt("status", "userInfo", "groups").Texts());
        lock (_audit)
        {
            Assert.Contains(_audit, line => line.EndsWith("alice POST /apis/authentication.k8s.io/v1/selfsubjectreviews 201", StringComparison.Ordinal));
        }
    }

    private async Task<bool> MayAsync(string verb, string resource)
    {
        var review = $"{{\"spec\":{{\"resourceAttributes\":{{\"namespace\":\"default\",\"verb\":\"{verb}\",\"resource\":\"{resource}\"}}}}}}";
        return (await AsAsync("alice-token", HttpMethod.Post, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)).Json.FlagAt("status", "allowed");
    }

    private async Task<(int Code, System.Text.Json.Nodes.JsonObject Json)> AsAsync(string? token, HttpMethod method, string path, string? body = null)
    {
        using var request = new HttpRequestMessage(method, path);
        if (token is not null)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }

        if (body is not null)
        {
            request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        }

        using var response = await _server.Client.SendAsync(request, TestContext.Current.CancellationToken);
        return ((int)response.StatusCode, JsonText.ParseObject(await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken)));
    }
}
