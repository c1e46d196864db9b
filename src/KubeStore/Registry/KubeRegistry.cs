using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json.Nodes;
using KubeStore.Admission;
using KubeStore.Cache;
using KubeStore.Failures;
using KubeStore.Kinds;
using KubeStore.Objects;
using KubeStore.Resources;
using KubeStore.Storage;

namespace KubeStore.Registry;

/// <summary>How a registry is set up.</summary>
public sealed record KubeRegistryOptions
{
    public ResourceCatalog Catalog { get; init; } = ResourceCatalog.BuiltIn();

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>The chance behind generated names. A seeded one makes them repeatable.</summary>
    public Random Chance { get; init; } = Random.Shared;

    /// <summary>The built-in steps that writes go through, in their order; those of one's own come after them.</summary>
    public IReadOnlyList<string> Admission { get; init; } = BuiltInAdmission.All;
}

/// <summary>
/// Objects the Kubernetes way: declared, versioned, watched. All rules of metadata hold here, whoever comes: the HTTP API
/// and programs that have a registry in them.
/// </summary>
/// <example><code>
/// await using var registry = new KubeRegistry(node.OpenChannel());
/// var pods = registry.Catalog.Find("", "v1", "pods")!;
/// var created = await registry.CreateAsync(pods, "default", body, new WriteOptions(), cancellation);
/// </code></example>
public sealed partial class KubeRegistry : IAsyncDisposable
{
    private static readonly TimeSpan CachePatience = TimeSpan.FromSeconds(3);

    private readonly IKubeStorage _storage;
    private readonly KubeRegistryOptions _options;
    private readonly ConcurrentDictionary<string, ResourceCache> _caches = new(StringComparer.Ordinal);
    private readonly Lock _cachesGate = new();
    private volatile IAdmissionStep[] _admission;
    private bool _isDisposed;

    /// <summary>On any cluster that the client is of. The client stays its owner's.</summary>
    public KubeRegistry(RaftKv.Client.RaftKvClient client, KubeRegistryOptions? options = null)
        : this(new ClientStorage(client, options?.Time), options)
    {
    }

    /// <summary>On one member, such as that of this process, or on what answers behind one address of a cluster. The channel
    /// stays its owner's.</summary>
    public KubeRegistry(RaftKv.Rpc.Client.RpcChannel channel, KubeRegistryOptions? options = null)
        : this(new EtcdStorage(channel, options?.Time), options)
    {
    }

    internal KubeRegistry(IKubeStorage storage, KubeRegistryOptions? options = null)
    {
        _storage = storage;
        _options = options ?? new();
        _admission = [new Authz.RoleEscalation(), new Custom.Rules.RuleWarnings(), .. _options.Admission.Select(name => BuiltInAdmission.Find(name, this))];
    }

    public ResourceCatalog Catalog => _options.Catalog;

    internal TimeProvider Time => _options.Time;

    internal IKubeStorage Storage => _storage;

    /// <summary>Has every write from now on go through one more step, after those that are there.</summary>
    public void AddAdmission(IAdmissionStep step)
    {
        lock (_cachesGate)
        {
            _admission = [.. _admission, step];
        }
    }

    /// <summary>Objects as they are at hand, for what may be a moment behind; nothing, if there is no such resource.</summary>
    internal async ValueTask<IReadOnlyList<JsonObject>> AtHandAsync(string group, string plural, string ns, CancellationToken cancellation)
        => Catalog.FindPreferred(group, plural) is { } resource
            ? [.. (await ListAsync(resource, ns, new() { ResourceVersion = "0" }, cancellation).ConfigureAwait(false)).Items.Select(one => one.ToJson())]
            : [];

    /// <summary>One object.</summary>
    /// <param name="resource">Of which kind.</param>
    /// <param name="ns">In which namespace; empty for a kind that has none.</param>
    /// <param name="name">Of which name.</param>
    /// <param name="resourceVersion">Empty: as it is now. "0": as it is at hand. Else: not older than this.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="StatusException">It is not there.</exception>
    public async Task<KubeObject> GetAsync(
        ResourceDefinition resource, string ns, string name, string resourceVersion = "", CancellationToken cancellation = default)
    {
        if (resourceVersion == "0" && FindCache(resource)?.Current() is { } atHand)
        {
            return Present(resource, atHand.Find(ns, name) ?? throw Failure.NotFound(resource.Resource, name));
        }

        var wanted = ParseVersion(resourceVersion);
        var found = await AskedAsync(resource, "get", () => _storage.RangeAsync(KeyOf(resource, ns, name), null, 0, 1, cancellation)).ConfigureAwait(false);
        return wanted > found.Revision ? throw Failure.FutureVersion(wanted, found.Revision)
            : found.Values.Count > 0 ? Present(resource, Read(resource, name, found.Values[0]))
            : throw Failure.NotFound(resource.Resource, name);
    }

    public async ValueTask DisposeAsync()
    {
        List<ResourceCache> caches;
        lock (_cachesGate)
        {
            _isDisposed = true;
            caches = [.. _caches.Values];
            _caches.Clear();
        }

        await Task.WhenAll(caches.Select(cache => cache.DisposeAsync().AsTask())).ConfigureAwait(false);
    }

    internal static string KeyOf(ResourceDefinition resource, string ns, string name)
        => resource.IsNamespaced ? $"/registry/{resource.StoragePrefix}/{ns}/{name}" : $"/registry/{resource.StoragePrefix}/{name}";

    /// <summary>The cache of a resource, which is filled from when it is first asked for.</summary>
    internal ResourceCache CacheOf(ResourceDefinition resource)
    {
        if (_caches.TryGetValue(resource.StoragePrefix, out var known))
        {
            return known;
        }

        lock (_cachesGate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            return _caches.GetOrAdd(
                resource.StoragePrefix,
                static (prefix, own) => new ResourceCache(own.Self._storage, prefix, own.Resource.IsNamespaced, own.Self.Time),
                (Self: this, Resource: resource));
        }
    }

    /// <summary>Ends a resource's cache, and everybody who watches it.</summary>
    internal async Task DropCacheAsync(ResourceDefinition resource)
    {
        ResourceCache? cache;
        lock (_cachesGate)
        {
            _caches.TryRemove(resource.StoragePrefix, out cache);
        }

        if (cache is not null)
        {
            await cache.DisposeAsync().ConfigureAwait(false);
        }
    }

    internal static long ParseVersion(string version)
        => version.Length == 0 ? 0
            : long.TryParse(version, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
            : throw Failure.BadRequest($"invalid resource version: \"{version}\"");

    /// <summary>An object as clients of this version see it.</summary>
    internal static KubeObject Present(ResourceDefinition resource, KubeObject stored)
        => VersionConversion.FromStorage(resource, stored);

    private ResourceCache? FindCache(ResourceDefinition resource) => _caches.GetValueOrDefault(resource.StoragePrefix);

    private static KubeObject Read(ResourceDefinition resource, string name, StoredValue value)
    {
        try
        {
            return KubeObject.Read(value.Value, value.Revision);
        }
        catch (System.Text.Json.JsonException broken)
        {
            throw Failure.Internal($"what is stored of {resource.Resource} \"{name}\" is no object: {broken.Message}");
        }
    }

    /// <summary>Asks the store, and says in the API's words what it refuses.</summary>
    private static async Task<T> AskedAsync<T>(ResourceDefinition resource, string operation, Func<Task<T>> ask)
    {
        try
        {
            return await ask().ConfigureAwait(false);
        }
        catch (StorageUnavailableException away)
        {
            throw Failure.ServerTimeout(resource.Resource, operation, away);
        }
        catch (ValueTooLargeException large)
        {
            throw new StatusException(new Status(413, "RequestEntityTooLarge", large.Message), large);
        }
    }
}
