using System.Globalization;
using System.Text.Json.Nodes;
using KubeStore.Failures;
using KubeStore.Objects;

namespace KubeStore.Kinds;

/// <summary>Services, and the addresses and ports that are given to them.</summary>
/// <remarks>Nothing here forwards a packet, so addresses come from the object's uid: they are spread over the range, and the
/// same for good, without a table that every writer would have to share.</remarks>
internal sealed class ServiceRules : KindRules
{
    private const int FirstNodePort = 30000;
    private const int NodePorts = 2768;

    public override void Default(JsonObject value)
    {
        var spec = value.Ensure("spec");
        spec.Default("type", "ClusterIP");
        spec.Default("sessionAffinity", "None");
        if (spec.TextAt("sessionAffinity") == "ClientIP")
        {
            spec.Ensure("sessionAffinityConfig").Ensure("clientIP").Default("timeoutSeconds", JsonValue.Create(10800L));
        }

        foreach (var port in spec.ArrayAt("ports").Objects())
        {
            port.Default("protocol", "TCP");
            if (port.At("targetPort") is null or JsonValue && port.At("targetPort").AsInteger() is 0 or null && port.At("targetPort").AsText() is null or "")
            {
                port["targetPort"] = port.At("port")?.DeepClone();
            }
        }

        var type = spec.TextAt("type");
        if (type == "ExternalName")
        {
            return;
        }

        spec.Default("internalTrafficPolicy", "Cluster");
        if (type is "NodePort" or "LoadBalancer")
        {
            spec.Default("externalTrafficPolicy", "Cluster");
        }

        if (type == "LoadBalancer")
        {
            spec.Default("allocateLoadBalancerNodePorts", JsonValue.Create(true));
        }
    }

    public override void PrepareCreate(JsonObject value)
    {
        value["status"] = new JsonObject { ["loadBalancer"] = new JsonObject() };
        Allocate(value, null);
    }

    public override void PrepareUpdate(JsonObject next, JsonObject old) => Allocate(next, old.ObjectAt("spec"));

    public override IEnumerable<FieldError> Problems(JsonObject value)
    {
        var spec = value.ObjectAt("spec");
        var type = spec.TextAt("type");
        if (type is not ("ClusterIP" or "NodePort" or "LoadBalancer" or "ExternalName"))
        {
            yield return FieldError.NotSupported("spec.type", type, ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]);
        }

        var ports = spec.ArrayAt("ports").Objects().ToList();
        if (ports.Count == 0 && type != "ExternalName" && spec.TextAt("clusterIP") != "None")
        {
            yield return FieldError.Required("spec.ports");
        }

        if (type == "ExternalName" && spec.TextAt("externalName").Length == 0)
        {
            yield return FieldError.Required("spec.externalName");
        }

        for (var i = 0; i < ports.Count; i++)
        {
            var field = string.Create(CultureInfo.InvariantCulture, $"spec.ports[{i}]");
            if (ports[i].IntegerAt("port") is not (>= 1 and <= 65535))
            {
                yield return FieldError.Invalid($"{field}.port", ports[i].At("port"), "must be between 1 and 65535, inclusive");
            }

            if (ports.Count > 1 && ports[i].TextAt("name").Length == 0)
            {
                yield return FieldError.Required($"{field}.name");
            }
        }
    }

    public override IEnumerable<FieldError> ProblemsOfUpdate(JsonObject next, JsonObject old)
    {
        if (old.TextAt("spec", "clusterIP").Length > 0 && next.TextAt("spec", "type") != "ExternalName"
            && Immutable("spec.clusterIPs[0]", next, old, "spec", "clusterIP") is { } changed)
        {
            yield return changed;
        }
    }

    private static void Allocate(JsonObject value, JsonObject? old)
    {
        var spec = value.Ensure("spec");
        if (spec.TextAt("type") == "ExternalName")
        {
            return;
        }

        var hash = Hash(value.TextAt("metadata", "uid"));
        if (spec.TextAt("clusterIP").Length == 0)
        {
            spec["clusterIP"] = old.TextAt("clusterIP") is { Length: > 0 } kept
                ? kept
                : string.Create(CultureInfo.InvariantCulture, $"10.{96 + (hash >> 16 & 15)}.{hash >> 8 & 255}.{1 + (hash & 255) % 254}");
        }

        spec["clusterIPs"] = JsonAccess.ToArray([spec.TextAt("clusterIP")]);
        spec.Default("ipFamilies", JsonAccess.ToArray(["IPv4"]));
        spec.Default("ipFamilyPolicy", "SingleStack");
        if (spec.TextAt("type") is not ("NodePort" or "LoadBalancer"))
        {
            return;
        }

        var offset = 0;
        foreach (var port in spec.ArrayAt("ports").Objects())
        {
            if (port.IntegerAt("nodePort") is null or 0)
            {
                var before = old.ArrayAt("ports").Objects()
                    .FirstOrDefault(one => one.IntegerAt("port") == port.IntegerAt("port") && one.TextAt("protocol") == port.TextAt("protocol"))
                    .IntegerAt("nodePort");
                port["nodePort"] = JsonValue.Create(before ?? FirstNodePort + ((hash + offset) % NodePorts));
            }

            offset++;
        }
    }

    private static long Hash(string text)
    {
        var hash = 2166136261u;
        foreach (var letter in text)
        {
            hash = unchecked((hash ^ letter) * 16777619u);
        }

        return hash & 0x7fff_ffff;
    }
}
