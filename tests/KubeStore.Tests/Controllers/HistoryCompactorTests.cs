using KubeStore.Controllers;
using KubeStore.Storage;

namespace KubeStore.Tests.Controllers;

public sealed class HistoryCompactorTests
{
    private readonly MemoryStorage _store = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task History_goes_that_was_old_at_the_step_before()
    {
        var compactor = new HistoryCompactor(_store, TimeProvider.System);
        var old = await PutAsync("/a", 0);
        await compactor.StepAsync(Cancellation);
        var young = await PutAsync("/a", old);
        await compactor.StepAsync(Cancellation);

        await Assert.ThrowsAsync<HistoryGoneException>(() => _store.RangeAsync("/a", null, old, 0, Cancellation));
        Assert.Single((await _store.RangeAsync("/a", null, young, 0, Cancellation)).Values);
    }

    [Fact]
    public async Task Of_two_servers_one_does_it()
    {
        var (first, second) = (new HistoryCompactor(_store, TimeProvider.System), new HistoryCompactor(_store, TimeProvider.System));
        await first.StepAsync(Cancellation);
        await second.StepAsync(Cancellation);
        var between = await PutAsync("/a", 0);
        await first.StepAsync(Cancellation);
        await second.StepAsync(Cancellation);

        // The second saw that the first had been there, and left what was written in between alone.
        Assert.Empty((await _store.RangeAsync("/b", null, between, 0, Cancellation)).Values);
    }

    private async Task<long> PutAsync(string key, long expected)
        => (await _store.PutAsync(key, "x"u8.ToArray(), expected, null, Cancellation)).Revision;
}
