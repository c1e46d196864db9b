using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using KubeStore.Failures;
using KubeStore.Objects;
using KubeStore.Resources;

namespace KubeStore.Registry;

/// <summary>A registry in this process, asked the way any API server is.</summary>
/// <example><code>
/// IKubeClient kube = new RegistryClient(registry) { Name = "replicas" };
/// </code></example>
public sealed class RegistryClient(KubeRegistry registry, UserInfo? user = null) : IKubeClient
{
    private readonly UserInfo _user = user ?? UserInfo.Program;

    /// <summary>The manager of the fields that are written, if a write names none.</summary>
    public string Name { get; init; } = "kubestore-client";

    public Task<KubeObject> GetAsync(KubeResource resource, string ns, string name, CancellationToken cancellation = default)
        => AskedAsync(() => registry.GetAsync(Find(resource), ns, name, cancellation: cancellation));

    public Task<ObjectList> ListAsync(KubeResource resource, string ns, ListOptions? options = null, CancellationToken cancellation = default)
        => AskedAsync(() => registry.ListAsync(Find(resource), ns, options ?? new(), cancellation));

    public async IAsyncEnumerable<WatchEvent> WatchAsync(
        KubeResource resource, string ns, WatchOptions options, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        var events = await AskedAsync(() => registry.WatchAsync(Find(resource), ns, options, cancellation)).ConfigureAwait(false);
        await foreach (var happened in events.WithCancellation(cancellation).ConfigureAwait(false))
        {
            yield return happened;
        }
    }

    public async Task<KubeObject> CreateAsync(KubeResource resource, string ns, JsonObject body, KubeWrite? write = null, CancellationToken cancellation = default)
        => (await AskedAsync(() => registry.CreateAsync(Find(resource), ns, body, Options(write), cancellation)).ConfigureAwait(false)).Object;

    public async Task<KubeObject> UpdateAsync(KubeResource resource, string ns, JsonObject body, KubeWrite? write = null, CancellationToken cancellation = default)
        => (await AskedAsync(() => registry.UpdateAsync(
            Find(resource), ns, body.TextAt("metadata", "name"), body, Options(write), write?.Subresource ?? "", cancellation)).ConfigureAwait(false)).Object;

    public async Task<KubeObject> PatchAsync(
        KubeResource resource, string ns, string name, PatchType type, JsonNode patch, KubeWrite? write = null, CancellationToken cancellation = default)
        => (await AskedAsync(() => registry.PatchAsync(
            Find(resource), ns, name, type, patch, Options(write), write?.Subresource ?? "", cancellation)).ConfigureAwait(false)).Object;

    public Task DeleteAsync(KubeResource resource, string ns, string name, KubeDelete? delete = null, CancellationToken cancellation = default)
        => AskedAsync(() => registry.DeleteAsync(
            Find(resource),
            ns,
            name,
            new()
            {
                User = _user,
                DryRun = delete?.DryRun ?? false,
                GracePeriodSeconds = delete?.GracePeriodSeconds,
                Propagation = delete?.Propagation,
                Uid = delete?.Uid ?? "",
                ResourceVersion = delete?.ResourceVersion ?? "",
            },
            cancellation));

    private ResourceDefinition Find(KubeResource resource)
        => registry.Catalog.Find(resource.Group, resource.Version, resource.Plural) ?? throw Failure.NoSuchResource();

    private WriteOptions Options(KubeWrite? write) => new()
    {
        User = _user,
        DryRun = write?.DryRun ?? false,
        FieldManager = write is { FieldManager.Length: > 0 } ? write.FieldManager : Name,
        FieldValidation = write?.FieldValidation ?? FieldValidation.Ignore,
        Force = write?.Force ?? false,
    };

    // A registry that has ended is a server that has.
    private static async Task<T> AskedAsync<T>(Func<Task<T>> ask)
    {
        try
        {
            return await ask().ConfigureAwait(false);
        }
        catch (ObjectDisposedException ended)
        {
            throw new KubeUnreachableException("The registry has ended.", ended);
        }
    }
}
