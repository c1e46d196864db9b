using System.Globalization;
using System.Text.Json.Nodes;
using KubeStore.Objects;
using static KubeStore.Tables.TableColumn;

namespace KubeStore.Tables;

/// <summary>How pods stand in a table: one word for everything that may be the matter with one.</summary>
internal static class PodColumns
{
    public static TableColumn[] All { get; } =
    [
        OfName,
        Text("Ready", Ready),
        Text("Status", Status),
        new("Restarts", "string", Restarts),
        OfAge,
        Text("IP", one => BuiltInColumns.OrNone(one.TextAt("status", "podIP")), 1),
        Text("Node", one => BuiltInColumns.OrNone(one.TextAt("spec", "nodeName")), 1),
        Text("Nominated Node", one => BuiltInColumns.OrNone(one.TextAt("status", "nominatedNodeName")), 1),
        Text("Readiness Gates", Gates, 1),
    ];

    private static IEnumerable<JsonObject> Containers(JsonObject pod) => pod.ArrayAt("status", "containerStatuses").Objects();

    private static string Ready(JsonObject pod)
    {
        var ready = Containers(pod).Count(one => one.FlagAt("ready") && one.At("state", "running") is not null);
        return string.Create(CultureInfo.InvariantCulture, $"{ready}/{pod.ArrayAt("spec", "containers")?.Count ?? 0}");
    }

    private static JsonNode? Restarts(JsonObject pod, DateTimeOffset now)
    {
        var count = Containers(pod).Sum(one => one.IntegerAt("restartCount") ?? 0);
        var last = Containers(pod).Select(one => one.TextAt("lastState", "terminated", "finishedAt")).Where(time => time.Length > 0).Max(StringComparer.Ordinal);
        return count > 0 && last is not null
            ? string.Create(CultureInfo.InvariantCulture, $"{count} ({Since(last, now)} ago)")
            : count.ToString(CultureInfo.InvariantCulture);
    }

    private static string Status(JsonObject pod)
    {
        var status = pod.TextAt("status", "reason") is { Length: > 0 } why ? why : pod.TextAt("status", "phase");
        if (pod.ArrayAt("status", "conditions").Objects().Any(one => one.TextAt("type") == "PodScheduled" && one.TextAt("reason") == "SchedulingGated"))
        {
            status = "SchedulingGated";
        }

        if (Initializing(pod) is { } initializing)
        {
            status = initializing;
        }
        else
        {
            var hasRunning = false;
            foreach (var container in Containers(pod).Reverse())
            {
                status = Waiting(container, "") ?? Terminated(container, "") ?? status;
                hasRunning |= container.FlagAt("ready") && container.At("state", "running") is not null;
            }

            // Some have completed, and others go on.
            if (status == "Completed" && hasRunning)
            {
                status = pod.ArrayAt("status", "conditions").Objects().Any(one => one.TextAt("type") == "Ready" && one.TextAt("status") == "True") ? "Running" : "NotReady";
            }
        }

        return pod.TextAt("metadata", "deletionTimestamp").Length == 0 ? status
            : pod.TextAt("status", "reason") == "NodeLost" ? "Unknown"
            : "Terminating";
    }

    private static string? Initializing(JsonObject pod)
    {
        var index = 0;
        foreach (var container in pod.ArrayAt("status", "initContainerStatuses").Objects())
        {
            var isDone = container.At("state", "terminated") is { } ended && ended.IntegerAt("exitCode") is 0 or null;
            if (!isDone)
            {
                return Terminated(container, "Init:")
                    ?? (container.TextAt("state", "waiting", "reason") is "" or "PodInitializing" ? null : Waiting(container, "Init:"))
                    ?? string.Create(CultureInfo.InvariantCulture, $"Init:{index}/{pod.ArrayAt("spec", "initContainers")?.Count ?? 0}");
            }

            index++;
        }

        return null;
    }

    private static string? Waiting(JsonObject container, string prefix)
        => container.TextAt("state", "waiting", "reason") is { Length: > 0 } reason ? prefix + reason : null;

    private static string? Terminated(JsonObject container, string prefix)
    {
        if (container.ObjectAt("state", "terminated") is not { } ended)
        {
            return null;
        }

        var signal = ended.IntegerAt("signal") ?? 0;
        return prefix + (ended.TextAt("reason") is { Length: > 0 } reason ? reason
            : signal != 0 ? string.Create(CultureInfo.InvariantCulture, $"Signal:{signal}")
            : string.Create(CultureInfo.InvariantCulture, $"ExitCode:{ended.IntegerAt("exitCode") ?? 0}"));
    }

    private static string Gates(JsonObject pod)
    {
        var gates = pod.ArrayAt("spec", "readinessGates").Objects().Select(gate => gate.TextAt("conditionType")).ToList();
        var met = gates.Count(gate => pod.ArrayAt("status", "conditions").Objects().Any(one => one.TextAt("type") == gate && one.TextAt("status") == "True"));
        return gates.Count == 0 ? "<none>" : string.Create(CultureInfo.InvariantCulture, $"{met}/{gates.Count}");
    }
}
