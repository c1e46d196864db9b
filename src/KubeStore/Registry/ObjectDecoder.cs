using System.Text.Json.Nodes;
using KubeStore.Failures;
using KubeStore.Objects;
using KubeStore.Resources;
using KubeStore.Schema;

namespace KubeStore.Registry;

/// <summary>Makes of what somebody sent an object of the kind that was asked for.</summary>
internal static class ObjectDecoder
{
    /// <summary>Checks the type, drops and tells what is not declared, brings values into their usual form.</summary>
    public static JsonObject Decode(ResourceDefinition resource, JsonObject body, WriteOptions options, IReadOnlyList<string>? duplicates = null)
    {
        CheckType(resource, body);
        var unknown = new List<string>();
        JsonObject decoded;
        try
        {
            var decoder = new TypedDecoder(resource.Kind);
            decoded = resource.Structure is { } structure ? Custom(body, structure, decoder, unknown) : decoder.Decode(body, resource.Schema);
            unknown.AddRange(decoder.Unknown);
        }
        catch (TypeMismatchException wrong)
        {
            throw Failure.BadRequest($"{resource.Kind} in version \"{resource.Version}\" cannot be handled as a {resource.Kind}: {wrong.Message}");
        }

        decoded["kind"] = resource.Kind;
        decoded["apiVersion"] = resource.ApiVersion;
        ObjectMeta.Of(decoded);
        Tell(
            unknown.Select(field => $"unknown field \"{field}\"").Concat((duplicates ?? []).Select(field => $"duplicate field \"{field}\"")),
            options,
            problems => Failure.BadRequest(
                $"{resource.Kind} in version \"{resource.Version}\" cannot be handled as a {resource.Kind}: strict decoding error: {problems}"));
        return decoded;
    }

    /// <summary>Refuses, warns, or neither, as the sender asked for.</summary>
    public static void Tell(IEnumerable<string> problems, WriteOptions options, Func<string, StatusException> refusal)
    {
        var all = problems.ToList();
        if (all.Count == 0 || options.FieldValidation == FieldValidation.Ignore)
        {
            return;
        }

        if (options.FieldValidation == FieldValidation.Strict)
        {
            throw refusal(string.Join(", ", all));
        }

        foreach (var problem in all)
        {
            options.Warnings.Add(problem);
        }
    }

    /// <summary>A custom resource: its metadata are typed, the rest is what its schema says.</summary>
    private static JsonObject Custom(JsonObject body, Custom.StructuralSchema structure, TypedDecoder decoder, List<string> unknown)
    {
        var value = (JsonObject)body.DeepClone();
        if (value.At("metadata") is not (null or JsonObject))
        {
            throw new TypeMismatchException("json: cannot unmarshal into Go struct field metadata of type v1.ObjectMeta");
        }

        value["metadata"] = decoder.Decode(new JsonObject { ["metadata"] = value.At("metadata")?.DeepClone() ?? new JsonObject() }, MetadataOnly).At("metadata")?.DeepClone();
        structure.Default(value);
        structure.Prune(value, unknown);
        return value;
    }

    private static readonly ValueSchema MetadataOnly = new(ValueKind.Struct)
    {
        Fields = new Dictionary<string, FieldSchema> { ["metadata"] = new("metadata", TypeTable.BuiltIn.Find("meta/v1.ObjectMeta")!) { IsPointer = true } },
    };

    private static void CheckType(ResourceDefinition resource, JsonObject body)
    {
        var version = body.TextAt("apiVersion");
        if (version.Length > 0 && version != resource.ApiVersion)
        {
            throw Failure.BadRequest($"the API version in the data ({version}) does not match the expected API version ({resource.ApiVersion})");
        }

        var kind = body.TextAt("kind");
        if (kind.Length > 0 && kind != resource.Kind)
        {
            throw Failure.BadRequest(
                $"{kind} in version \"{resource.Version}\" cannot be handled as a {resource.Kind}: the kind in the data ({kind}) does not match the expected kind ({resource.Kind})");
        }
    }
}
