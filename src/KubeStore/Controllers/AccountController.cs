using System.Text.Json.Nodes;
using KubeStore.Failures;
using KubeStore.Objects;
using KubeStore.Registry;

namespace KubeStore.Controllers;

/// <summary>Every namespace has an account <c>default</c>, for pods that name none.</summary>
internal sealed class AccountController(KubeRegistry registry)
{
    private const string Default = "default";

    public async Task RunAsync(CancellationToken stop)
    {
        var accounts = registry.Catalog.Find("", "v1", "serviceaccounts")!;
        var namespaces = registry.Catalog.Find("", "v1", "namespaces")!;
        await Task.WhenAll(
            KubeControllers.FollowAsync(
                registry,
                namespaces,
                one => one is { Type: WatchEventType.Added or WatchEventType.Modified, Object: { } found } && !IsEnding(found) ? EnsureAsync(found.Name, stop) : Task.CompletedTask,
                stop),
            KubeControllers.FollowAsync(
                registry,
                accounts,
                one => one is { Type: WatchEventType.Deleted, Object: { Name: Default } gone } ? EnsureAsync(gone.Namespace, stop) : Task.CompletedTask,
                stop)).ConfigureAwait(false);
    }

    private static bool IsEnding(KubeObject ns) => ns.Field("metadata.deletionTimestamp").Length > 0;

    private async Task EnsureAsync(string ns, CancellationToken stop)
    {
        var accounts = registry.Catalog.Find("", "v1", "serviceaccounts")!;
        try
        {
            if (registry.CacheOf(accounts).Current()?.Find(ns, Default) is null)
            {
                await registry.CreateAsync(
                    accounts, ns, new JsonObject { ["metadata"] = new JsonObject { ["name"] = Default } }, new() { FieldManager = "raftkv" }, stop).ConfigureAwait(false);
            }
        }
        catch (StatusException there) when (there.Status.Reason is "AlreadyExists" or "NotFound" or "Forbidden")
        {
            // It is there, or its namespace is not, or ends.
        }
    }
}
