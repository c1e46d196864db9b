using System.Text.Json.Nodes;
using KubeStore.Failures;
using KubeStore.Objects;

namespace KubeStore.Kinds;

/// <summary>What pods are when nobody says otherwise, in templates as well as by themselves.</summary>
internal static class PodSpecDefaults
{
    private const long ReadableByAll = 420;

    public static void Apply(JsonObject spec, bool isPod)
    {
        spec.Default("restartPolicy", "Always");
        spec.Default("dnsPolicy", "ClusterFirst");
        spec.Default("terminationGracePeriodSeconds", JsonValue.Create(30L));
        spec.Default("schedulerName", "default-scheduler");
        spec.Default("securityContext", new JsonObject());
        if (isPod)
        {
            spec.Default("enableServiceLinks", JsonValue.Create(true));
        }

        // Two names for the same thing; the old one is kept for old clients.
        if (spec.TextAt("serviceAccountName") is { Length: > 0 } account)
        {
            spec["serviceAccount"] = account;
        }
        else if (spec.TextAt("serviceAccount") is { Length: > 0 } old)
        {
            spec["serviceAccountName"] = old;
        }

        foreach (var list in (string[])["containers", "initContainers", "ephemeralContainers"])
        {
            foreach (var container in spec.ArrayAt(list).Objects())
            {
                Container(container, isPod);
            }
        }

        foreach (var volume in spec.ArrayAt("volumes").Objects())
        {
            Volume(volume);
        }
    }

    public static IEnumerable<FieldError> Problems(string path, JsonObject? spec)
    {
        var containers = spec.ArrayAt("containers");
        if (containers is null or { Count: 0 })
        {
            yield return FieldError.Required($"{path}.containers");
        }

        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var list in (string[])["initContainers", "containers"])
        {
            var index = 0;
            foreach (var container in spec.ArrayAt(list).Objects())
            {
                var field = FormattableString.Invariant($"{path}.{list}[{index++}]");
                var name = container.TextAt("name");
                if (name.Length == 0)
                {
                    yield return FieldError.Required($"{field}.name");
                }
                else if (!NameGrammar.IsLabel(name, startsWithLetter: false) || name.Length > 63)
                {
                    yield return FieldError.Invalid($"{field}.name", name, NameGrammar.ProblemsOfName(NameRule.Dns1123Label, name).First());
                }
                else if (!names.Add(name))
                {
                    yield return FieldError.Duplicate($"{field}.name", name);
                }

                if (container.TextAt("image").Trim().Length == 0)
                {
                    yield return FieldError.Required($"{field}.image");
                }

                foreach (var problem in PortProblems(field, container).Concat(ResourceProblems($"{field}.resources", container.ObjectAt("resources"))))
                {
                    yield return problem;
                }
            }
        }

        if (spec.TextAt("restartPolicy") is { Length: > 0 } restart && restart is not ("Always" or "OnFailure" or "Never"))
        {
            yield return FieldError.NotSupported($"{path}.restartPolicy", restart, ["Always", "OnFailure", "Never"]);
        }

        var volumes = new HashSet<string>(StringComparer.Ordinal);
        var at = 0;
        foreach (var volume in spec.ArrayAt("volumes").Objects())
        {
            var field = FormattableString.Invariant($"{path}.volumes[{at++}].name");
            var name = volume.TextAt("name");
            if (name.Length == 0)
            {
                yield return FieldError.Required(field);
            }
            else if (!volumes.Add(name))
            {
                yield return FieldError.Duplicate(field, name);
            }
        }
    }

    private static IEnumerable<FieldError> PortProblems(string path, JsonObject container)
    {
        if (container.TextAt("imagePullPolicy") is { Length: > 0 } policy && policy is not ("Always" or "IfNotPresent" or "Never"))
        {
            yield return FieldError.NotSupported($"{path}.imagePullPolicy", policy, ["Always", "IfNotPresent", "Never"]);
        }

        var index = 0;
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var port in container.ArrayAt("ports").Objects())
        {
            var field = FormattableString.Invariant($"{path}.ports[{index++}]");
            var number = port.IntegerAt("containerPort") ?? 0;
            if (number == 0)
            {
                yield return FieldError.Required($"{field}.containerPort");
            }
            else if (number is < 1 or > 65535)
            {
                yield return FieldError.Invalid($"{field}.containerPort", port.At("containerPort"), "must be between 1 and 65535, inclusive");
            }

            if (port.TextAt("protocol") is var protocol and not ("TCP" or "UDP" or "SCTP"))
            {
                yield return FieldError.NotSupported($"{field}.protocol", protocol, ["SCTP", "TCP", "UDP"]);
            }

            if (port.TextAt("name") is { Length: > 0 } name && !names.Add(name))
            {
                yield return FieldError.Duplicate($"{field}.name", name);
            }
        }
    }

    private static IEnumerable<FieldError> ResourceProblems(string path, JsonObject? resources)
    {
        foreach (var (name, request) in resources.ObjectAt("requests") ?? [])
        {
            if (resources.At("limits", name).AsText() is { } limit && Schema.Quantity.Compare(request.AsText() ?? "", limit) > 0)
            {
                yield return FieldError.Invalid($"{path}.requests", request, $"must be less than or equal to {name} limit of {limit}");
            }
        }
    }

    private static void Container(JsonObject container, bool isPod)
    {
        container.Default("terminationMessagePath", "/dev/termination-log");
        container.Default("terminationMessagePolicy", "File");
        var image = container.TextAt("image");
        var tag = image.LastIndexOf(':') is var colon && colon > image.LastIndexOf('/') ? image[(colon + 1)..] : "";
        container.Default("imagePullPolicy", !image.Contains('@', StringComparison.Ordinal) && tag is "" or "latest" ? "Always" : "IfNotPresent");
        foreach (var port in container.ArrayAt("ports").Objects())
        {
            port.Default("protocol", "TCP");
        }

        foreach (var name in (string[])["livenessProbe", "readinessProbe", "startupProbe"])
        {
            if (container.ObjectAt(name) is { } probe)
            {
                probe.Default("timeoutSeconds", JsonValue.Create(1L));
                probe.Default("periodSeconds", JsonValue.Create(10L));
                probe.Default("successThreshold", JsonValue.Create(1L));
                probe.Default("failureThreshold", JsonValue.Create(3L));
                if (probe.ObjectAt("httpGet") is { } get)
                {
                    get.Default("path", "/");
                    get.Default("scheme", "HTTP");
                }
            }
        }

        container.Default("resources", new JsonObject());
        if (isPod && container.ObjectAt("resources", "limits") is { } limits)
        {
            var requests = container.Ensure("resources").Ensure("requests");
            foreach (var (name, limit) in limits)
            {
                requests.Default(name, limit?.DeepClone());
            }
        }
    }

    private static void Volume(JsonObject volume)
    {
        if (volume.Count == 1 && volume.ContainsKey("name"))
        {
            volume["emptyDir"] = new JsonObject();
        }

        foreach (var source in (string[])["secret", "configMap", "projected", "downwardAPI"])
        {
            volume.ObjectAt(source)?.Default("defaultMode", JsonValue.Create(ReadableByAll));
        }
    }
}
