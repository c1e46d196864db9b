using System.Text.Json.Nodes;
using KubeStore.Failures;
using KubeStore.Objects;
using KubeStore.Ownership;
using KubeStore.Patches;
using KubeStore.Resources;

namespace KubeStore.Registry;

public sealed partial class KubeRegistry
{
    /// <summary>Changes an object by a patch. Whenever somebody else is faster, the patch is laid over what is there then.</summary>
    /// <exception cref="StatusException">It is not there, or the patch does not fit, or what comes of it is not as its kind must
    /// be.</exception>
    public async Task<WriteResult> PatchAsync(
        ResourceDefinition resource, string ns, string name, PatchType type, JsonNode? patch, WriteOptions options, string subresource = "", CancellationToken cancellation = default)
    {
        patch = JsonText.Normal(patch);
        if (type == PatchType.Strategic && !resource.IsBuiltIn)
        {
            throw Failure.UnsupportedMediaType("application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml");
        }

        if (options.Force && type != PatchType.Apply)
        {
            throw Failure.InvalidOptions("PatchOptions", FieldError.Forbidden("force", "may not be specified for non-apply patch"));
        }

        if (type == PatchType.Apply)
        {
            return await ApplyAsync(resource, ns, name, patch, options, subresource, cancellation).ConfigureAwait(false);
        }

        if (type != PatchType.Json && patch is not JsonObject)
        {
            throw Failure.BadRequest("error decoding patch: it must be an object");
        }

        return await ChangeAsync(
            resource,
            ns,
            name,
            subresource == "scale" ? "" : subresource,
            current => subresource == "scale"
                ? Scale.Into(resource, current, Patched(Scale.Of(resource, current), type, patch, Scale.Schema))
                : Decoded(resource, Patched(current, type, patch, resource.Schema), options),
            options,
            ChangeRules.None,
            cancellation).ConfigureAwait(false);
    }

    private async Task<WriteResult> ApplyAsync(
        ResourceDefinition resource, string ns, string name, JsonNode? patch, WriteOptions options, string subresource, CancellationToken cancellation)
    {
        if (options.FieldManager.Length == 0)
        {
            throw Failure.InvalidOptions("PatchOptions", FieldError.Required("fieldManager", "is required for apply patch"));
        }

        if (patch is not JsonObject config)
        {
            throw Failure.BadRequest("error decoding YAML: it must be an object");
        }

        if (subresource == "scale")
        {
            return await ChangeAsync(
                resource, ns, name, "", current => Scale.Into(resource, current, config), options, ChangeRules.None, cancellation).ConfigureAwait(false);
        }

        if (config.At("metadata", "managedFields") is JsonArray { Count: > 0 })
        {
            throw Failure.BadRequest("metadata.managedFields must be nil");
        }

        if (config.TextAt("apiVersion") != resource.ApiVersion)
        {
            throw Failure.BadRequest($"Incorrect version specified in apply patch. Specified patch version: {config.TextAt("apiVersion")}, expected: {resource.ApiVersion}");
        }

        var meta = ObjectMeta.Of(config);
        CheckNamespace(resource, ns, meta);
        if (meta.Name.Length == 0)
        {
            meta.Name = name;
        }

        var undeclared = new Schema.TypedDecoder(resource.Kind);
        try
        {
            undeclared.Decode(config, resource.Schema);
        }
        catch (Schema.TypeMismatchException wrong)
        {
            throw Failure.BadRequest($"failed to create typed patch object ({ns}/{name}; {resource.ApiVersion}, Kind={resource.Kind}): {wrong.Message}");
        }

        if (undeclared.Unknown.Count > 0)
        {
            throw new StatusException(new Status(
                500, "", $"failed to create typed patch object ({ns}/{name}; {resource.ApiVersion}, Kind={resource.Kind}): .{undeclared.Unknown[0]}: field not declared in schema"));
        }

        JsonObject Merged(JsonObject? live)
        {
            var merged = ServerSideApply.Merge(resource, live, config, options, subresource, Time.GetUtcNow());
            if (config.At("metadata", "resourceVersion") is null)
            {
                merged.Ensure("metadata").TakeFrom("resourceVersion", live?.Ensure("metadata") ?? []);
            }

            return Decoded(resource, merged, options with { FieldValidation = FieldValidation.Ignore });
        }

        while (true)
        {
            try
            {
                return await ChangeAsync(resource, ns, name, subresource, Merged, options, new() { OwnsNothing = true }, cancellation).ConfigureAwait(false);
            }
            catch (StatusException missing) when (missing.Status.Reason == "NotFound" && subresource.Length == 0 && missing.Status.Name == name)
            {
                if (meta.Uid.Length > 0)
                {
                    throw Failure.Conflict(resource.Resource, name, $"uid mismatch: the provided object specified uid {meta.Uid}, and no existing object was found");
                }
            }

            try
            {
                return await CreateDecodedAsync(resource, ns, Merged(null), options, cancellation, isApplied: true).ConfigureAwait(false);
            }
            catch (StatusException there) when (there.Status.Reason == "AlreadyExists" && !options.DryRun)
            {
                // Somebody has created it just now; then it is changed.
            }
        }
    }

    private static JsonObject Patched(JsonObject current, PatchType type, JsonNode? patch, Schema.ValueSchema schema) => type switch
    {
        PatchType.Json => JsonPatch.Apply(current, patch) as JsonObject ?? throw Failure.BadRequest("the patch leaves no object"),
        PatchType.Merge => (JsonObject)MergePatch.Apply(current, patch)!,
        _ => StrategicMergePatch.Apply(current, (JsonObject)patch!, schema),
    };

    private static JsonObject Decoded(ResourceDefinition resource, JsonObject patched, WriteOptions options)
    {
        try
        {
            return ObjectDecoder.Decode(resource, patched, options);
        }
        catch (StatusException strict) when (strict.Status.Message.Contains("strict decoding error", StringComparison.Ordinal))
        {
            var words = strict.Status.Message[strict.Status.Message.IndexOf("strict decoding error", StringComparison.Ordinal)..];
            throw Failure.Invalid(
                resource.Group,
                resource.Kind,
                patched.TextAt("metadata", "name"),
                [FieldError.Invalid("patch", patched.TextAt("metadata", "name"), words)]);
        }
    }
}
