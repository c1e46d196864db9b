using KubeStore.Admission;
using KubeStore.Failures;
using KubeStore.Objects;
using KubeStore.Registry;
using KubeStore.Storage;
using KubeStore.Tests.Registry;

namespace KubeStore.Tests.Admission;

public sealed class AdmissionTests : RegistryFixture
{
    [Fact]
    public async Task Steps_change_first_and_refuse_last_in_the_order_they_were_added()
    {
        var order = new List<string>();
        Kube.AddAdmission(new Noted("one", order));
        Kube.AddAdmission(new Noted("two", order));
        var made = await CreateAsync("configmaps", "default", ConfigMap("a"));
        Assert.Equal(["one changes Create", "two changes Create", "one judges Create onetwo", "two judges Create onetwo"], order);
        Assert.Equal("onetwo", made.TextAt("metadata", "annotations", "steps"));

        order.Clear();
        await DeleteAsync("configmaps", "default", "a");
        Assert.Equal(["one judges Delete ", "two judges Delete "], order);
    }

    [Fact]
    public async Task What_a_step_refuses_is_not_written_and_the_refusal_is_its_own()
    {
        Kube.AddAdmission(new Refusal());
        var refused = await RefusedAsync(() => CreateAsync("configmaps", "default", ConfigMap("a")));
        Assert.Equal((403, "no config maps today"), (refused.Code, refused.Message));
        await CreateAsync("secrets", "default", """{"metadata":{"name":"a"}}""");
        Assert.Equal("NotFound", (await RefusedAsync(() => GetAsync("configmaps", "default", "a"))).Reason);
    }

    [Fact]
    public async Task A_registry_has_only_the_steps_it_is_told_to_have()
    {
        await using var bare = new KubeRegistry(new MemoryStorage(), new() { Admission = [] });
        var pod = await bare.CreateAsync(bare.Catalog.Find("", "v1", "pods")!, "nowhere", Json(Pod("a")), new(), Cancellation);
        Assert.Null(pod.Object.ToJson().At("spec", "tolerations"));
        Assert.Throws<ArgumentException>(() => new KubeRegistry(new MemoryStorage(), new() { Admission = ["Unknown"] }));
    }

    [Fact]
    public async Task A_pod_gets_its_account_its_priority_and_its_tolerations()
    {
        await CreateAsync("serviceaccounts", "default", """{"metadata":{"name":"default"},"imagePullSecrets":[{"name":"pull"}]}""");
        await SeenAsync("serviceaccounts");
        var pod = await CreateAsync("pods", "default", Pod("a"));
        Assert.Equal("default", pod.TextAt("spec", "serviceAccountName"));
        Assert.Equal("pull", pod.ArrayAt("spec", "imagePullSecrets").Objects().Single().TextAt("name"));
        Assert.Equal(0, pod.IntegerAt("spec", "priority"));
        Assert.Equal("PreemptLowerPriority", pod.TextAt("spec", "preemptionPolicy"));
        Assert.Equal(
            ["node.kubernetes.io/not-ready 300", "node.kubernetes.io/unreachable 300"],
            pod.ArrayAt("spec", "tolerations").Objects().Select(one => $"{one.TextAt("key")} {one.IntegerAt("tolerationSeconds")}"));
    }

    [Fact]
    public async Task An_account_that_is_named_must_be_there()
    {
        var refused = await RefusedAsync(() => CreateAsync("pods", "default", Pod("a", ""","serviceAccountName":"robot" """)));
        Assert.Equal("pods \"a\" is forbidden: error looking up service account default/robot: serviceaccount \"robot\" not found", refused.Message);

        await CreateAsync("serviceaccounts", "default", """{"metadata":{"name":"robot"}}""");
        Assert.Equal("robot", (await CreateAsync("pods", "default", Pod("a", ""","serviceAccountName":"robot" """))).TextAt("spec", "serviceAccount"));
    }

    [Fact]
    public async Task A_priority_is_that_of_the_class_and_nothing_else()
    {
        await CreateAsync("priorityclasses", "", """{"metadata":{"name":"high"},"value":1000,"preemptionPolicy":"Never"}""");
        await CreateAsync("priorityclasses", "", """{"metadata":{"name":"usual"},"value":10,"globalDefault":true}""");
        await SeenAsync("priorityclasses");
        var high = await CreateAsync("pods", "default", Pod("high", ""","priorityClassName":"high" """));
        Assert.Equal((1000, "Never"), (high.IntegerAt("spec", "priority"), high.TextAt("spec", "preemptionPolicy")));
        var usual = await CreateAsync("pods", "default", Pod("usual"));
        Assert.Equal((10, "usual"), (usual.IntegerAt("spec", "priority"), usual.TextAt("spec", "priorityClassName")));
        var critical = await CreateAsync("pods", "default", Pod("critical", ""","priorityClassName":"system-node-critical" """));
        Assert.Equal(2_000_001_000, critical.IntegerAt("spec", "priority"));

        Assert.Contains("no PriorityClass with name low was found", (await RefusedAsync(() => CreateAsync("pods", "default", Pod("a", ""","priorityClassName":"low" """)))).Message, StringComparison.Ordinal);
        Assert.Contains("must not be provided in pod spec", (await RefusedAsync(() => CreateAsync("pods", "default", Pod("a", ""","priority":7""")))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_limit_range_fills_in_what_is_missing_and_refuses_what_is_too_much()
    {
        await CreateAsync("limitranges", "default", """
            {"metadata":{"name":"l"},"spec":{"limits":[
              {"type":"Container","default":{"cpu":"500m"},"defaultRequest":{"cpu":"100m"},"max":{"cpu":"1"},"min":{"cpu":"50m"}},
              {"type":"PersistentVolumeClaim","max":{"storage":"1Gi"}}]}}
            """);
        await SeenAsync("limitranges");
        var pod = await CreateAsync("pods", "default", Pod("a"));
        var container = pod.ArrayAt("spec", "containers").Objects().Single();
        Assert.Equal(("500m", "100m"), (container.TextAt("resources", "limits", "cpu"), container.TextAt("resources", "requests", "cpu")));
        Assert.Equal(
            "LimitRanger plugin set: cpu limit for container c; cpu request for container c",
            pod.TextAt("metadata", "annotations", "kubernetes.io/limit-ranger"));

        var large = await RefusedAsync(() => CreateAsync("pods", "default", Pod("b", "", """,'resources':{'limits':{'cpu':'2'}}""".Replace('\'', '"'))));
        Assert.Equal("pods \"b\" is forbidden: maximum cpu usage per Container is 1, but limit is 2", large.Message);
        var small = await RefusedAsync(() => CreateAsync("pods", "default", Pod("b", "", """,'resources':{'requests':{'cpu':'10m'}}""".Replace('\'', '"'))));
        Assert.Equal("pods \"b\" is forbidden: minimum cpu usage per Container is 50m, but request is 10m", small.Message);
        Assert.Equal(403, (await RefusedAsync(() => CreateAsync("persistentvolumeclaims", "default", Claim("big", "2Gi")))).Code);
        await CreateAsync("persistentvolumeclaims", "default", Claim("fits", "1Gi"));
    }

    [Fact]
    public async Task A_claim_that_names_no_class_gets_the_default_one()
    {
        await CreateAsync("storageclasses", "", """{"metadata":{"name":"slow"},"provisioner":"example.com/slow"}""");
        await CreateAsync(
            "storageclasses", "", """{"metadata":{"name":"fast","annotations":{"storageclass.kubernetes.io/is-default-class":"true"}},"provisioner":"example.com/fast"}""");
        await SeenAsync("storageclasses");
        Assert.Equal("fast", (await CreateAsync("persistentvolumeclaims", "default", Claim("a", "1Gi"))).TextAt("spec", "storageClassName"));
        Assert.Equal("", (await CreateAsync("persistentvolumeclaims", "default", Claim("b", "1Gi", ""","storageClassName":"" """))).TextAt("spec", "storageClassName"));
    }

    // Steps look at what is at hand; a list as of now makes that now.
    private Task<ObjectList> SeenAsync(string plural) => Kube.ListAsync(Of(plural), "", new(), Cancellation);

    private static string Pod(string name, string spec = "", string container = "")
        => $$$"""{"metadata":{"name":"{{{name}}}"},"spec":{"containers":[{"name":"c","image":"i"{{{container}}}}]{{{spec}}}}}""";

    private static string Claim(string name, string storage, string spec = "")
        => $$$$"""{"metadata":{"name":"{{{{name}}}}"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"{{{{storage}}}}"}}{{{{spec}}}}}}""";

    private sealed class Noted(string name, List<string> order) : IAdmissionStep
    {
        public ValueTask MutateAsync(AdmissionRequest request, CancellationToken cancellation)
        {
            order.Add($"{name} changes {request.Operation}");
            var annotations = request.Object!["metadata"]!.AsObject().Ensure("annotations");
            annotations["steps"] = annotations.TextAt("steps") + name;
            return default;
        }

        public ValueTask ValidateAsync(AdmissionRequest request, CancellationToken cancellation)
        {
            order.Add($"{name} judges {request.Operation} {request.Object.TextAt("metadata", "annotations", "steps")}");
            return default;
        }
    }

    private sealed class Refusal : IAdmissionStep
    {
        public ValueTask ValidateAsync(AdmissionRequest request, CancellationToken cancellation)
            => request.Resource.Plural == "configmaps" ? throw new StatusException(new Status(403, "Forbidden", "no config maps today")) : default;
    }
}
