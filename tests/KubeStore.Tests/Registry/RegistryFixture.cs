using System.Text;
using System.Text.Json.Nodes;
using KubeStore.Failures;
using KubeStore.Objects;
using KubeStore.Registry;
using KubeStore.Resources;
using KubeStore.Storage;

namespace KubeStore.Tests.Registry;

/// <summary>A registry on a store in memory, with a namespace to work in.</summary>
public abstract class RegistryFixture : IAsyncLifetime
{
    internal MemoryStorage Store { get; } = new();

    internal KubeRegistry Kube { get; private set; } = null!;

    protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public virtual async ValueTask InitializeAsync()
    {
        Kube = NewRegistry();
        await CreateAsync("namespaces", "", """{"metadata":{"name":"default"}}""");
    }

    public virtual async ValueTask DisposeAsync()
    {
        await Kube.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    internal KubeRegistry NewRegistry() => new(Store, new() { Time = TimeProvider.System, Chance = new Random(7) });

    internal ResourceDefinition Of(string plural) => Kube.Catalog.All.Where(one => one.Plural == plural).MinBy(one => one.GroupVersion)!;

    internal static JsonObject Json(string text) => JsonText.ParseObject(Encoding.UTF8.GetBytes(text));

    internal async Task<JsonObject> CreateAsync(string plural, string ns, string json, WriteOptions? options = null)
        => (await Kube.CreateAsync(Of(plural), ns, Json(json), options ?? new(), Cancellation)).Object.ToJson();

    internal async Task<JsonObject> UpdateAsync(string plural, string ns, JsonObject value, string subresource = "", WriteOptions? options = null)
        => (await Kube.UpdateAsync(Of(plural), ns, value.TextAt("metadata", "name"), value, options ?? new(), subresource, Cancellation)).Object.ToJson();

    internal async Task<JsonObject> GetAsync(string plural, string ns, string name)
        => (await Kube.GetAsync(Of(plural), ns, name, cancellation: Cancellation)).ToJson();

    internal Task<DeleteResult> DeleteAsync(string plural, string ns, string name, DeleteOptions? options = null)
        => Kube.DeleteAsync(Of(plural), ns, name, options ?? new(), Cancellation);

    internal static async Task<Status> RefusedAsync(Func<Task> attempt) => (await Assert.ThrowsAsync<StatusException>(attempt)).Status;

    internal static string ConfigMap(string name, string more = "") => $"{{\"metadata\":{{\"name\":\"{name}\"{more}}},\"data\":{{\"a\":\"1\"}}}}";
}
