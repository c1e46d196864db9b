namespace KubeStore.Tests.Kubectl;

/// <summary>What kubectl changes: patches of all types, edits, labels, and what it only tries.</summary>
public sealed class KubectlChangeTests : KubectlFixture
{
    private const string Image = "jsonpath={.spec.template.spec.containers[0].image}";

    [Fact]
    public async Task It_patches_in_every_way()
    {
        await ApplyAsync();
        Assert.Equal("deployment.apps/web patched", await RunAsync("patch", "deploy", "web", "-p", """{"spec":{"template":{"spec":{"containers":[{"name":"c","image":"strategic"}]}}}}"""));
        Assert.Equal("strategic", await RunAsync("get", "deploy", "web", "-o", Image));
        Assert.Equal("80", await RunAsync("get", "deploy", "web", "-o", "jsonpath={.spec.template.spec.containers[0].ports[0].containerPort}"));
        Assert.Equal("deployment.apps/web patched (no change)", await RunAsync("patch", "deploy", "web", "-p", """{"spec":{"replicas":2}}"""));
        Assert.Equal("deployment.apps/web patched", await RunAsync("patch", "deploy", "web", "--type=merge", "-p", """{"metadata":{"labels":{"m":"1"}},"spec":{"replicas":3}}"""));
        Assert.Equal("deployment.apps/web patched", await RunAsync("patch", "deploy", "web", "--type=json", "-p", """[{"op":"test","path":"/spec/replicas","value":3},{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"json"}]"""));
        Assert.Equal("json", await RunAsync("get", "deploy", "web", "-o", Image));
        Assert.Equal("deployment.apps/web patched", await RunAsync("patch", "deploy", "web", "--subresource=status", "--type=merge", "-p", """{"status":{"replicas":3}}"""));
        Assert.Equal("scale.autoscaling/web patched", await RunAsync("patch", "deploy", "web", "--subresource=scale", "--type=merge", "-p", """{"spec":{"replicas":4}}"""));
        Assert.Equal("3 4", await RunAsync("get", "deploy", "web", "-o", "jsonpath={.status.replicas} {.spec.replicas}"));
        var (code, said) = await TryAsync("patch", "deploy", "web", "--type=json", "-p", """[{"op":"test","path":"/spec/replicas","value":9}]""");
        Assert.Equal((1, true), (code, said.Contains("test", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task It_edits_by_script()
    {
        await ApplyAsync();
        await FileAsync("editor", "#!/bin/sh\nsed -i 's/image: nginx/image: edited/; s/replicas: 2/replicas: 7/' \"$1\"\n", isProgram: true);
        Assert.Equal("deployment.apps/web edited", await RunAsync("edit", "deploy", "web"));
        Assert.Equal("edited", await RunAsync("get", "deploy", "web", "-o", Image));
        Assert.Equal("7", await RunAsync("get", "deploy", "web", "-o", "jsonpath={.spec.replicas}"));
        Assert.Equal("Edit cancelled, no changes made.", await RunAsync("edit", "deploy", "web"));
    }

    [Fact]
    public async Task It_labels_and_annotates_and_takes_back()
    {
        await ApplyAsync();
        Assert.Equal("deployment.apps/web labeled", await RunAsync("label", "deploy", "web", "tier=front", "x=y"));
        Assert.Contains("--overwrite", await RunAsync("label", "deploy", "web", "tier=back"), StringComparison.Ordinal);
        Assert.Equal("deployment.apps/web labeled", await RunAsync("label", "deploy", "web", "tier=back", "--overwrite"));
        Assert.Equal("deployment.apps/web unlabeled", await RunAsync("label", "deploy", "web", "x-"));
        Assert.Equal("""{"app":"web","tier":"back"}""", await RunAsync("get", "deploy", "web", "-o", "jsonpath={.metadata.labels}"));
        Assert.Equal("deployment.apps/web annotated", await RunAsync("annotate", "deploy", "web", "note=a b"));
        Assert.Equal("a b", await RunAsync("get", "deploy", "web", "-o", "jsonpath={.metadata.annotations.note}"));
        Assert.Equal("deployment.apps/web annotated", await RunAsync("annotate", "deploy", "--all", "note-"));
        Assert.Contains("a valid label must", await RunAsync("label", "deploy", "web", "no=/slashes"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_tries_on_the_server_and_shows_what_would_be()
    {
        var file = await FileAsync("web.yaml", Deployment);
        Assert.Equal("deployment.apps/web created (server dry run)", await RunAsync("apply", "--dry-run=server", "-f", file));
        Assert.Contains("NotFound", await RunAsync("get", "deploy", "web"), StringComparison.Ordinal);
        Assert.Equal("configmap/a created (server dry run)", await RunAsync("create", "configmap", "a", "--dry-run=server"));
        await ApplyAsync();
        Assert.Equal((0, ""), await TryAsync("diff", "-f", file));
        await FileAsync("web.yaml", Deployment.Replace("replicas: 2", "replicas: 5", StringComparison.Ordinal));
        var (code, said) = await TryAsync("diff", "-f", file);
        Assert.Equal(1, code);
        Assert.Contains("-  replicas: 2", said, StringComparison.Ordinal);
        Assert.Contains("+  replicas: 5", said, StringComparison.Ordinal);
        (code, said) = await TryAsync("diff", "--server-side", "--force-conflicts", "-f", file);
        Assert.Equal((1, true), (code, said.Contains("+  replicas: 5", StringComparison.Ordinal)));
        Assert.Equal("deployment.apps/web configured (server dry run)", await RunAsync("apply", "--dry-run=server", "-f", file));
        Assert.Equal("deployment.apps \"web\" deleted (server dry run)", await RunAsync("delete", "--dry-run=server", "deploy", "web"));
        Assert.Equal("2", await RunAsync("get", "deploy", "web", "-o", "jsonpath={.spec.replicas}"));
    }

    [Fact]
    public async Task It_replaces_sets_and_scales()
    {
        var file = await ApplyAsync();
        Assert.Equal("deployment.apps/web image updated", await RunAsync("set", "image", "deploy/web", "c=other"));
        Assert.Equal("deployment.apps/web env updated", await RunAsync("set", "env", "deploy/web", "A=b"));
        Assert.Equal("other b", await RunAsync("get", "deploy", "web", "-o", "jsonpath={.spec.template.spec.containers[0].image} {.spec.template.spec.containers[0].env[0].value}"));
        Assert.Equal("deployment.apps/web replaced", await RunAsync("replace", "-f", file));
        Assert.Equal("nginx", await RunAsync("get", "deploy", "web", "-o", Image));
        Assert.Contains("Expected replicas to be 9, was 2", await RunAsync("scale", "deploy", "web", "--current-replicas=9", "--replicas=1"), StringComparison.Ordinal);
        Assert.Equal("deployment.apps/web scaled", await RunAsync("scale", "deploy", "web", "--current-replicas=2", "--replicas=1"));
        Assert.Equal("horizontalpodautoscaler.autoscaling/web autoscaled", await RunAsync("autoscale", "deploy", "web", "--max=3"));
        Assert.Equal("service/web exposed", await RunAsync("expose", "deploy", "web", "--port=80"));
        Assert.Equal("deployment.apps/web replaced", (await RunAsync("replace", "--force", "-f", file)).Split('\n')[^1]);
    }

    [Fact]
    public async Task A_quota_is_described_and_says_why_it_refuses()
    {
        Assert.Equal("resourcequota/q created", await RunAsync("create", "quota", "q", "--hard=configmaps=2,pods=0"));
        Assert.Equal("resourcequota/q condition met", await RunAsync("wait", "--for=jsonpath={.status.used.configmaps}=0", "quota/q", "--timeout=5m"));
        await RunAsync("create", "configmap", "a");
        await RunAsync("create", "configmap", "b");
        Assert.Contains(
            "configmaps \"c\" is forbidden: exceeded quota: q, requested: configmaps=1, used: configmaps=2, limited: configmaps=2",
            await RunAsync("create", "configmap", "c"),
            StringComparison.Ordinal);
        Assert.Matches(@"configmaps +2 +2\s+pods +0 +0", await RunAsync("describe", "quota", "q"));
        Assert.Matches(@"configmaps: 2/2, pods: 0/0", await RunAsync("get", "quota"));
    }

    private async Task<string> ApplyAsync()
    {
        var file = await FileAsync("web.yaml", Deployment);
        Assert.Equal("deployment.apps/web created", await RunAsync("apply", "-f", file));
        return file;
    }
}
