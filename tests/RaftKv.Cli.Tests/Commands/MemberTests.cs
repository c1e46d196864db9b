using RaftKv.Stores;

namespace RaftKv.Cli.Tests.Commands;

/// <summary>Tests that share nothing but what they need: a member of ours each, which goes with the test.</summary>
public abstract class MemberTests : IAsyncLifetime
{
    private StoreProcess? _store;

    /// <summary>The member's store.</summary>
    protected StoreProcess Store => _store!;

    public virtual async ValueTask InitializeAsync()
    {
        var program = StoreProgram.FindRaftKv();
        Assert.SkipWhen(program is null, "raftkv is not built.");
        _store = await StoreProcess.StartAsync(program!, cancellation: TestContext.Current.CancellationToken);
    }

    public virtual async ValueTask DisposeAsync()
    {
        if (_store is not null)
        {
            await _store.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }
}
