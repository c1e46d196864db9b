using System.Text.Json.Nodes;
using KubeStore.Controllers;
using KubeStore.Failures;
using KubeStore.Objects;
using KubeStore.Schema;
using KubeStore.Tests.Registry;

namespace KubeStore.Tests.Quotas;

public sealed class QuotaTests : RegistryFixture
{
    [Fact]
    public async Task What_is_made_is_charged_and_refused_when_nothing_is_left()
    {
        await QuotaAsync("""{"pods":"2","requests.cpu":"1","limits.memory":"1Gi","count/configmaps":"1"}""");
        await PodAsync("a", "500m", "512Mi");
        Assert.Equal("""{"count/configmaps":"0","limits.memory":"512Mi","pods":"1","requests.cpu":"500m"}""", (await UsedAsync()).ToJsonString());

        var refused = await RefusedAsync(() => PodAsync("b", "600m", "256Mi"));
        Assert.Equal(
            (403, "pods \"b\" is forbidden: exceeded quota: q, requested: requests.cpu=600m, used: requests.cpu=500m, limited: requests.cpu=1"),
            (refused.Code, refused.Message));
        await PodAsync("b", "500m", "512Mi");
        refused = await RefusedAsync(() => PodAsync("c", "0", "1"));
        Assert.Equal("pods \"c\" is forbidden: exceeded quota: q, requested: limits.memory=1,pods=1, used: limits.memory=1Gi,pods=2, limited: limits.memory=1Gi,pods=2", refused.Message);
        await CreateAsync("configmaps", "default", ConfigMap("a"));
        refused = await RefusedAsync(() => CreateAsync("configmaps", "default", ConfigMap("b")));
        Assert.Equal("configmaps \"b\" is forbidden: exceeded quota: q, requested: count/configmaps=1, used: count/configmaps=1, limited: count/configmaps=1", refused.Message);
        await CreateAsync("secrets", "default", """{"metadata":{"name":"a"}}""");
    }

    [Fact]
    public async Task What_cannot_be_counted_must_be_said()
    {
        await QuotaAsync("""{"limits.cpu":"1","requests.memory":"1Gi"}""");
        var refused = await RefusedAsync(() => CreateAsync("pods", "default", """{"metadata":{"name":"a"},"spec":{"containers":[{"name":"c","image":"i"},{"name":"d","image":"i"}]}}"""));
        Assert.Equal("pods \"a\" is forbidden: failed quota: q: must specify limits.cpu for: c,d; requests.memory for: c,d", refused.Message);
    }

    [Fact]
    public async Task Of_many_who_come_at_once_only_as_many_get_in_as_there_is_room_for()
    {
        await QuotaAsync("""{"configmaps":"7"}""");
        var made = await Task.WhenAll(Enumerable.Range(0, 40).Select(async i =>
        {
            try
            {
                await Task.Run(() => CreateAsync("configmaps", "default", ConfigMap($"a{i}")), Cancellation);
                return true;
            }
            catch (StatusException full) when (full.Status.Reason == "Forbidden")
            {
                return false;
            }
        }));

        Assert.Equal(7, made.Count(one => one));
        Assert.Equal("7", (await UsedAsync()).TextAt("configmaps"));
    }

    [Fact]
    public async Task A_dry_run_takes_nothing_up()
    {
        await QuotaAsync("""{"configmaps":"1"}""");
        await CreateAsync("configmaps", "default", ConfigMap("a"), new() { DryRun = true });
        await CreateAsync("configmaps", "default", ConfigMap("a"));
        Assert.Equal(403, (await RefusedAsync(() => CreateAsync("configmaps", "default", ConfigMap("b"), new() { DryRun = true }))).Code);
    }

    [Fact]
    public async Task A_quota_with_scopes_is_about_some_pods_only()
    {
        await QuotaAsync("""{"pods":"1"}""", ""","scopes":["BestEffort"]""");
        await PodAsync("a", "500m", "512Mi");
        await PodAsync("b", "500m", "512Mi");
        await CreateAsync("pods", "default", """{"metadata":{"name":"c"},"spec":{"containers":[{"name":"c","image":"i"}]}}""");
        Assert.Equal(403, (await RefusedAsync(() => CreateAsync("pods", "default", """{"metadata":{"name":"d"},"spec":{"containers":[{"name":"c","image":"i"}]}}"""))).Code);
    }

    [Fact]
    public async Task A_larger_claim_and_another_kind_of_service_are_charged_for_what_is_more()
    {
        await QuotaAsync("""{"requests.storage":"10Gi","services.nodeports":"1","services":"5"}""");
        var claim = await CreateAsync("persistentvolumeclaims", "default", """{"metadata":{"name":"a"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"6Gi"}}}}""");
        Assert.Equal("6Gi", (await UsedAsync()).TextAt("requests.storage"));
        Assert.Equal(403, (await RefusedAsync(() => CreateAsync("persistentvolumeclaims", "default", """{"metadata":{"name":"b"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"5Gi"}}}}"""))).Code);
        Assert.NotNull(claim);

        var service = await CreateAsync("services", "default", """{"metadata":{"name":"s"},"spec":{"ports":[{"port":80}]}}""");
        service["spec"]!["type"] = "NodePort";
        await UpdateAsync("services", "default", service);
        Assert.Equal(("1", "1"), ((await UsedAsync()).TextAt("services"), (await UsedAsync()).TextAt("services.nodeports")));
        Assert.Equal(403, (await RefusedAsync(() => CreateAsync("services", "default", """{"metadata":{"name":"t"},"spec":{"type":"NodePort","ports":[{"port":80}]}}"""))).Code);
    }

    [Fact]
    public async Task What_goes_is_given_back_and_a_new_limit_is_counted_at_once()
    {
        await using var controllers = await KubeControllers.StartAsync(Kube, Cancellation);
        await CreateAsync("configmaps", "default", ConfigMap("a"));
        await QuotaAsync("""{"configmaps":"1"}""");
        await UntilUsedAsync("1");
        Assert.Equal(403, (await RefusedAsync(() => CreateAsync("configmaps", "default", ConfigMap("b")))).Code);
        await DeleteAsync("configmaps", "default", "a");
        await UntilUsedAsync("0");
        await CreateAsync("configmaps", "default", ConfigMap("b"));
        Assert.Equal("1", (await UsedAsync()).TextAt("configmaps"));
    }

    [Theory]
    [InlineData("0", "0", "1")]
    [InlineData("1500m", "1500m", "1")]
    [InlineData("1", "1000m", "1")]
    [InlineData("3k", "3000", "1")]
    [InlineData("1Gi", "1073741824", "1Mi")]
    [InlineData("1536Mi", "1.5Gi", "1Gi")]
    [InlineData("1500M", "1.5G", "1G")]
    [InlineData("100u", "0.0001", "1")]
    public void Amounts_are_written_in_the_largest_unit_there_is_one_of(string written, string given, string like)
    {
        Assert.True(Quantity.TryParse(given, out var amount));
        Assert.Equal(written, Quantity.Format(amount, like));
    }

    // A quota is looked up where it may be a moment behind.
    private async Task QuotaAsync(string hard, string more = "")
    {
        await CreateAsync("resourcequotas", "default", $"{{\"metadata\":{{\"name\":\"q\"}},\"spec\":{{\"hard\":{hard}{more}}}}}");
        while ((await Kube.AtHandAsync("", "resourcequotas", "default", Cancellation)).Count == 0)
        {
            await Task.Delay(5, Cancellation);
        }
    }

    private Task<JsonObject> PodAsync(string name, string cpu, string memory) => CreateAsync("pods", "default", $$$"""
        {"metadata":{"name":"{{{name}}}"},"spec":{"containers":[{"name":"c","image":"i","resources":{"requests":{"cpu":"{{{cpu}}}"},"limits":{"memory":"{{{memory}}}"} } }] } }
        """);

    private async Task<JsonObject> UsedAsync() => (await GetAsync("resourcequotas", "default", "q")).ObjectAt("status", "used") ?? [];

    private async Task UntilUsedAsync(string wanted)
    {
        while ((await UsedAsync()).TextAt("configmaps") != wanted)
        {
            await Task.Delay(20, Cancellation);
        }
    }
}
