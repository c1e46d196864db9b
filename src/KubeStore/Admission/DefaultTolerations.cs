using System.Text.Json.Nodes;
using KubeStore.Objects;

namespace KubeStore.Admission;

internal sealed class DefaultTolerations : IAdmissionStep
{
    private const long Seconds = 300;
    private static readonly string[] Taints = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];

    public ValueTask MutateAsync(AdmissionRequest request, CancellationToken cancellation)
    {
        if (!request.Creates("", "pods"))
        {
            return default;
        }

        var spec = request.Object!.Ensure("spec");
        var tolerations = spec.ArrayAt("tolerations") ?? [];
        foreach (var taint in Taints)
        {
            if (!tolerations.Objects().Any(one => Tolerates(one, taint)))
            {
                tolerations.Add((JsonNode)new JsonObject { ["key"] = taint, ["operator"] = "Exists", ["effect"] = "NoExecute", ["tolerationSeconds"] = Seconds });
            }
        }

        if (tolerations.Parent is null && tolerations.Count > 0)
        {
            spec["tolerations"] = tolerations;
        }

        return default;
    }

    private static bool Tolerates(JsonObject toleration, string taint)
        => (toleration.TextAt("key") == taint || toleration.TextAt("key").Length == 0)
            && toleration.TextAt("effect") is "" or "NoExecute";
}
