using System.Globalization;
using System.Text.Json.Nodes;
using KubeStore.Admission;
using KubeStore.Failures;
using KubeStore.Kinds;
using KubeStore.Objects;
using KubeStore.Ownership;
using KubeStore.Resources;
using KubeStore.Storage;

namespace KubeStore.Registry;

public sealed partial class KubeRegistry
{
    /// <summary>Puts an object in the place of the one that is there.</summary>
    /// <exception cref="StatusException">It is not there, has been modified meanwhile, or is not as its kind must be.</exception>
    public Task<WriteResult> UpdateAsync(
        ResourceDefinition resource, string ns, string name, JsonObject body, WriteOptions options, string subresource = "", CancellationToken cancellation = default)
        => UpdateDecodedAsync(resource, ns, name, ObjectDecoder.Decode(resource, (JsonObject)JsonText.Normal(body)!, options), options, subresource, cancellation);

    internal async Task<WriteResult> UpdateDecodedAsync(
        ResourceDefinition resource, string ns, string name, JsonObject value, WriteOptions options, string subresource, CancellationToken cancellation)
    {
        var meta = ObjectMeta.Of(value);
        CheckNamespace(resource, ns, meta);
        if (meta.Name != name)
        {
            throw Failure.BadRequest(meta.Name.Length == 0
                ? "the name of the object was not set, and it does not match the name on the URL"
                : $"the name of the object ({meta.Name}) does not match the name on the URL ({name})");
        }

        try
        {
            return await ChangeAsync(
                resource, ns, name, subresource, _ => (JsonObject)value.DeepClone(), options with { }, new() { NeedsVersion = true }, cancellation).ConfigureAwait(false);
        }
        catch (StatusException missing) when (missing.Status.Reason == "NotFound" && resource.AllowsCreateOnUpdate && subresource.Length == 0
            && missing.Status.Kind == resource.Plural)
        {
            if (meta.ResourceVersion.Length > 0)
            {
                throw;
            }

            return await CreateDecodedAsync(resource, ns, value, options, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Makes of an object another one, as often as it takes: whenever somebody else was faster, <paramref name="change"/> is asked
    /// again, about what is there then. It must do nothing else.
    /// </summary>
    internal async Task<WriteResult> ChangeAsync(
        ResourceDefinition resource, string ns, string name, string subresource, Func<JsonObject, JsonObject> change, WriteOptions options, ChangeRules rules, CancellationToken cancellation)
    {
        var key = KeyOf(resource, ns, name);
        var range = await AskedAsync(resource, "update", () => _storage.RangeAsync(key, null, 0, 1, cancellation)).ConfigureAwait(false);
        StoredValue? seen = range.Values.Count > 0 ? range.Values[0] : null;
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            var stored = Read(resource, name, seen ?? throw Failure.NotFound(resource.Resource, name));
            var current = Present(resource, stored).ToJson();
            var next = change((JsonObject)current.DeepClone());
            CheckPreconditions(resource, current, next, rules);
            var request = new AdmissionRequest(AdmissionOperation.Update, resource, subresource, ns, name, options.User, options.DryRun) { Object = next, OldObject = current, Warnings = options.Warnings };
            foreach (var step in _admission)
            {
                await step.MutateAsync(request, cancellation).ConfigureAwait(false);
            }

            Prepare(resource, subresource, next, current, options, rules);
            foreach (var step in _admission)
            {
                await step.ValidateAsync(request, cancellation).ConfigureAwait(false);
            }

            var outcome = await WriteAsync(resource, key, stored, current, next, options, cancellation).ConfigureAwait(false);
            if (outcome.Result is { } result)
            {
                return result;
            }

            seen = outcome.Current;
        }
    }

    private async Task<(WriteResult? Result, StoredValue? Current)> WriteAsync(
        ResourceDefinition resource, string key, KubeObject stored, JsonObject current, JsonObject next, WriteOptions options, CancellationToken cancellation)
    {
        var meta = ObjectMeta.Of(next);
        if (meta.IsTerminating && meta.Finalizers.Count == 0 && meta.DeletionGracePeriodSeconds is null or 0 && !KindRules.Of(resource).IsKept(next)
            && meta.IsTerminating)
        {
            return await FinishDeletionAsync(resource, key, stored, next, options, cancellation).ConfigureAwait(false);
        }

        // A write that changes nothing is none: no new version, nothing for watchers.
        meta.ResourceVersion = stored.ResourceVersion;
        if (JsonNode.DeepEquals(next, current))
        {
            return (new(Present(resource, stored)), null);
        }

        var bytes = StoredBytes(resource, next);
        if (options.DryRun)
        {
            return (new(Present(resource, KubeObject.Read(bytes, stored.Revision))), null);
        }

        var outcome = await AskedAsync(resource, "update", () => _storage.PutAsync(key, bytes, stored.Revision, resource.TimeToLive, cancellation)).ConfigureAwait(false);
        return outcome.Succeeded ? (new(Present(resource, KubeObject.Read(bytes, outcome.Revision))), null) : (null, outcome.Current);
    }

    // The last finalizer is gone from an object that is on its way out.
    private async Task<(WriteResult? Result, StoredValue? Current)> FinishDeletionAsync(
        ResourceDefinition resource, string key, KubeObject stored, JsonObject last, WriteOptions options, CancellationToken cancellation)
    {
        var bytes = StoredBytes(resource, last);
        if (options.DryRun)
        {
            return (new(Present(resource, KubeObject.Read(bytes, stored.Revision))), null);
        }

        var outcome = await AskedAsync(resource, "delete", () => _storage.DeleteAsync(key, stored.Revision, cancellation)).ConfigureAwait(false);
        return outcome.Succeeded ? (new(Present(resource, KubeObject.Read(bytes, outcome.Revision))), null) : (null, outcome.Current);
    }

    private static void CheckPreconditions(ResourceDefinition resource, JsonObject current, JsonObject next, ChangeRules rules)
    {
        var (asked, there) = (ObjectMeta.Of(next), ObjectMeta.Of(current));
        if (asked.Uid.Length > 0 && asked.Uid != there.Uid)
        {
            throw Failure.Conflict(
                resource.Resource, there.Name, $"Precondition failed: UID in precondition: {asked.Uid}, UID in object meta: {there.Uid}");
        }

        if (asked.ResourceVersion is "" or "0")
        {
            if (rules.NeedsVersion && !resource.AllowsUnconditionalUpdate)
            {
                throw Failure.Invalid(
                    resource.Group,
                    resource.Kind,
                    there.Name,
                    [new FieldError("FieldValueInvalid", "metadata.resourceVersion", "Invalid value: 0x0: must be specified for an update")]);
            }
        }
        else if (asked.ResourceVersion != there.ResourceVersion)
        {
            throw long.TryParse(asked.ResourceVersion, NumberStyles.None, CultureInfo.InvariantCulture, out _)
                ? Failure.Conflict(resource.Resource, there.Name)
                : Failure.Invalid(
                    resource.Group,
                    resource.Kind,
                    there.Name,
                    [FieldError.Invalid("metadata.resourceVersion", asked.ResourceVersion, "must be a number that the server gave out")]);
        }
    }

    private void Prepare(ResourceDefinition resource, string subresource, JsonObject next, JsonObject current, WriteOptions options, ChangeRules changes)
    {
        var rules = KindRules.Of(resource);
        var (meta, old) = (ObjectMeta.Of(next), ObjectMeta.Of(current));
        if (meta.Name != old.Name)
        {
            throw Failure.BadRequest($"the name of the object ({meta.Name}) does not match the name on the URL ({old.Name})");
        }

        foreach (var name in (string[])["uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "generateName"])
        {
            if (name != "generateName" || meta.GenerateName.Length == 0)
            {
                meta.Json.TakeFrom(name, old.Json);
            }
        }

        next["kind"] = resource.Kind;
        next["apiVersion"] = resource.ApiVersion;
        if (subresource == "status")
        {
            KeepAllBut("status", next, current, keepsMetadata: resource.IsCustom);
            rules.PrepareStatusUpdate(next, current);
        }
        else
        {
            rules.Default(next);
            if (resource.HasStatus && subresource.Length == 0)
            {
                next.TakeFrom("status", current);
            }

            if (subresource.Length == 0)
            {
                rules.PrepareUpdate(next, current);
            }
        }

        if (subresource != "status" && ContentChanged(resource, next, current))
        {
            meta.Generation = (old.Generation ?? 0) + 1;
        }

        _ = MetadataRules.DropRepeatedOwners(meta);
        ThrowIfInvalid(
            resource,
            old.Name,
            MetadataRules.Problems(resource, meta)
                .Concat(MetadataRules.ProblemsOfUpdate(meta, old))
                .Concat(rules.Problems(next))
                .Concat(subresource.Length == 0 ? rules.ProblemsOfUpdate(next, current) : [])
                .Concat(SchemaProblems(resource, next, current)));
        if (!changes.OwnsNothing)
        {
            FieldOwnership.Record(resource, current, next, options, subresource, Time.GetUtcNow());
        }
    }

    private static void KeepAllBut(string field, JsonObject next, JsonObject current, bool keepsMetadata)
    {
        foreach (var name in next.Select(one => one.Key).Concat(current.Select(one => one.Key)).Distinct().ToList())
        {
            if (name == "metadata" && keepsMetadata)
            {
                var managed = next.At("metadata", "managedFields")?.DeepClone();
                var version = next.At("metadata", "resourceVersion")?.DeepClone();
                next.TakeFrom(name, current);
                next.Ensure("metadata")["managedFields"] = managed;
                next.Ensure("metadata")["resourceVersion"] = version;
                if (managed is null)
                {
                    next.Ensure("metadata").Remove("managedFields");
                }
            }
            else if (name != field && name is not ("metadata" or "kind" or "apiVersion"))
            {
                next.TakeFrom(name, current);
            }
        }
    }

    private static bool ContentChanged(ResourceDefinition resource, JsonObject next, JsonObject current) => resource.Generation switch
    {
        GenerationRule.Fields => resource.GenerationFields.Any(field => !JsonNode.DeepEquals(next.At(field), current.At(field))),
        GenerationRule.Content => next.Select(one => one.Key).Concat(current.Select(one => one.Key)).Distinct()
            .Any(field => field is not ("metadata" or "kind" or "apiVersion") && !(field == "status" && resource.HasStatus)
                && !JsonNode.DeepEquals(next.At(field), current.At(field))),
        _ => false,
    };

    // What was wrong before may stay so: a schema that has become stricter does not lock its objects.
    private static IReadOnlyList<FieldError> SchemaProblems(ResourceDefinition resource, JsonObject value, JsonObject? old)
    {
        var problems = resource.Structure?.Problems(value).ToList() ?? [];
        if (problems.Count > 0 && old is not null)
        {
            var before = resource.Structure!.Problems(old).ToHashSet();
            problems.RemoveAll(before.Contains);
        }

        // Rules rely on values being of their types.
        return problems.Count == 0 && resource.Structure is { } structure ? structure.BrokenRules(value, old) : problems;
    }
}

/// <summary>What is asked of a change beside what is asked of all.</summary>
internal sealed record ChangeRules
{
    public static ChangeRules None { get; } = new();

    /// <summary>The new object must name the version it comes from, if its kind asks for that.</summary>
    public bool NeedsVersion { get; init; }

    /// <summary>The ownership of fields has been dealt with, or is nobody's.</summary>
    public bool OwnsNothing { get; init; }
}
