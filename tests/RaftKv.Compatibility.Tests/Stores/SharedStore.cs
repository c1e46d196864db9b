using RaftKv.Stores;

namespace RaftKv.Compatibility.Tests.Stores;

/// <summary>One store of each kind for all tests of a class, started when the first of them wants it.</summary>
public sealed class SharedStore : IAsyncLifetime
{
    private readonly Dictionary<StoreKind, Task<StoreProcess>> _stores = [];

    public async Task<StoreProcess> OrSkipAsync(StoreKind kind)
    {
        Task<StoreProcess> starting;
        lock (_stores)
        {
            if (!_stores.TryGetValue(kind, out starting!))
            {
                _stores.Add(kind, starting = Target.StartOrSkipAsync(kind));
            }
        }

        return await starting;
    }

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        foreach (var store in _stores.Values.Where(store => store.IsCompletedSuccessfully))
        {
            await (await store).DisposeAsync();
        }
    }
}
