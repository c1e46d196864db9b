namespace KubeStore.Tests.Kubectl;

/// <summary>What kubectl shows, and in which forms.</summary>
public sealed class KubectlReadTests : KubectlFixture
{
    [Fact]
    public async Task It_shows_objects_in_every_form()
    {
        await RunAsync("apply", "-f", await FileAsync("web.yaml", Deployment));
        Assert.Matches(@"NAME +READY +UP-TO-DATE +AVAILABLE +AGE +CONTAINERS +IMAGES +SELECTOR\s+web +0/2 +0 +0 +\S+ +c +nginx +app=web", await RunAsync("get", "deploy", "-o", "wide"));
        Assert.StartsWith("apiVersion: apps/v1\nkind: Deployment\n", await RunAsync("get", "deploy", "web", "-o", "yaml"), StringComparison.Ordinal);
        Assert.Contains("\"kind\": \"List\"", await RunAsync("get", "deploy", "-o", "json"), StringComparison.Ordinal);
        Assert.Equal("deployment.apps/web", await RunAsync("get", "deploy", "-o", "name"));
        Assert.Equal("web nginx", await RunAsync("get", "deploy", "-o", "jsonpath={range .items[*]}{.metadata.name} {.spec.template.spec.containers[*].image}{end}"));
        Assert.Matches(@"N +R\s+web +2", await RunAsync("get", "deploy", "-o", "custom-columns=N:.metadata.name,R:.spec.replicas"));
        Assert.Matches(@"LABELS\s+web +.* app=web", await RunAsync("get", "deploy", "--show-labels"));
        Assert.Matches(@"NAMESPACE +NAME .*\s+default +web", await RunAsync("get", "deploy", "-A"));
        Assert.Contains("deployment.apps/web", await RunAsync("get", "all"), StringComparison.Ordinal);
        Assert.Matches(@"NAME +DESIRED +AVAILABLE +AGE\s+web +2 +0", await RunAsync("get", "deploy", "web", "--subresource=scale"));
    }

    [Fact]
    public async Task It_selects_by_labels_and_by_fields()
    {
        foreach (var (name, tier) in (IEnumerable<(string, string)>)[("a", "front"), ("b", "back"), ("c", "back")])
        {
            await RunAsync("apply", "-f", await FileAsync("pod.yaml", Pod(name, tier, name == "c" ? "node1" : "")));
        }

        Assert.Equal("a", await NamesAsync("-l", "tier=front"));
        Assert.Equal("b c", await NamesAsync("-l", "tier in (back,none),tier!=front"));
        Assert.Equal("a", await NamesAsync("-l", "tier notin (back)"));
        Assert.Equal("", await NamesAsync("-l", "!tier"));
        Assert.Equal("c", await NamesAsync("--field-selector", "spec.nodeName=node1"));
        Assert.Equal("a b", await NamesAsync("--field-selector", "spec.nodeName!=node1,status.phase=Pending"));
        Assert.Equal("b", await NamesAsync("--field-selector", "metadata.name=b"));
        Assert.Equal("a b c", await NamesAsync("--sort-by={.metadata.name}"));
        Assert.Contains("field label not supported: spec.colour", await RunAsync("get", "pods", "--field-selector", "spec.colour=red"), StringComparison.Ordinal);
        Assert.Contains("unable to parse requirement", await RunAsync("get", "pods", "-l", "a in b"), StringComparison.Ordinal);
        Assert.Equal("a b c", await NamesAsync("--chunk-size=1"));
    }

    [Fact]
    public async Task It_describes_what_belongs_to_an_object()
    {
        await RunAsync("apply", "-f", await FileAsync("pod.yaml", Pod("a", "front", "node1")));
        var uid = await RunAsync("get", "pod", "a", "-o", "jsonpath={.metadata.uid}");
        await RunAsync("apply", "-f", await FileAsync("event.yaml", $$"""
            apiVersion: v1
            kind: Event
            metadata: {name: a.1, namespace: default}
            involvedObject: {kind: Pod, name: a, namespace: default, uid: {{uid}}}
            reason: Scheduled
            message: it has got a place
            type: Normal
            """));
        var said = await RunAsync("describe", "pod", "a");
        Assert.Matches(@"Node: +node1/", said);
        Assert.Contains("it has got a place", said, StringComparison.Ordinal);
        Assert.Contains("Status:       Active", await RunAsync("describe", "ns", "default"), StringComparison.Ordinal);
        Assert.Contains("it has got a place", await RunAsync("events"), StringComparison.Ordinal);
        Assert.Contains("Name:", await RunAsync("describe", "pod"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_watches()
    {
        await RunAsync("create", "configmap", "a");
        var step = 0;
        var lines = await UntilAsync(["get", "configmaps", "-w", "-o", "name"], async lines =>
        {
            switch (lines.Count)
            {
                case 1 when step == 0:
                    step++;
                    await RunAsync("create", "configmap", "b");
                    break;
                case 2 when step == 1:
                    step++;
                    await RunAsync("label", "configmap", "a", "x=y");
                    break;
                case 3 when step == 2:
                    step++;
                    await RunAsync("delete", "configmap", "b");
                    break;
            }

            return lines.Count == 4;
        });
        Assert.Equal(["configmap/a", "configmap/b", "configmap/a", "configmap/b"], lines);

        lines = await UntilAsync(["get", "configmap", "a", "-w", "--output-watch-events"], async lines =>
        {
            if (lines.Count == 2 && step == 3)
            {
                step++;
                await RunAsync("label", "configmap", "a", "x=z", "--overwrite");
            }

            return lines.Count == 3;
        });
        Assert.Matches(@"^ADDED +a +0", lines[1]);
        Assert.Matches(@"^MODIFIED +a +0", lines[2]);
    }

    [Fact]
    public async Task It_explains_types_and_lists_what_there_is()
    {
        Assert.Contains("maxSurge", await RunAsync("explain", "deployment.spec.strategy.rollingUpdate"), StringComparison.Ordinal);
        Assert.Contains("containers", await RunAsync("explain", "pod.spec", "--recursive"), StringComparison.Ordinal);
        Assert.Contains("does not exist", await RunAsync("explain", "pod.colour"), StringComparison.Ordinal);
        var resources = await RunAsync("api-resources", "-o", "wide");
        Assert.Matches(@"deployments +deploy +apps/v1 +true +Deployment +create,delete,deletecollection,get,list,patch,update,watch +all", resources);
        Assert.Equal("pods\nreplicationcontrollers\nservices", string.Join('\n', (await RunAsync("api-resources", "--api-group=", "--categories=all", "-o", "name")).Split('\n').Order(StringComparer.Ordinal)));
        Assert.Contains("apps/v1", await RunAsync("api-versions"), StringComparison.Ordinal);
        Assert.Contains("Server Version: v1.32", await RunAsync("version"), StringComparison.Ordinal);
        Assert.Contains("is running at", await RunAsync("cluster-info"), StringComparison.Ordinal);
    }

    private static string Pod(string name, string tier, string node) => $$"""
        apiVersion: v1
        kind: Pod
        metadata: {name: {{name}}, labels: {tier: {{tier}} } }
        spec:
          nodeName: "{{node}}"
          containers: [{name: c, image: nginx}]
        """;

    private Task<string> NamesAsync(params string[] arguments) => RunAsync(["get", "pods", "-o", "jsonpath={.items[*].metadata.name}", .. arguments]);
}
