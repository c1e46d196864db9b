using System.Text.Json.Nodes;
using KubeStore.Failures;
using KubeStore.Kinds;
using KubeStore.Objects;

namespace KubeStore.Custom;

/// <summary>What holds for the definitions of custom resources.</summary>
internal sealed class DefinitionRules : KindRules
{
    private static readonly string[] ColumnTypes = ["boolean", "date", "integer", "number", "string"];

    public override void Default(JsonObject value)
    {
        var names = value.Ensure("spec").Ensure("names");
        var kind = names.TextAt("kind");
        names.Default("singular", kind.ToLowerInvariant());
        names.Default("listKind", kind + "List");
        value.Ensure("spec").Ensure("conversion").Default("strategy", "None");
    }

    public override void PrepareCreate(JsonObject value)
    {
        var meta = ObjectMeta.Of(value);
        if (!meta.Finalizers.Contains(CustomDefinitions.CleanupFinalizer))
        {
            meta.Finalizers = [.. meta.Finalizers, CustomDefinitions.CleanupFinalizer];
        }

        value["status"] = new JsonObject
        {
            ["conditions"] = new JsonArray(),
            ["acceptedNames"] = new JsonObject { ["plural"] = "", ["kind"] = "" },
            ["storedVersions"] = JsonAccess.ToArray([Storage(value)]),
        };
    }

    public override void PrepareUpdate(JsonObject next, JsonObject old)
    {
        // Objects may be kept in every version that was ever the one for it.
        var stored = old.ArrayAt("status", "storedVersions").Texts().ToList();
        if (Storage(next) is { Length: > 0 } storage && !stored.Contains(storage))
        {
            next.Ensure("status")["storedVersions"] = JsonAccess.ToArray(stored.Append(storage));
        }
    }

    public override IEnumerable<FieldError> Problems(JsonObject value)
    {
        var spec = value.ObjectAt("spec");
        var (group, names) = (spec.TextAt("group"), spec.ObjectAt("names"));
        if (value.TextAt("metadata", "name") != $"{names.TextAt("plural")}.{group}")
        {
            yield return FieldError.Invalid("metadata.name", value.TextAt("metadata", "name"), "must be spec.names.plural+\".\"+spec.group");
        }

        if (group.Length == 0)
        {
            yield return FieldError.Required("spec.group");
        }
        else if (!NameGrammar.IsSubdomain(group) || !group.Contains('.', StringComparison.Ordinal))
        {
            yield return FieldError.Invalid("spec.group", group, "should be a domain with at least one dot");
        }

        if (spec.TextAt("scope") is not ("Namespaced" or "Cluster"))
        {
            yield return FieldError.NotSupported("spec.scope", spec.TextAt("scope"), ["Cluster", "Namespaced"]);
        }

        foreach (var problem in NameProblems(names).Concat(VersionProblems(spec.ArrayAt("versions"))))
        {
            yield return problem;
        }
    }

    public override IEnumerable<FieldError> ProblemsOfUpdate(JsonObject next, JsonObject old)
    {
        foreach (var path in CustomDefinitions.Has(old, "Established") ? (string[][])[["group"], ["scope"], ["names", "plural"], ["names", "kind"]] : [])
        {
            if (Immutable("spec." + string.Join('.', path), next, old, ["spec", .. path]) is { } changed)
            {
                yield return changed;
            }
        }

        var versions = next.ArrayAt("spec", "versions").Objects().Select(one => one.TextAt("name")).ToList();
        foreach (var stored in old.ArrayAt("status", "storedVersions").Texts().Where(one => !versions.Contains(one)))
        {
            yield return FieldError.Invalid("status.storedVersions[0]", stored, "must appear in spec.versions");
        }
    }

    private static string Storage(JsonObject value) => value.ArrayAt("spec", "versions").Objects().FirstOrDefault(one => one.FlagAt("storage")).TextAt("name");

    private static IEnumerable<FieldError> NameProblems(JsonObject? names)
    {
        foreach (var name in (string[])["plural", "singular", "kind", "listKind"])
        {
            var text = names.TextAt(name);
            if (text.Length == 0)
            {
                yield return FieldError.Required($"spec.names.{name}");
            }

            foreach (var problem in text.Length == 0 ? [] : NameGrammar.ProblemsOfDns1035(name is "kind" or "listKind" ? text.ToLowerInvariant() : text))
            {
                yield return FieldError.Invalid($"spec.names.{name}", text, problem);
            }
        }

        if (names.TextAt("kind") == names.TextAt("listKind"))
        {
            yield return FieldError.Invalid("spec.names.listKind", names.TextAt("listKind"), "kind and listKind may not be the same");
        }

        foreach (var list in (string[])["shortNames", "categories"])
        {
            foreach (var (text, problem) in names.ArrayAt(list).Texts().SelectMany(text => NameGrammar.ProblemsOfDns1035(text).Select(problem => (text, problem))))
            {
                yield return FieldError.Invalid($"spec.names.{list}", text, problem);
            }
        }
    }

    private static IEnumerable<FieldError> VersionProblems(JsonArray? versions)
    {
        if (versions is null or { Count: 0 })
        {
            yield return FieldError.Required("spec.versions");
            yield break;
        }

        if (versions.Objects().Count(one => one.FlagAt("storage")) != 1)
        {
            yield return FieldError.Invalid("spec.versions", versions, "must have exactly one version marked as storage version");
        }

        var seen = new HashSet<string>(StringComparer.Ordinal);
        var index = 0;
        foreach (var version in versions.Objects())
        {
            var path = FormattableString.Invariant($"spec.versions[{index++}]");
            var name = version.TextAt("name");
            foreach (var problem in NameGrammar.ProblemsOfDns1035(name))
            {
                yield return FieldError.Invalid($"{path}.name", name, problem);
            }

            if (!seen.Add(name))
            {
                yield return FieldError.Duplicate($"{path}.name", name);
            }

            if (version.ObjectAt("schema", "openAPIV3Schema") is not { } schema)
            {
                yield return FieldError.Required($"{path}.schema.openAPIV3Schema", "schemas are required");
                continue;
            }

            foreach (var problem in StructuralRules.Problems(schema, $"{path}.schema.openAPIV3Schema").Concat(ColumnProblems(version, path)))
            {
                yield return problem;
            }
        }
    }

    private static IEnumerable<FieldError> ColumnProblems(JsonObject version, string path)
    {
        var index = 0;
        foreach (var column in version.ArrayAt("additionalPrinterColumns").Objects())
        {
            var field = FormattableString.Invariant($"{path}.additionalPrinterColumns[{index++}]");
            foreach (var name in (string[])["name", "jsonPath"])
            {
                if (column.TextAt(name).Length == 0)
                {
                    yield return FieldError.Required($"{field}.{name}");
                }
            }

            if (!ColumnTypes.Contains(column.TextAt("type")))
            {
                yield return FieldError.NotSupported($"{field}.type", column.TextAt("type"), ColumnTypes);
            }
        }

        if (version.ObjectAt("subresources", "scale") is { } scale)
        {
            foreach (var (name, root) in ((string, string)[])[("specReplicasPath", ".spec."), ("statusReplicasPath", ".status.")])
            {
                if (!scale.TextAt(name).StartsWith(root, StringComparison.Ordinal))
                {
                    yield return FieldError.Invalid($"{path}.subresources.scale.{name}", scale.TextAt(name), $"should be a json path under {root.TrimEnd('.')}");
                }
            }
        }
    }
}
