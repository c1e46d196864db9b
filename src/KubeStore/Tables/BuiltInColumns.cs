using System.Collections.Frozen;
using System.Globalization;
using System.Text.Json.Nodes;
using KubeStore.Objects;
using KubeStore.Resources;
using KubeStore.Selectors;
using static KubeStore.Tables.TableColumn;

namespace KubeStore.Tables;

/// <summary>The columns that built-in kinds are known by.</summary>
internal static class BuiltInColumns
{
    private const string None = "<none>";

    private static readonly FrozenDictionary<string, TableColumn[]> ByPlural = new Dictionary<string, TableColumn[]>
    {
        ["pods"] = PodColumns.All,
        ["services"] =
        [
            OfName, Text("Type", one => one.TextAt("spec", "type")), Text("Cluster-IP", one => OrNone(one.TextAt("spec", "clusterIP"))),
            Text("External-IP", ExternalAddress), Text("Port(s)", ServicePorts), OfAge, Text("Selector", one => Labels(one.ObjectAt("spec", "selector")), 1),
        ],
        ["deployments"] =
        [
            OfName, Text("Ready", one => Ratio(one.IntegerAt("status", "readyReplicas"), one.IntegerAt("spec", "replicas"))),
            Number("Up-to-date", one => one.IntegerAt("status", "updatedReplicas")), Number("Available", one => one.IntegerAt("status", "availableReplicas")),
            OfAge, .. Template("spec"), Text("Selector", Selector, 1),
        ],
        ["replicasets"] = Replicas(),
        ["replicationcontrollers"] = Replicas(),
        ["statefulsets"] = [OfName, Text("Ready", one => Ratio(one.IntegerAt("status", "readyReplicas"), one.IntegerAt("spec", "replicas"))), OfAge, .. Template("spec")],
        ["daemonsets"] =
        [
            OfName, Number("Desired", one => one.IntegerAt("status", "desiredNumberScheduled")), Number("Current", one => one.IntegerAt("status", "currentNumberScheduled")),
            Number("Ready", one => one.IntegerAt("status", "numberReady")), Number("Up-to-date", one => one.IntegerAt("status", "updatedNumberScheduled")),
            Number("Available", one => one.IntegerAt("status", "numberAvailable")),
            Text("Node Selector", one => Labels(one.ObjectAt("spec", "template", "spec", "nodeSelector"))), OfAge, .. Template("spec"), Text("Selector", Selector, 1),
        ],
        ["jobs"] =
        [
            OfName, Text("Status", JobStatus), Text("Completions", one => Ratio(one.IntegerAt("status", "succeeded"), one.IntegerAt("spec", "completions") ?? 1)),
            new("Duration", "string", JobDuration), OfAge, .. Template("spec"), Text("Selector", Selector, 1),
        ],
        ["cronjobs"] =
        [
            OfName, Text("Schedule", one => one.TextAt("spec", "schedule")), Text("Timezone", one => OrNone(one.TextAt("spec", "timeZone"))),
            Text("Suspend", one => one.FlagAt("spec", "suspend") ? "True" : "False"), Number("Active", one => one.ArrayAt("status", "active")?.Count ?? 0),
            new("Last Schedule", "string", (one, now) => one.TextAt("status", "lastScheduleTime") is { Length: > 0 } time ? Since(time, now) : None), OfAge,
        ],
        ["nodes"] =
        [
            OfName, Text("Status", NodeStatus), Text("Roles", NodeRoles), OfAge, Text("Version", one => one.TextAt("status", "nodeInfo", "kubeletVersion")),
            Text("Internal-IP", one => NodeAddress(one, "InternalIP"), 1), Text("External-IP", one => NodeAddress(one, "ExternalIP"), 1),
            Text("OS-Image", one => OrUnknown(one.TextAt("status", "nodeInfo", "osImage")), 1),
            Text("Kernel-Version", one => OrUnknown(one.TextAt("status", "nodeInfo", "kernelVersion")), 1),
            Text("Container-Runtime", one => OrUnknown(one.TextAt("status", "nodeInfo", "containerRuntimeVersion")), 1),
        ],
        ["namespaces"] = [OfName, Text("Status", one => one.TextAt("status", "phase")), OfAge],
        ["configmaps"] = [OfName, Number("Data", one => Count(one, "data") + Count(one, "binaryData")), OfAge],
        ["secrets"] = [OfName, Text("Type", one => one.TextAt("type")), Number("Data", one => Count(one, "data")), OfAge],
        ["serviceaccounts"] = [OfName, Number("Secrets", one => one.ArrayAt("secrets")?.Count ?? 0), OfAge],
        ["events"] =
        [
            new("Last Seen", "string", (one, now) => Since(LastSeen(one), now)), Text("Type", one => one.TextAt("type")), Text("Reason", one => one.TextAt("reason")),
            Text("Object", one => $"{Subject(one).TextAt("kind").ToLowerInvariant()}/{Subject(one).TextAt("name")}"),
            Text("Subobject", one => Subject(one).TextAt("fieldPath"), 1), Text("Source", one => one.TextAt("source", "component") + one.TextAt("deprecatedSource", "component"), 1),
            Text("Message", one => (one.TextAt("message") + one.TextAt("note")).Trim()),
            new("First Seen", "string", (one, now) => Since(FirstSeen(one), now)) { Priority = 1 },
            new("Count", "integer", (one, _) => JsonValue.Create(one.IntegerAt("count") ?? one.IntegerAt("deprecatedCount") ?? 1)) { Priority = 1 },
            OfName with { Priority = 1 },
        ],
        ["endpoints"] = [OfName, Text("Endpoints", EndpointAddresses), OfAge],
        ["endpointslices"] =
        [
            OfName, Text("AddressType", one => one.TextAt("addressType")),
            Text("Ports", one => OrUnset(string.Join(',', one.ArrayAt("ports").Objects().Select(port => port.At("port").Shown())))),
            Text("Endpoints", one => OrUnset(string.Join(',', one.ArrayAt("endpoints").Objects().SelectMany(endpoint => endpoint.ArrayAt("addresses").Texts())))), OfAge,
        ],
        ["persistentvolumes"] =
        [
            OfName, Text("Capacity", one => one.TextAt("spec", "capacity", "storage")), Text("Access Modes", one => Modes(one.ArrayAt("spec", "accessModes"))),
            Text("Reclaim Policy", one => one.TextAt("spec", "persistentVolumeReclaimPolicy")), Text("Status", Phase),
            Text("Claim", one => one.ObjectAt("spec", "claimRef") is { } claim ? $"{claim.TextAt("namespace")}/{claim.TextAt("name")}" : ""),
            Text("StorageClass", one => one.TextAt("spec", "storageClassName")), Text("VolumeAttributesClass", one => OrUnset(one.TextAt("spec", "volumeAttributesClassName"))),
            Text("Reason", one => one.TextAt("status", "reason")), OfAge, Text("VolumeMode", one => OrUnset(one.TextAt("spec", "volumeMode")), 1),
        ],
        ["persistentvolumeclaims"] =
        [
            OfName, Text("Status", Phase), Text("Volume", one => one.TextAt("spec", "volumeName")), Text("Capacity", one => one.TextAt("status", "capacity", "storage")),
            Text("Access Modes", one => Modes(one.ArrayAt("status", "accessModes"))), Text("StorageClass", one => one.TextAt("spec", "storageClassName")),
            Text("VolumeAttributesClass", one => OrUnset(one.TextAt("spec", "volumeAttributesClassName"))), OfAge, Text("VolumeMode", one => OrUnset(one.TextAt("spec", "volumeMode")), 1),
        ],
        ["horizontalpodautoscalers"] =
        [
            OfName, Text("Reference", one => $"{one.TextAt("spec", "scaleTargetRef", "kind")}/{one.TextAt("spec", "scaleTargetRef", "name")}"), Text("Targets", Targets),
            Text("MinPods", one => OrUnset(one.At("spec", "minReplicas").Shown())), Number("MaxPods", one => one.IntegerAt("spec", "maxReplicas")),
            Number("Replicas", one => one.IntegerAt("status", "currentReplicas")), OfAge,
        ],
        ["poddisruptionbudgets"] =
        [
            OfName, Text("Min Available", one => OrNa(one.At("spec", "minAvailable").Shown())), Text("Max Unavailable", one => OrNa(one.At("spec", "maxUnavailable").Shown())),
            Number("Allowed Disruptions", one => one.IntegerAt("status", "disruptionsAllowed")), OfAge,
        ],
        ["ingresses"] =
        [
            OfName, Text("Class", one => OrNone(one.TextAt("spec", "ingressClassName"))), Text("Hosts", Hosts),
            Text("Address", one => string.Join(',', one.ArrayAt("status", "loadBalancer", "ingress").Objects().Select(at => at.TextAt("ip") + at.TextAt("hostname")))),
            Text("Ports", one => one.ArrayAt("spec", "tls") is { Count: > 0 } ? "80, 443" : "80"), OfAge,
        ],
        ["rolebindings"] = Bindings(),
        ["clusterrolebindings"] = Bindings(),
        ["leases"] = [OfName, Text("Holder", one => one.TextAt("spec", "holderIdentity")), OfAge],
        ["controllerrevisions"] =
        [
            OfName, Text("Controller", one => one.ArrayAt("metadata", "ownerReferences").Objects().FirstOrDefault(owner => owner.FlagAt("controller")) is { } owner ? $"{owner.TextAt("kind").ToLowerInvariant()}.apps/{owner.TextAt("name")}" : None),
            Number("Revision", one => one.IntegerAt("revision")), OfAge,
        ],
        ["resourcequotas"] = [OfName, Text("Request", one => Quotas(one, isLimit: false)), Text("Limit", one => Quotas(one, isLimit: true)), OfAge],
        ["priorityclasses"] = [OfName, Number("Value", one => one.IntegerAt("value")), new("Global-Default", "boolean", (one, _) => JsonValue.Create(one.FlagAt("globalDefault"))), OfAge],
        ["storageclasses"] =
        [
            OfName, Text("Provisioner", one => one.TextAt("provisioner")), Text("ReclaimPolicy", one => one.TextAt("reclaimPolicy")),
            Text("VolumeBindingMode", one => one.TextAt("volumeBindingMode")), new("AllowVolumeExpansion", "boolean", (one, _) => JsonValue.Create(one.FlagAt("allowVolumeExpansion"))), OfAge,
        ],
    }.ToFrozenDictionary();

    public static IReadOnlyList<TableColumn>? Of(ResourceDefinition resource) => ByPlural.GetValueOrDefault(resource.Plural);

    internal static string OrNone(string text) => text.Length > 0 ? text : None;

    internal static string Labels(JsonObject? labels)
        => labels is { Count: > 0 } ? string.Join(',', labels.OrderBy(one => one.Key, StringComparer.Ordinal).Select(one => $"{one.Key}={one.Value.AsText()}")) : None;

    private static string OrUnset(string text) => text.Length > 0 ? text : "<unset>";

    private static string OrUnknown(string text) => text.Length > 0 ? text : "<unknown>";

    private static string OrNa(string text) => text.Length > 0 ? text : "N/A";

    private static string Ratio(long? some, long? all) => string.Create(CultureInfo.InvariantCulture, $"{some ?? 0}/{all ?? 0}");

    private static long Count(JsonObject value, string field) => value.ObjectAt(field)?.Count ?? 0;

    private static string Selector(JsonObject value)
        => value.ObjectAt("spec", "selector") is not { } selector ? None
            : selector.ContainsKey("matchLabels") || selector.ContainsKey("matchExpressions") ? OrNone(LabelSelector.FromJson(selector)!.ToString())
            : Labels(selector);

    private static TableColumn[] Replicas() =>
    [
        OfName, Number("Desired", one => one.IntegerAt("spec", "replicas")), Number("Current", one => one.IntegerAt("status", "replicas")),
        Number("Ready", one => one.IntegerAt("status", "readyReplicas")), OfAge, .. Template("spec"), Text("Selector", Selector, 1),
    ];

    private static TableColumn[] Template(string spec) =>
    [
        Text("Containers", one => string.Join(',', Containers(one, spec).Select(container => container.TextAt("name"))), 1),
        Text("Images", one => string.Join(',', Containers(one, spec).Select(container => container.TextAt("image"))), 1),
    ];

    private static IEnumerable<JsonObject> Containers(JsonObject value, string spec) => value.ArrayAt(spec, "template", "spec", "containers").Objects();

    private static TableColumn[] Bindings() =>
    [
        OfName, Text("Role", one => $"{one.TextAt("roleRef", "kind")}/{one.TextAt("roleRef", "name")}"), OfAge,
        Text("Users", one => Subjects(one, "User"), 1), Text("Groups", one => Subjects(one, "Group"), 1), Text("ServiceAccounts", one => Subjects(one, "ServiceAccount"), 1),
    ];

    private static string Subjects(JsonObject value, string kind) => string.Join(", ", value.ArrayAt("subjects").Objects()
        .Where(subject => subject.TextAt("kind") == kind)
        .Select(subject => kind == "ServiceAccount" ? $"{subject.TextAt("namespace")}/{subject.TextAt("name")}" : subject.TextAt("name")));

    private static string ExternalAddress(JsonObject service)
    {
        var ips = service.ArrayAt("spec", "externalIPs").Texts().ToList();
        switch (service.TextAt("spec", "type"))
        {
            case "ExternalName":
                return service.TextAt("spec", "externalName");
            case "LoadBalancer":
                ips.InsertRange(0, service.ArrayAt("status", "loadBalancer", "ingress").Objects().Select(at => at.TextAt("ip") + at.TextAt("hostname")));
                return ips.Count > 0 ? string.Join(',', ips) : "<pending>";
            default:
                return OrNone(string.Join(',', ips));
        }
    }

    private static string ServicePorts(JsonObject service) => OrNone(string.Join(',', service.ArrayAt("spec", "ports").Objects().Select(port =>
        port.IntegerAt("nodePort") is > 0 and var node
            ? string.Create(CultureInfo.InvariantCulture, $"{port.IntegerAt("port")}:{node}/{port.TextAt("protocol")}")
            : string.Create(CultureInfo.InvariantCulture, $"{port.IntegerAt("port")}/{port.TextAt("protocol")}"))));

    private static string Phase(JsonObject value) => value.TextAt("metadata", "deletionTimestamp").Length > 0 ? "Terminating" : value.TextAt("status", "phase");

    private static string JobStatus(JsonObject job)
    {
        bool Is(string type) => job.ArrayAt("status", "conditions").Objects().Any(one => one.TextAt("type") == type && one.TextAt("status") == "True");
        return Is("Complete") ? "Complete" : Is("Failed") ? "Failed" : job.TextAt("metadata", "deletionTimestamp").Length > 0 ? "Terminating"
            : Is("Suspended") ? "Suspended" : Is("FailureTarget") ? "FailureTarget" : Is("SuccessCriteriaMet") ? "SuccessCriteriaMet" : "Running";
    }

    private static JsonNode? JobDuration(JsonObject job, DateTimeOffset now)
        => !KubeTime.TryParse(job.TextAt("status", "startTime"), out var start) ? ""
            : KubeTime.Age((KubeTime.TryParse(job.TextAt("status", "completionTime"), out var end) ? end : now) - start);

    private static string NodeStatus(JsonObject node)
    {
        var ready = node.ArrayAt("status", "conditions").Objects().FirstOrDefault(one => one.TextAt("type") == "Ready");
        var status = ready is null ? "Unknown" : ready.TextAt("status") == "True" ? "Ready" : "NotReady";
        return node.FlagAt("spec", "unschedulable") ? $"{status},SchedulingDisabled" : status;
    }

    private static string NodeRoles(JsonObject node)
    {
        const string Prefix = "node-role.kubernetes.io/";
        return OrNone(string.Join(',', (node.ObjectAt("metadata", "labels") ?? [])
            .Select(one => one.Key.StartsWith(Prefix, StringComparison.Ordinal) ? one.Key[Prefix.Length..] : one.Key == "kubernetes.io/role" ? one.Value.AsText() ?? "" : "")
            .Where(role => role.Length > 0).Order(StringComparer.Ordinal)));
    }

    private static string NodeAddress(JsonObject node, string type)
        => OrNone(node.ArrayAt("status", "addresses").Objects().FirstOrDefault(one => one.TextAt("type") == type).TextAt("address"));

    private static JsonObject? Subject(JsonObject value) => value.ObjectAt("involvedObject") ?? value.ObjectAt("regarding");

    private static string FirstSeen(JsonObject value) => First(value, "firstTimestamp", "deprecatedFirstTimestamp", "eventTime");

    private static string LastSeen(JsonObject value)
        => value.TextAt("series", "lastObservedTime") is { Length: > 0 } time ? time : First(value, "lastTimestamp", "deprecatedLastTimestamp", "firstTimestamp", "eventTime");

    private static string First(JsonObject value, params string[] names) => names.Select(name => value.TextAt(name)).FirstOrDefault(text => text.Length > 0) ?? "";

    private static string EndpointAddresses(JsonObject value)
    {
        var all = value.ArrayAt("subsets").Objects().SelectMany(subset => subset.ArrayAt("addresses").Objects().SelectMany(address =>
            subset.ArrayAt("ports") is { Count: > 0 } ports
                ? ports.Objects().Select(port => $"{address.TextAt("ip")}:{port.At("port").Shown()}")
                : [address.TextAt("ip")])).ToList();
        return all.Count == 0 ? None : string.Join(',', all.Take(3)) + (all.Count > 3 ? string.Create(CultureInfo.InvariantCulture, $" + {all.Count - 3} more...") : "");
    }

    private static string Modes(JsonArray? modes) => string.Join(',', modes.Texts().Distinct().Select(mode => mode switch
    {
        "ReadWriteOnce" => "RWO",
        "ReadOnlyMany" => "ROX",
        "ReadWriteMany" => "RWX",
        "ReadWriteOncePod" => "RWOP",
        _ => mode,
    }));

    private static string Targets(JsonObject scaler) => OrNone(string.Join(", ", scaler.ArrayAt("spec", "metrics").Objects()
        .Select(metric => metric.ObjectAt("resource") is { } resource
            ? $"{resource.TextAt("name")}: <unknown>/{resource.At("target", "averageUtilization").Shown()}%"
            : $"<unknown>/{metric.TextAt("type")}")
        .Concat(scaler.IntegerAt("spec", "targetCPUUtilizationPercentage") is { } percentage ? [string.Create(CultureInfo.InvariantCulture, $"cpu: <unknown>/{percentage}%")] : [])));

    private static string Hosts(JsonObject ingress)
    {
        var hosts = ingress.ArrayAt("spec", "rules").Objects().Select(rule => rule.TextAt("host")).Where(host => host.Length > 0).ToList();
        return hosts.Count == 0 ? "*" : string.Join(',', hosts.Take(3)) + (hosts.Count > 3 ? string.Create(CultureInfo.InvariantCulture, $" + {hosts.Count - 3} more...") : "");
    }

    private static string Quotas(JsonObject quota, bool isLimit) => string.Join(", ", (quota.ObjectAt("status", "hard") ?? [])
        .Where(one => one.Key.StartsWith("limits.", StringComparison.Ordinal) == isLimit)
        .OrderBy(one => one.Key, StringComparer.Ordinal)
        .Select(one => $"{one.Key}: {quota.At("status", "used", one.Key).Shown()}/{one.Value.Shown()}"));
}
