using System.Text.Json.Nodes;
using KubeStore.Failures;
using KubeStore.Objects;
using KubeStore.Registry;
using KubeStore.Schema;

namespace KubeStore.Admission;

internal sealed class LimitRanger(KubeRegistry registry) : IAdmissionStep
{
    private const string Annotation = "kubernetes.io/limit-ranger";

    public async ValueTask MutateAsync(AdmissionRequest request, CancellationToken cancellation)
    {
        if (!request.Creates("", "pods"))
        {
            return;
        }

        var limits = await LimitsAsync(request.Namespace, "Container", cancellation).ConfigureAwait(false);
        var told = new List<string>();
        foreach (var (container, what) in Containers(request.Object!))
        {
            foreach (var limit in limits)
            {
                Fill(container, "limits", limit.ObjectAt("default"), "limit", what, told);

                // Who says nothing of a request is taken to ask for as much as it may have.
                Fill(container, "requests", limit.ObjectAt("defaultRequest") ?? limit.ObjectAt("default"), "request", what, told);
            }
        }

        if (told.Count > 0)
        {
            request.Object!.Ensure("metadata").Ensure("annotations")[Annotation] = $"LimitRanger plugin set: {string.Join("; ", told)}";
        }
    }

    public async ValueTask ValidateAsync(AdmissionRequest request, CancellationToken cancellation)
    {
        var problems = new List<string>();
        if (request.Creates("", "persistentvolumeclaims"))
        {
            foreach (var limit in await LimitsAsync(request.Namespace, "PersistentVolumeClaim", cancellation).ConfigureAwait(false))
            {
                // A claim has no limit; what it asks for is held to both ends.
                var asked = request.Object.ObjectAt("spec", "resources", "requests");
                Check(limit, "PersistentVolumeClaim", name => asked.At(name).AsText(), name => asked.At(name).AsText(), "request", problems);
            }
        }
        else if (request.Creates("", "pods"))
        {
            foreach (var limit in await LimitsAsync(request.Namespace, "Container", cancellation).ConfigureAwait(false))
            {
                foreach (var (container, _) in Containers(request.Object!))
                {
                    Check(
                        limit,
                        "Container",
                        name => container.At("resources", "requests", name).AsText(),
                        name => container.At("resources", "limits", name).AsText(),
                        "limit",
                        problems);
                }
            }

            foreach (var limit in await LimitsAsync(request.Namespace, "Pod", cancellation).ConfigureAwait(false))
            {
                Check(limit, "Pod", name => Sum(request.Object!, "requests", name), name => Sum(request.Object!, "limits", name), "limit", problems);
            }
        }

        if (problems.Count > 0)
        {
            throw Failure.Forbidden(
                request.Resource.Resource, request.Name, problems.Count == 1 ? problems[0] : $"[{string.Join(", ", problems)}]");
        }
    }

    private async ValueTask<List<JsonObject>> LimitsAsync(string ns, string type, CancellationToken cancellation)
        => [.. (await registry.AtHandAsync("", "limitranges", ns, cancellation).ConfigureAwait(false))
            .SelectMany(range => range.ArrayAt("spec", "limits").Objects())
            .Where(limit => limit.TextAt("type") == type)];

    private static IEnumerable<(JsonObject Container, string What)> Containers(JsonObject pod)
        => pod.ArrayAt("spec", "containers").Objects().Select(one => (one, $"container {one.TextAt("name")}"))
            .Concat(pod.ArrayAt("spec", "initContainers").Objects().Select(one => (one, $"init container {one.TextAt("name")}")));

    private static void Fill(JsonObject container, string field, JsonObject? defaults, string word, string what, List<string> told)
    {
        var given = container.ObjectAt("resources", field);
        var missing = (defaults ?? []).Where(one => given.At(one.Key) is null).ToList();
        foreach (var (name, amount) in missing)
        {
            container.Ensure("resources").Ensure(field)[name] = amount?.DeepClone();
        }

        if (missing.Count > 0)
        {
            told.Add($"{string.Join(", ", missing.Select(one => one.Key).Order(StringComparer.Ordinal))} {word} for {what}");
        }
    }

    private static void Check(
        JsonObject limit, string type, Func<string, string?> requested, Func<string, string?> limited, string upper, List<string> problems)
    {
        foreach (var (name, smallest) in limit.ObjectAt("min") ?? [])
        {
            if (requested(name) is not { } asked)
            {
                problems.Add($"minimum {name} usage per {type} is {smallest.AsText()}.  No request is specified");
            }
            else if (Quantity.Compare(asked, smallest.AsText() ?? "") < 0)
            {
                problems.Add($"minimum {name} usage per {type} is {smallest.AsText()}, but request is {asked}");
            }
        }

        foreach (var (name, largest) in limit.ObjectAt("max") ?? [])
        {
            if (limited(name) is not { } allowed)
            {
                problems.Add($"maximum {name} usage per {type} is {largest.AsText()}.  No {upper} is specified");
            }
            else if (Quantity.Compare(allowed, largest.AsText() ?? "") > 0)
            {
                problems.Add($"maximum {name} usage per {type} is {largest.AsText()}, but {upper} is {allowed}");
            }
        }

        foreach (var (name, ratio) in limit.ObjectAt("maxLimitRequestRatio") ?? [])
        {
            if (Quantity.TryParse(requested(name), out var from) && Quantity.TryParse(limited(name), out var to) && Quantity.TryParse(ratio.AsText(), out var most)
                && from > 0 && to / from > most)
            {
                problems.Add($"{name} max limit to request ratio per {type} is {ratio.AsText()}, but provided ratio is {(to / from).ToString("0.######", System.Globalization.CultureInfo.InvariantCulture)}");
            }
        }
    }

    // All containers together; one without an amount makes the sum unknown.
    private static string? Sum(JsonObject pod, string field, string name)
    {
        var amounts = pod.ArrayAt("spec", "containers").Objects().Select(one => one.At("resources", field, name).AsText()).ToList();
        var sum = 0m;
        foreach (var amount in amounts)
        {
            if (!Quantity.TryParse(amount, out var one))
            {
                return null;
            }

            sum += one;
        }

        return amounts.Count == 0 ? null : sum.ToString(System.Globalization.CultureInfo.InvariantCulture);
    }
}
