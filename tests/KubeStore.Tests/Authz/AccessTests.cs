using System.Net.Http.Headers;
using System.Text;
using KubeStore.Admission;
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
    public async Task Nobody_gives_away_what_they_do_not_have()
    {
        const string Rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/";
        await AsAsync("admin-token", HttpMethod.Post, Rbac + "rolebindings", """
            {"metadata":{"name":"alice"},"roleRef":{"kind":"ClusterRole","name":"admin"},"subjects":[{"kind":"User","name":"alice"}]}
            """);
        const string Reads = """{"metadata":{"name":"reads"},"rules":[{"verbs":["get"],"apiGroups":[""],"resources":["pods","services"]}]}""";
        const string AllVerbs = """{"metadata":{"name":"all"},"rules":[{"verbs":["*"],"apiGroups":[""],"resources":["pods"]}]}""";
        while ((await AsAsync("alice-token", HttpMethod.Post, Rbac + "roles", Reads)).Code != 201)
        {
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }

        var (code, json) = await AsAsync("alice-token", HttpMethod.Post, Rbac + "roles", AllVerbs);
        Assert.Equal(403, code);
        Assert.EndsWith("is attempting to grant RBAC permissions not currently held:\n{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"*\"]}", json.TextAt("message"), StringComparison.Ordinal);
        Assert.Equal(201, (await AsAsync("admin-token", HttpMethod.Post, Rbac + "roles", AllVerbs)).Code);

        static string Bind(string role) => "{\"metadata\":{\"name\":\"b-" + role + "\"},\"roleRef\":{\"kind\":\"ClusterRole\",\"name\":\"" + role + "\"},\"subjects\":[{\"kind\":\"User\",\"name\":\"bob\"}]}";
        Assert.Equal(201, (await AsAsync("alice-token", HttpMethod.Post, Rbac + "rolebindings", Bind("view"))).Code);
        Assert.Equal(403, (await AsAsync("alice-token", HttpMethod.Post, Rbac + "rolebindings", Bind("cluster-admin"))).Code);
    }

    [Fact]
    public async Task Owners_that_one_may_not_touch_are_not_named_as_blocking()
    {
        _server.Registry.AddAdmission(BuiltInAdmission.Find(BuiltInAdmission.OwnerReferencesPermissionEnforcement, _server.Registry));
        const string Maps = "/api/v1/namespaces/default/configmaps";
        var (_, owner) = await AsAsync("admin-token", HttpMethod.Post, Maps, """{"metadata":{"name":"owner"}}""");
        await AsAsync("admin-token", HttpMethod.Post, "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles", """
            {"metadata":{"name":"makes"},"rules":[{"verbs":["create","update"],"apiGroups":[""],"resources":["configmaps"]}]}
            """);
        await AsAsync("admin-token", HttpMethod.Post, "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings", """
            {"metadata":{"name":"makes"},"roleRef":{"kind":"Role","name":"makes"},"subjects":[{"kind":"User","name":"alice"}]}
            """);
        string Owned(string name, string blocks) => "{\"metadata\":{\"name\":\"" + name + "\",\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"name\":\"owner\",\"uid\":\"" + owner.TextAt("metadata", "uid") + "\",\"blockOwnerDeletion\":" + blocks + "}]}}";
        while ((await AsAsync("alice-token", HttpMethod.Post, Maps, Owned("a", "false"))).Code != 201)
        {
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }

        var (code, json) = await AsAsync("alice-token", HttpMethod.Post, Maps, Owned("b", "true"));
        Assert.Equal(403, code);
        Assert.Contains("cannot set blockOwnerDeletion", json.TextAt("message"), StringComparison.Ordinal);
        (code, json) = await AsAsync("alice-token", HttpMethod.Put, Maps + "/a", """{"metadata":{"name":"a"}}""");
        Assert.Equal(403, code);
        Assert.Contains("cannot set an ownerRef on a resource you can't delete", json.TextAt("message"), StringComparison.Ordinal);
        Assert.Equal(201, (await AsAsync("admin-token", HttpMethod.Post, Maps, Owned("b", "true"))).Code);
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
