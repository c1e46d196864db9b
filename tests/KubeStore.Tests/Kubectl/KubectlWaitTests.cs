using System.Globalization;

namespace KubeStore.Tests.Kubectl;

/// <summary>What kubectl waits for while others work.</summary>
public sealed class KubectlWaitTests : KubectlFixture
{
    [Fact]
    public async Task It_waits_for_conditions_and_for_values()
    {
        await RunAsync("apply", "-f", await FileAsync("web.yaml", Deployment));
        var condition = RunAsync("wait", "--for=condition=Available", "deploy/web", "--timeout=5m");
        var value = RunAsync("wait", "--for=jsonpath={.status.readyReplicas}=2", "deploy/web", "--timeout=5m");
        Assert.Contains("timed out", await RunAsync("wait", "--for=condition=Available", "deploy/web", "--timeout=1s"), StringComparison.Ordinal);
        await StatusAsync(2, isAvailable: true);
        Assert.Equal("deployment.apps/web condition met", await condition);
        Assert.Equal("deployment.apps/web condition met", await value);
        var made = RunAsync("wait", "--for=create", "configmap/late", "--timeout=5m");
        await RunAsync("create", "configmap", "late");
        Assert.Equal("configmap/late condition met", await made);
    }

    [Fact]
    public async Task A_rollout_is_followed_to_its_end()
    {
        await RunAsync("apply", "-f", await FileAsync("web.yaml", Deployment));
        var status = RunAsync("rollout", "status", "deploy/web", "--timeout=5m");
        await StatusAsync(1, isAvailable: false);
        await StatusAsync(2, isAvailable: true);
        Assert.EndsWith("deployment \"web\" successfully rolled out", await status, StringComparison.Ordinal);

        Assert.Equal("deployment.apps/web restarted", await RunAsync("rollout", "restart", "deploy/web"));
        Assert.Matches("^2", await RunAsync("get", "deploy", "web", "-o", @"jsonpath={.spec.template.metadata.annotations.kubectl\.kubernetes\.io/restartedAt}"));
        Assert.Contains("Waiting for deployment spec update to be observed", await RunAsync("rollout", "status", "deploy/web", "--watch=false"), StringComparison.Ordinal);
        Assert.Equal("deployment.apps/web paused", await RunAsync("rollout", "pause", "deploy/web"));
        Assert.Equal("deployment.apps/web resumed", await RunAsync("rollout", "resume", "deploy/web"));
    }

    [Fact]
    public async Task History_is_shown_and_gone_back_to()
    {
        await RunAsync("apply", "-f", await FileAsync("web.yaml", Deployment));
        var uid = await RunAsync("get", "deploy", "web", "-o", "jsonpath={.metadata.uid}");
        foreach (var (revision, image) in (IEnumerable<(int, string)>)[(1, "older"), (2, "nginx")])
        {
            await RunAsync("apply", "-f", await FileAsync("rs.yaml", string.Create(CultureInfo.InvariantCulture, $$"""
                apiVersion: apps/v1
                kind: ReplicaSet
                metadata:
                  name: web-{{revision}}
                  labels: {app: web}
                  annotations: {deployment.kubernetes.io/revision: "{{revision}}"}
                  ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, uid: {{uid}}, controller: true}]
                spec:
                  selector: {matchLabels: {app: web} }
                  template:
                    metadata: {labels: {app: web} }
                    spec: {containers: [{name: c, image: {{image}} }] }
                """)));
        }

        Assert.Matches(@"1 +<none>\s+2 +<none>", await RunAsync("rollout", "history", "deploy/web"));
        Assert.Equal("deployment.apps/web rolled back", await RunAsync("rollout", "undo", "deploy/web", "--to-revision=1"));
        Assert.Equal("older", await RunAsync("get", "deploy", "web", "-o", "jsonpath={.spec.template.spec.containers[0].image}"));
    }

    // What the deployment's controller would say.
    private async Task StatusAsync(int replicas, bool isAvailable)
    {
        var status = string.Create(
            CultureInfo.InvariantCulture,
            $$$"""{"status":{"observedGeneration":1,"replicas":{{{replicas}}},"updatedReplicas":{{{replicas}}},"readyReplicas":{{{replicas}}},"availableReplicas":{{{replicas}}},"conditions":[{"type":"Available","status":"{{{isAvailable}}}"}]}}""");
        Assert.Equal("deployment.apps/web patched", await RunAsync("patch", "deploy", "web", "--subresource=status", "--type=merge", "-p", status));
    }
}
