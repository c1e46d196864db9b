using System.Text.Json.Nodes;
using KubeStore.Failures;
using KubeStore.Registry;

namespace KubeStore.Controllers;

/// <summary>
/// What goes on in the background of a registry: namespaces that come with it, and end with all they hold; objects whose
/// owners are gone; resources that are defined by objects; accounts of namespaces, and their quotas; history that nobody asks
/// for any more.
/// </summary>
/// <example><code>
/// await using var controllers = await KubeControllers.StartAsync(registry);
/// </code></example>
public sealed class KubeControllers : IAsyncDisposable
{
    private static readonly string[] Namespaces = ["default", "kube-system", "kube-public", "kube-node-lease"];

    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _running = [];

    private KubeControllers()
    {
    }

    /// <summary>Makes sure of the namespaces and roles every client relies on, and begins.</summary>
    public static async Task<KubeControllers> StartAsync(KubeRegistry registry, CancellationToken cancellation = default)
    {
        var controllers = new KubeControllers();
        await EnsureNamespacesAsync(registry, cancellation).ConfigureAwait(false);
        await Authz.DefaultRoles.EnsureAsync(registry, cancellation).ConfigureAwait(false);
        var namespaces = new NamespaceController(registry);
        var garbage = new GarbageCollector(registry);
        var custom = new CustomResourceController(registry);
        var quotas = new QuotaController(registry);
        var accounts = new AccountController(registry);
        await custom.LoadAsync(cancellation).ConfigureAwait(false);
        controllers._running.Add(Task.Run(() => custom.RunAsync(controllers._stop.Token), CancellationToken.None));
        var compactor = new HistoryCompactor(registry.Storage, registry.Time);
        controllers._running.Add(Task.Run(() => compactor.RunAsync(controllers._stop.Token), CancellationToken.None));
        controllers._running.Add(Task.Run(() => namespaces.RunAsync(controllers._stop.Token), CancellationToken.None));
        controllers._running.Add(Task.Run(() => garbage.RunAsync(controllers._stop.Token), CancellationToken.None));
        controllers._running.Add(Task.Run(() => quotas.RunAsync(controllers._stop.Token), CancellationToken.None));
        controllers._running.Add(Task.Run(() => accounts.RunAsync(controllers._stop.Token), CancellationToken.None));
        return controllers;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private static async Task EnsureNamespacesAsync(KubeRegistry registry, CancellationToken cancellation)
    {
        var resource = registry.Catalog.Find("", "v1", "namespaces")!;
        foreach (var name in Namespaces)
        {
            try
            {
                await registry.CreateAsync(resource, "", new JsonObject { ["metadata"] = new JsonObject { ["name"] = name } }, new() { FieldManager = "raftkv" }, cancellation).ConfigureAwait(false);
            }
            catch (StatusException there) when (there.Status.Reason == "AlreadyExists")
            {
                // As it should be.
            }
        }
    }

    /// <summary>Follows a resource for ever: what is there, and every change after it. Begins again where it has to.</summary>
    internal static async Task FollowAsync(
        KubeRegistry registry, Resources.ResourceDefinition resource, Func<WatchEvent, Task> happened, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                var events = await registry.WatchAsync(resource, "", new(), stop).ConfigureAwait(false);
                await foreach (var one in events.WithCancellation(stop).ConfigureAwait(false))
                {
                    await happened(one).ConfigureAwait(false);
                }
            }
            catch (Exception broken) when (broken is StatusException or OperationCanceledException or ObjectDisposedException)
            {
                // The store is away, or we are to stop.
            }

            await Task.Delay(TimeSpan.FromMilliseconds(200), registry.Time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
