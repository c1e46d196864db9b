using System.Text.Json.Nodes;
using KubeStore;
using KubeStore.Failures;
using KubeStore.Objects;

namespace KubeNetwork;

/// <summary>What a Network is.</summary>
internal static class NetworkDefinition
{
    public static KubeResource Networks { get; } = new("example.com", "v1", "Network", "networks");

    private const string Definition = """
        {"metadata": {"name": "networks.example.com"},
         "spec": {
           "group": "example.com",
           "scope": "Namespaced",
           "names": {"plural": "networks", "singular": "network", "kind": "Network", "shortNames": ["net"]},
           "versions": [{
             "name": "v1", "served": true, "storage": true,
             "subresources": {"status": {}},
             "additionalPrinterColumns": [
               {"name": "CIDR", "type": "string", "jsonPath": ".spec.cidr"},
               {"name": "Tag", "type": "integer", "jsonPath": ".status.tag"}],
             "schema": {"openAPIV3Schema": {
               "type": "object", "required": ["spec"],
               "properties": {
                 "spec": {"type": "object", "required": ["cidr"], "properties": {
                   "cidr": {"type": "string", "pattern": "^[0-9]+(\\.[0-9]+){3}/[0-9]+$"}}},
                 "status": {"type": "object", "properties": {
                   "phase": {"type": "string"}, "tag": {"type": "integer"}, "addresses": {"type": "integer"}}}}}}}]}}
        """;

    /// <summary>Makes sure that the API knows the kind, and waits until it does.</summary>
    public static async Task InstallAsync(IKubeClient kube)
    {
        try
        {
            await kube.CreateAsync(KubeResource.CustomResourceDefinitions, "", JsonNode.Parse(Definition)!.AsObject());
        }
        catch (StatusException there) when (there.Status.Reason == "AlreadyExists")
        {
            // From an earlier run.
        }

        await foreach (var happened in kube.WatchAsync(KubeResource.CustomResourceDefinitions, "", new() { FieldSelector = "metadata.name=networks.example.com" }))
        {
            if (happened.Object is { } definition && IsEstablished(definition))
            {
                return;
            }
        }
    }

    private static bool IsEstablished(KubeObject definition)
        => definition.ToJson()["status"]?["conditions"] is JsonArray conditions
            && conditions.Any(one => (string?)one!["type"] == "Established" && (string?)one["status"] == "True");
}
