using System.Text.Json.Nodes;
using KubeStore.Objects;
using KubeStore.Resources;

namespace KubeStore.Custom;

/// <summary>Makes resources of definitions that are objects themselves.</summary>
internal static class CustomDefinitions
{
    public const string CleanupFinalizer = "customresourcecleanup.apiextensions.k8s.io";

    /// <summary>One resource for every version that is served.</summary>
    public static IReadOnlyList<ResourceDefinition> Of(JsonObject definition)
    {
        var storage = definition.ArrayAt("spec", "versions").Objects().FirstOrDefault(one => one.FlagAt("storage")).TextAt("name");
        return [.. definition.ArrayAt("spec", "versions").Objects().Where(one => one.FlagAt("served")).Select(version => Version(definition, version, storage))];
    }

    public static bool Has(JsonObject definition, string condition)
        => definition.ArrayAt("status", "conditions").Objects().Any(one => one.TextAt("type") == condition && one.TextAt("status") == "True");

    private static ResourceDefinition Version(JsonObject definition, JsonObject version, string storage)
    {
        var group = definition.TextAt("spec", "group");
        var names = definition.ObjectAt("status", "acceptedNames") ?? definition.ObjectAt("spec", "names")!;
        var kind = names.TextAt("kind");
        var schema = version.ObjectAt("schema", "openAPIV3Schema") ?? new JsonObject { ["type"] = "object", ["x-kubernetes-preserve-unknown-fields"] = true };
        var structure = new StructuralSchema(schema);
        var isTerminating = Has(definition, "Terminating");
        string[] verbs = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];
        return new(group, version.TextAt("name"), kind, names.TextAt("plural"))
        {
            Singular = names.TextAt("singular"),
            ListKind = names.TextAt("listKind"),
            IsNamespaced = definition.TextAt("spec", "scope") == "Namespaced",
            ShortNames = [.. names.ArrayAt("shortNames").Texts()],
            Categories = [.. names.ArrayAt("categories").Texts()],
            Verbs = isTerminating ? [.. verbs.Except(["create", "patch", "update"])] : verbs,
            Subresources = [.. SubresourcesOf(version)],
            StorageApiVersion = $"{group}/{storage}",
            IsCustom = true,
            FieldSelectors = [.. version.ArrayAt("selectableFields").Objects().Select(one => one.TextAt("jsonPath").TrimStart('.'))],
            Warning = version.FlagAt("deprecated")
                ? version.At("deprecationWarning").AsText() ?? $"{group}/{version.TextAt("name")} {kind} is deprecated"
                : "",
            ScalePaths = version.ObjectAt("subresources", "scale") is { } scale
                ? new(scale.TextAt("specReplicasPath"), scale.TextAt("statusReplicasPath"), scale.TextAt("labelSelectorPath"))
                : null,
            Schema = structure.Shape,
            Structure = structure,
            OpenApi = schema,
            Columns =
            [
                .. version.ArrayAt("additionalPrinterColumns").Objects().Select(column => new PrinterColumn(
                    column.TextAt("name"),
                    column.TextAt("type"),
                    column.TextAt("format"),
                    column.TextAt("description"),
                    column.IntegerAt("priority") ?? 0,
                    column.TextAt("jsonPath"))),
            ],
        };
    }

    private static IEnumerable<Subresource> SubresourcesOf(JsonObject version)
    {
        string[] verbs = ["get", "patch", "update"];
        if (version.ObjectAt("subresources", "status") is not null)
        {
            yield return new("status", verbs);
        }

        if (version.ObjectAt("subresources", "scale") is not null)
        {
            yield return new("scale", verbs) { Kind = new GroupVersionKind("autoscaling", "v1", "Scale") };
        }
    }
}
