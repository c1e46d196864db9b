using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using KubeStore.Failures;
using KubeStore.Objects;
using KubeStore.Resources;

namespace KubeStore.Registry;

/// <summary>What holds for the metadata of every object.</summary>
internal static class MetadataRules
{
    private const int MaxAnnotationBytes = 256 * 1024;
    private static readonly string[] OldFinalizers = ["orphan", "foregroundDeletion", "kubernetes"];

    public static IEnumerable<FieldError> Problems(ResourceDefinition resource, ObjectMeta meta)
    {
        foreach (var problem in NameProblems(resource, meta).Concat(LabelProblems("metadata.labels", meta.Labels)))
        {
            yield return problem;
        }

        var bytes = 0;
        foreach (var (key, value) in meta.Annotations ?? [])
        {
            bytes += Encoding.UTF8.GetByteCount(key) + Encoding.UTF8.GetByteCount(value.AsText() ?? "");
            foreach (var problem in NameGrammar.ProblemsOfQualified(key.ToLowerInvariant()))
            {
                yield return FieldError.Invalid("metadata.annotations", key, problem);
            }

            if (value is not null && value.AsText() is null)
            {
                yield return FieldError.WrongType($"metadata.annotations.{key}", value, "must be a string");
            }
        }

        if (bytes > MaxAnnotationBytes)
        {
            yield return FieldError.TooLong("metadata.annotations", MaxAnnotationBytes);
        }

        foreach (var problem in FinalizerProblems(resource, meta.Finalizers).Concat(OwnerProblems(meta)))
        {
            yield return problem;
        }
    }

    public static IEnumerable<FieldError> ProblemsOfUpdate(ObjectMeta next, ObjectMeta old)
    {
        const string Immutable = "field is immutable";
        if (next.Name != old.Name)
        {
            yield return FieldError.Invalid("metadata.name", next.Name, Immutable);
        }

        if (next.Namespace != old.Namespace)
        {
            yield return FieldError.Invalid("metadata.namespace", next.Namespace, Immutable);
        }

        if (old.IsTerminating)
        {
            var added = next.Finalizers.Except(old.Finalizers).ToList();
            if (added.Count > 0)
            {
                yield return FieldError.Forbidden(
                    "metadata.finalizers",
                    $"no new finalizers can be added if the object is being deleted, found new finalizers []string{{{string.Join(", ", added.Select(FieldError.Quoted))}}}");
            }
        }
    }

    public static IEnumerable<FieldError> LabelProblems(string field, JsonObject? labels)
    {
        foreach (var (key, value) in labels ?? [])
        {
            foreach (var problem in NameGrammar.ProblemsOfQualified(key))
            {
                yield return FieldError.Invalid(field, key, problem);
            }

            if (value is not null && value.AsText() is null)
            {
                yield return FieldError.WrongType($"{field}.{key}", value, "must be a string");
            }

            foreach (var problem in NameGrammar.ProblemsOfLabelValue(value.AsText() ?? ""))
            {
                yield return FieldError.Invalid(field, value, problem);
            }
        }
    }

    /// <summary>Exact repetitions among the owners are dropped.</summary>
    public static bool DropRepeatedOwners(ObjectMeta meta)
    {
        if (meta.Json.ArrayAt("ownerReferences") is not { Count: > 1 } owners)
        {
            return false;
        }

        var kept = new List<JsonNode?>();
        foreach (var owner in owners)
        {
            if (!kept.Any(one => JsonNode.DeepEquals(one, owner)))
            {
                kept.Add(owner);
            }
        }

        if (kept.Count == owners.Count)
        {
            return false;
        }

        meta.Json["ownerReferences"] = JsonAccess.ToArray(kept.Select(one => one?.DeepClone()));
        return true;
    }

    private static IEnumerable<FieldError> NameProblems(ResourceDefinition resource, ObjectMeta meta)
    {
        if (meta.GenerateName.Length > 0)
        {
            foreach (var problem in NameGrammar.ProblemsOfName(resource.NameRule, meta.GenerateName, isPrefix: true))
            {
                yield return FieldError.Invalid("metadata.generateName", meta.GenerateName, problem);
            }
        }

        if (meta.Name.Length == 0)
        {
            yield return FieldError.Required("metadata.name", "name or generateName is required");
            yield break;
        }

        foreach (var problem in NameGrammar.ProblemsOfSegment(meta.Name).Concat(NameGrammar.ProblemsOfName(resource.NameRule, meta.Name)).Distinct())
        {
            yield return FieldError.Invalid("metadata.name", meta.Name, problem);
        }
    }

    private static IEnumerable<FieldError> FinalizerProblems(ResourceDefinition resource, IReadOnlyList<string> finalizers)
    {
        foreach (var finalizer in finalizers)
        {
            foreach (var problem in NameGrammar.ProblemsOfQualified(finalizer))
            {
                yield return FieldError.Invalid("metadata.finalizers", finalizer, problem);
            }

            if (resource.IsBuiltIn && resource.Group != "apiextensions.k8s.io" && !finalizer.Contains('/', StringComparison.Ordinal) && !OldFinalizers.Contains(finalizer))
            {
                yield return FieldError.Invalid("metadata.finalizers[0]", finalizer, "name is neither a standard finalizer name nor is it fully qualified");
            }
        }

        if (finalizers.Contains("orphan") && finalizers.Contains("foregroundDeletion"))
        {
            yield return FieldError.Invalid("metadata.finalizers", "[orphan foregroundDeletion]", "finalizer orphan and foregroundDeletion cannot be both set");
        }
    }

    private static IEnumerable<FieldError> OwnerProblems(ObjectMeta meta)
    {
        var controllers = 0;
        var index = 0;
        foreach (var owner in meta.OwnerReferences)
        {
            var field = string.Create(CultureInfo.InvariantCulture, $"metadata.ownerReferences[{index++}]");
            var version = owner.TextAt("apiVersion");
            if (GroupVersion.Parse(version).Version.Length == 0)
            {
                yield return FieldError.Invalid($"{field}.apiVersion", version, "version must not be empty");
            }

            foreach (var name in (string[])["kind", "name", "uid"])
            {
                if (owner.TextAt(name).Length == 0)
                {
                    yield return FieldError.Invalid($"{field}.{name}", "", $"{name} must not be empty");
                }
            }

            if (version == "v1" && owner.TextAt("kind") == "Event")
            {
                yield return FieldError.Invalid(field, "v1/Event", "/v1, Kind=Event is disallowed from being an owner");
            }

            if (owner.FlagAt("controller") && ++controllers > 1)
            {
                yield return FieldError.Invalid("metadata.ownerReferences", owner.TextAt("name"), "Only one reference can have Controller set to true");
            }
        }
    }
}
