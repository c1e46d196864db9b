using System.Collections.Concurrent;
using KubeStore.Controllers;
using KubeStore.Informers;
using KubeStore.Registry;
using KubeStore.Tests.Client;
using KubeStore.Tests.Registry;

namespace KubeStore.Tests.Controllers;

public sealed class ReconcilingTests : RegistryFixture
{
    private readonly ManualTime _time = new();
    private readonly ConcurrentQueue<ObjectKey> _reconciled = new();
    private readonly CancellationTokenSource _stop = new();
    private SharedInformer _maps = null!;
    private SharedInformer _secrets = null!;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        _maps = new(new RegistryClient(Kube), KubeResource.ConfigMaps, new() { Time = _time });
        _secrets = new(new RegistryClient(Kube), KubeResource.Secrets, new() { Time = _time });
    }

    public override async ValueTask DisposeAsync()
    {
        await _maps.DisposeAsync();
        await _secrets.DisposeAsync();
        _stop.Dispose();
        await base.DisposeAsync();
    }

    [Fact]
    public async Task Whatever_is_there_and_whatever_comes_is_reconciled()
    {
        await CreateAsync("configmaps", "default", ConfigMap("a"));
        await using var controller = new Controller(NotedAsync, new() { Time = _time });
        controller.Watch(_maps);
        var running = controller.RunAsync(_stop.Token);
        await _time.UntilAsync(() => _reconciled.Contains(new("default", "a")));
        await CreateAsync("configmaps", "default", ConfigMap("b"));

        await _time.UntilAsync(() => _reconciled.Contains(new("default", "b")));
        await StopAsync(running);
    }

    [Fact]
    public async Task What_happens_to_the_dependents_happens_to_whoever_is_in_charge()
    {
        await using var controller = new Controller(NotedAsync, new() { Time = _time });
        controller.WatchOwned(_secrets, "ConfigMap");
        var running = controller.RunAsync(_stop.Token);
        var owner = await new RegistryClient(Kube).CreateAsync(KubeResource.ConfigMaps, "default", Json(ConfigMap("owner")), cancellation: Cancellation);
        var dependent = Json("""{"metadata":{"name":"dependent"}}""");
        Owners.PutInCharge(dependent, owner);
        await new RegistryClient(Kube).CreateAsync(KubeResource.Secrets, "default", dependent, cancellation: Cancellation);

        await _time.UntilAsync(() => !_reconciled.IsEmpty);
        Assert.Equal([new ObjectKey("default", "owner")], _reconciled.Distinct());
        await StopAsync(running);
    }

    [Fact]
    public async Task What_fails_is_tried_again_until_it_goes_well()
    {
        await CreateAsync("configmaps", "default", ConfigMap("a"));
        var attempts = 0;
        var failures = new ConcurrentQueue<string>();
        await using var controller = new Controller(
            (_, _) => Interlocked.Increment(ref attempts) < 4 ? throw new InvalidOperationException($"attempt {attempts}") : Task.FromResult<TimeSpan?>(null),
            new() { Time = _time, Failed = (key, failed) => failures.Enqueue($"{key}: {failed.Message}") });
        controller.Watch(_maps);
        var running = controller.RunAsync(_stop.Token);

        await _time.UntilAsync(() => Volatile.Read(ref attempts) >= 4);
        Assert.Equal(["default/a: attempt 1", "default/a: attempt 2", "default/a: attempt 3"], failures);
        await StopAsync(running);
    }

    [Fact]
    public async Task Who_wants_to_look_again_later_does()
    {
        await CreateAsync("configmaps", "default", ConfigMap("a"));
        var times = new ConcurrentQueue<long>();
        await using var controller = new Controller(
            (_, _) =>
            {
                times.Enqueue(_time.GetTimestamp());
                return Task.FromResult<TimeSpan?>(TimeSpan.FromMinutes(1));
            },
            new() { Time = _time });
        controller.Watch(_maps);
        var running = controller.RunAsync(_stop.Token);

        await _time.UntilAsync(() => times.Count >= 3);
        Assert.All(times.Zip(times.Skip(1)), pair => Assert.True(_time.GetElapsedTime(pair.First, pair.Second) >= TimeSpan.FromMinutes(1)));
        await StopAsync(running);
    }

    private Task<TimeSpan?> NotedAsync(ObjectKey key, CancellationToken stop)
    {
        _reconciled.Enqueue(key);
        return Task.FromResult<TimeSpan?>(null);
    }

    private async Task StopAsync(Task running)
    {
        await _stop.CancelAsync();
        await running;
    }
}
