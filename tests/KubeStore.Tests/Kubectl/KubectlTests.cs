namespace KubeStore.Tests.Kubectl;

/// <summary>The real kubectl, if it is on this machine.</summary>
public sealed class KubectlTests : KubectlFixture
{
    private const string Definition = """
        apiVersion: apiextensions.k8s.io/v1
        kind: CustomResourceDefinition
        metadata: {name: networks.example.com}
        spec:
          group: example.com
          scope: Namespaced
          names: {plural: networks, kind: Network, shortNames: [net]}
          versions:
          - name: v1
            served: true
            storage: true
            subresources: {status: {}}
            additionalPrinterColumns: [{name: CIDR, type: string, jsonPath: .spec.cidr}]
            schema:
              openAPIV3Schema:
                type: object
                properties:
                  spec:
                    type: object
                    required: [cidr]
                    properties:
                      cidr: {type: string}
                      mtu: {type: integer, default: 1500, minimum: 68}
                  status: {type: object, x-kubernetes-preserve-unknown-fields: true}
        """;

    [Fact]
    public async Task It_creates_applies_reads_and_deletes()
    {
        var file = await FileAsync("web.yaml", Deployment);
        Assert.Equal("deployment.apps/web created", await RunAsync("apply", "-f", file));
        Assert.Equal("deployment.apps/web unchanged", await RunAsync("apply", "-f", file));
        await FileAsync("web.yaml", Deployment.Replace("name: c,", "name: d,", StringComparison.Ordinal));
        Assert.Equal("deployment.apps/web configured", await RunAsync("apply", "-f", file));
        Assert.Equal("d", await RunAsync("get", "deploy", "web", "-o", "jsonpath={.spec.template.spec.containers[*].name}"));
        Assert.Contains("READY", await RunAsync("get", "deploy,rs", "-o", "wide"), StringComparison.Ordinal);
        Assert.Equal("deployment.apps/web scaled", await RunAsync("scale", "deploy", "web", "--replicas=5"));
        Assert.Equal("deployment.apps/web labeled", await RunAsync("label", "deploy", "web", "x=y"));
        Assert.Equal("deployment.apps/web patched", await RunAsync("patch", "deploy", "web", "-p", """{"spec":{"paused":true}}"""));
        Assert.Contains("Replicas:", await RunAsync("describe", "deploy", "web"), StringComparison.Ordinal);
        Assert.Equal("deployment.apps \"web\" deleted", await RunAsync("delete", "deploy", "web"));
        Assert.Contains("NotFound", await RunAsync("get", "deploy", "web"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_applies_on_the_server_and_meets_conflicts()
    {
        var file = await FileAsync("web.yaml", Deployment);
        Assert.Equal("deployment.apps/web serverside-applied", await RunAsync("apply", "--server-side", "-f", file));
        Assert.Equal("deployment.apps/web scaled", await RunAsync("scale", "deploy", "web", "--replicas=5"));
        Assert.Contains(".spec.replicas", await RunAsync("apply", "--server-side", "-f", file), StringComparison.Ordinal);
        Assert.Equal("deployment.apps/web serverside-applied", await RunAsync("apply", "--server-side", "--force-conflicts", "-f", file));
        Assert.Equal("2", await RunAsync("get", "deploy", "web", "-o", "jsonpath={.spec.replicas}"));
    }

    [Fact]
    public async Task Its_typed_creates_arrive_as_protobuf()
    {
        Assert.Equal("namespace/x created", await RunAsync("create", "namespace", "x"));
        Assert.Equal("configmap/a created", await RunAsync("create", "configmap", "a", "--from-literal=k=v", "-n", "x"));
        Assert.Equal("secret/a created", await RunAsync("create", "secret", "generic", "a", "--from-literal=k=v", "-n", "x"));
        Assert.Equal("role.rbac.authorization.k8s.io/a created", await RunAsync("create", "role", "a", "--verb=get", "--resource=pods", "-n", "x"));
        Assert.Equal("v", await RunAsync("get", "cm", "a", "-n", "x", "-o", "jsonpath={.data.k}"));
        Assert.Equal("yes", await RunAsync("auth", "can-i", "create", "pods"));
        Assert.Equal("namespace \"x\" deleted", await RunAsync("delete", "namespace", "x"));
        Assert.Contains("NotFound", await RunAsync("get", "namespace", "x"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_explains_and_lists_resources()
    {
        Assert.Contains("rollingUpdate", await RunAsync("explain", "deployment.spec.strategy"), StringComparison.Ordinal);
        Assert.Contains("deployments", await RunAsync("api-resources"), StringComparison.Ordinal);
        Assert.Contains("unknown field \"spec.replica\"", await RunAsync("apply", "-f", await FileAsync("bad.yaml", Deployment.Replace("replicas", "replica", StringComparison.Ordinal))), StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_defines_and_uses_custom_resources()
    {
        Assert.Equal("customresourcedefinition.apiextensions.k8s.io/networks.example.com created", await RunAsync("apply", "-f", await FileAsync("crd.yaml", Definition)));
        Assert.Contains("condition met", await RunAsync("wait", "--for=condition=Established", "crd/networks.example.com"), StringComparison.Ordinal);
        const string Network = """
            apiVersion: example.com/v1
            kind: Network
            metadata: {name: a}
            spec: {cidr: 10.0.0.0/8}
            """;
        Assert.Equal("network.example.com/a created", await RunAsync("apply", "-f", await FileAsync("net.yaml", Network)));
        Assert.Equal("1500", await RunAsync("get", "net", "a", "-o", "jsonpath={.spec.mtu}"));
        Assert.Matches("NAME +CIDR\\s+a +10.0.0.0/8", await RunAsync("get", "networks"));
        Assert.Contains("spec.cidr: Required value", await RunAsync("apply", "-f", await FileAsync("bad.yaml", Network.Replace("cidr: 10.0.0.0/8", "mtu: 9000", StringComparison.Ordinal).Replace("name: a", "name: b", StringComparison.Ordinal))), StringComparison.Ordinal);
        Assert.Contains("deleted", await RunAsync("delete", "crd", "networks.example.com"), StringComparison.Ordinal);
    }
}
