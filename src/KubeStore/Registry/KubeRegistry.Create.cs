using System.Globalization;
using System.Text.Json.Nodes;
using KubeStore.Admission;
using KubeStore.Failures;
using KubeStore.Kinds;
using KubeStore.Objects;
using KubeStore.Ownership;
using KubeStore.Resources;

namespace KubeStore.Registry;

public sealed partial class KubeRegistry
{
    private const int NameAttempts = 8;

    /// <summary>Creates an object.</summary>
    /// <exception cref="StatusException">It is there already, or not as its kind must be.</exception>
    public async Task<WriteResult> CreateAsync(
        ResourceDefinition resource, string ns, JsonObject body, WriteOptions options, CancellationToken cancellation = default)
        => await CreateDecodedAsync(resource, ns, ObjectDecoder.Decode(resource, (JsonObject)JsonText.Normal(body)!, options), options, cancellation).ConfigureAwait(false);

    internal async Task<WriteResult> CreateDecodedAsync(
        ResourceDefinition resource, string ns, JsonObject value, WriteOptions options, CancellationToken cancellation, bool isApplied = false)
    {
        var meta = ObjectMeta.Of(value);
        CheckNamespace(resource, ns, meta);
        if (meta.ResourceVersion is not ("" or "0"))
        {
            throw new StatusException(new Status(500, "", "resourceVersion should not be set on objects to be created"));
        }

        ForgetServerFields(meta);
        var rules = KindRules.Of(resource);
        rules.Default(value);

        // What a client says of the status of an object that has an endpoint for it counts for nothing.
        if (resource.HasStatus)
        {
            ClearStatus(resource, value);
        }

        var request = new AdmissionRequest(AdmissionOperation.Create, resource, "", ns, meta.Name, options.User, options.DryRun) { Object = value, Warnings = options.Warnings };
        foreach (var step in _admission)
        {
            await step.MutateAsync(request, cancellation).ConfigureAwait(false);
        }

        meta.Uid = NewUid();
        meta.CreationTimestamp = KubeTime.Seconds(Time.GetUtcNow());
        meta.Generation = resource.Generation == GenerationRule.None ? null : 1;
        if (MetadataRules.DropRepeatedOwners(meta))
        {
            options.Warnings.Add("metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests");
        }

        rules.PrepareCreate(value);
        var generates = meta.Name.Length == 0 && meta.GenerateName.Length > 0;
        for (var attempt = 1; ; attempt++)
        {
            if (generates)
            {
                meta.Name = GeneratedName.From(meta.GenerateName, _options.Chance);
            }

            ThrowIfInvalid(resource, meta.Name, MetadataRules.Problems(resource, meta).Concat(rules.Problems(value)).Concat(SchemaProblems(resource, value, null)));
            if (attempt == 1)
            {
                if (!isApplied)
                {
                    FieldOwnership.Record(resource, null, value, options, "", Time.GetUtcNow());
                }

                foreach (var step in _admission)
                {
                    await step.ValidateAsync(request, cancellation).ConfigureAwait(false);
                }
            }

            var key = KeyOf(resource, ns, meta.Name);
            if (options.DryRun)
            {
                var there = await AskedAsync(resource, "create", () => _storage.RangeAsync(key, null, 0, 1, cancellation)).ConfigureAwait(false);
                return there.Values.Count == 0
                    ? new(KubeObject.Read(KubeObject.Encode(value), 0), IsCreated: true)
                    : throw Failure.AlreadyExists(resource.Resource, meta.Name);
            }

            var bytes = StoredBytes(resource, value);
            var outcome = await AskedAsync(resource, "create", () => _storage.PutAsync(key, bytes, 0, resource.TimeToLive, cancellation)).ConfigureAwait(false);
            if (outcome.Succeeded)
            {
                return new(Present(resource, KubeObject.Read(bytes, outcome.Revision)), IsCreated: true);
            }

            if (!generates)
            {
                var isTerminating = outcome.Current is { } current
                    && KubeObject.Read(current.Value, current.Revision).Field("metadata.deletionTimestamp").Length > 0;
                throw Failure.AlreadyExists(resource.Resource, meta.Name, isTerminating);
            }

            if (attempt == NameAttempts)
            {
                throw Failure.NoFreeName(resource.Resource, meta.Name);
            }
        }
    }

    internal static byte[] StoredBytes(ResourceDefinition resource, JsonObject value)
        => KubeObject.Encode(resource.ApiVersion == resource.StorageApiVersion
            ? value
            : VersionConversion.ToStorage(resource, (JsonObject)value.DeepClone()));

    private static string NewUid() => Guid.NewGuid().ToString("D", CultureInfo.InvariantCulture);

    private static void CheckNamespace(ResourceDefinition resource, string ns, ObjectMeta meta)
    {
        if (!resource.IsNamespaced)
        {
            meta.Namespace = "";
            return;
        }

        if (meta.Namespace.Length > 0 && meta.Namespace != ns)
        {
            throw Failure.BadRequest("the namespace of the provided object does not match the namespace sent on the request");
        }

        meta.Namespace = ns;
    }

    private static void ForgetServerFields(ObjectMeta meta)
    {
        foreach (var name in (string[])["uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "selfLink"])
        {
            meta.Json.Remove(name);
        }
    }

    private static void ClearStatus(ResourceDefinition resource, JsonObject value)
    {
        value.Remove("status");
        if (resource.IsBuiltIn)
        {
            value["status"] = new JsonObject();
        }
    }

    private static void ThrowIfInvalid(ResourceDefinition resource, string name, IEnumerable<FieldError> problems)
    {
        var all = problems.ToList();
        if (all.Count > 0)
        {
            throw Failure.Invalid(resource.Group, resource.Kind, name, all);
        }
    }
}
