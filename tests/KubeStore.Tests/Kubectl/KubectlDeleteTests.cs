namespace KubeStore.Tests.Kubectl;

/// <summary>What kubectl deletes, what goes with it, and what it waits for.</summary>
public sealed class KubectlDeleteTests : KubectlFixture
{
    [Fact]
    public async Task It_waits_for_finalizers()
    {
        await RunAsync("apply", "-f", await FileAsync("a.yaml", """
            apiVersion: v1
            kind: ConfigMap
            metadata: {name: a, finalizers: [example.com/keep]}
            """));
        Assert.Equal("configmap \"a\" deleted", await RunAsync("delete", "configmap", "a", "--wait=false"));
        Assert.Matches("^2", await RunAsync("get", "configmap", "a", "-o", "jsonpath={.metadata.deletionTimestamp}"));
        Assert.Contains("timed out", await RunAsync("delete", "configmap", "a", "--timeout=1s"), StringComparison.Ordinal);
        var waiting = RunAsync("delete", "configmap", "a");
        var other = RunAsync("wait", "--for=delete", "configmap/a", "--timeout=5m");
        Assert.Equal("configmap/a patched", await RunAsync("patch", "configmap", "a", "--type=json", "-p", """[{"op":"remove","path":"/metadata/finalizers"}]"""));
        await Task.WhenAll(waiting, other);
        Assert.Contains("NotFound", await RunAsync("get", "configmap", "a"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("background", false)]
    [InlineData("foreground", false)]
    [InlineData("orphan", true)]
    public async Task Dependents_go_or_stay_as_it_says(string cascade, bool stays)
    {
        await RunAsync("apply", "-f", await FileAsync("web.yaml", Deployment));
        var uid = await RunAsync("get", "deploy", "web", "-o", "jsonpath={.metadata.uid}");
        await RunAsync("apply", "-f", await FileAsync("a.yaml", $$"""
            apiVersion: v1
            kind: ConfigMap
            metadata:
              name: a
              ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, uid: {{uid}}, blockOwnerDeletion: true}]
            """));
        Assert.Equal("deployment.apps \"web\" deleted", await RunAsync("delete", "deploy", "web", $"--cascade={cascade}", "--wait"));
        Assert.Contains("NotFound", await RunAsync("get", "deploy", "web"), StringComparison.Ordinal);
        if (stays)
        {
            Assert.Equal("", await RunAsync("get", "configmap", "a", "-o", "jsonpath={.metadata.ownerReferences}"));
            return;
        }

        // In the background it goes some time after its owner.
        Assert.DoesNotContain("timed out", await RunAsync("wait", "--for=delete", "configmap/a", "--timeout=5m"), StringComparison.Ordinal);
        Assert.Contains("NotFound", await RunAsync("get", "configmap", "a"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_deletes_by_label_by_file_and_all_of_a_kind()
    {
        foreach (var name in (string[])["a", "b", "c", "d"])
        {
            await RunAsync("create", "configmap", name);
        }

        await RunAsync("label", "configmap", "a", "b", "x=y");
        Assert.Equal("configmap \"a\" deleted\nconfigmap \"b\" deleted", await RunAsync("delete", "configmap", "-l", "x=y"));
        Assert.Equal("configmap \"c\" deleted", await RunAsync("delete", "configmap", "c", "none", "--ignore-not-found"));
        Assert.Equal("configmap \"d\" deleted", await RunAsync("delete", "configmap", "--all"));
        var file = await FileAsync("two.yaml", """
            apiVersion: v1
            kind: List
            items:
            - {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}
            - {apiVersion: v1, kind: Secret, metadata: {name: b}}
            """);
        Assert.Equal("configmap/a created\nsecret/b created", await RunAsync("create", "-f", file));
        Assert.Equal("configmap \"a\" deleted\nsecret \"b\" deleted", await RunAsync("delete", "-f", file));
    }

    [Fact]
    public async Task A_pod_on_a_node_goes_when_somebody_says_it_has_ended()
    {
        await RunAsync("apply", "-f", await FileAsync("pod.yaml", """
            apiVersion: v1
            kind: Pod
            metadata: {name: a}
            spec: {nodeName: node1, containers: [{name: c, image: nginx}]}
            """));
        Assert.Equal("pod \"a\" deleted", await RunAsync("delete", "pod", "a", "--wait=false"));
        Assert.Matches(@"a +0/1 +Terminating", await RunAsync("get", "pods"));
        Assert.Contains("pod \"a\" force deleted", await RunAsync("delete", "pod", "a", "--force", "--grace-period=0"), StringComparison.Ordinal);
        Assert.Contains("NotFound", await RunAsync("get", "pod", "a"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_namespace_takes_everything_in_it_along()
    {
        await RunAsync("create", "namespace", "x");
        await RunAsync("create", "configmap", "a", "-n", "x");
        await RunAsync("apply", "-n", "x", "-f", await FileAsync("web.yaml", Deployment));
        Assert.Equal("namespace \"x\" deleted", await RunAsync("delete", "namespace", "x"));
        Assert.Equal("No resources found in x namespace.", await RunAsync("get", "deploy,cm", "-n", "x"));
        Assert.Contains("namespaces \"x\" not found", await RunAsync("create", "configmap", "a", "-n", "x"), StringComparison.Ordinal);
        Assert.Contains("Forbidden", await RunAsync("delete", "namespace", "default"), StringComparison.Ordinal);
    }
}
