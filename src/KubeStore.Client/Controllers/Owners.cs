using System.Text.Json.Nodes;
using KubeStore.Objects;

namespace KubeStore.Controllers;

/// <summary>What an object says of one that it belongs to.</summary>
public sealed record OwnerReference(string ApiVersion, string Kind, string Name, string Uid);

/// <summary>Who belongs to whom.</summary>
public static class Owners
{
    /// <summary>Who is in charge of an object; null if nobody is.</summary>
    public static OwnerReference? ControllerOf(KubeObject value)
    {
        // Most objects of a controlled kind have one; a search of the bytes is all that the others cost.
        if (value.Json.Span.IndexOf("\"ownerReferences\""u8) < 0)
        {
            return null;
        }

        var owner = value.ToJson().ArrayAt("metadata", "ownerReferences").Objects().FirstOrDefault(one => one.FlagAt("controller"));
        return owner is null ? null : new(owner.TextAt("apiVersion"), owner.TextAt("kind"), owner.TextAt("name"), owner.TextAt("uid"));
    }

    /// <summary>Puts an object that is to be made into the charge of another: it goes when that one goes.</summary>
    /// <example><code>
    /// Owners.PutInCharge(pod, replicaSet);
    /// </code></example>
    public static void PutInCharge(JsonObject dependent, KubeObject owner)
    {
        var metadata = dependent.Ensure("metadata");
        var references = metadata.ArrayAt("ownerReferences") ?? [];
        metadata["ownerReferences"] = references;
        references.Add((JsonNode)new JsonObject
        {
            ["apiVersion"] = owner.ApiVersion,
            ["kind"] = owner.Kind,
            ["name"] = owner.Name,
            ["uid"] = owner.Uid,
            ["controller"] = true,
            ["blockOwnerDeletion"] = true,
        });
    }
}
