using System.Runtime.CompilerServices;
using Microsoft.Extensions.DependencyInjection;
using RaftKv.Client;
using RaftKv.Extensions.Locking;

namespace RaftKv.Extensions.Tests;

public sealed class LocksTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task One_holds_a_lock_at_a_time_and_tokens_grow()
    {
        await using var node = await TestNode.StartAsync();
        await using var services = new ServiceCollection().AddSingleton(node.Client).AddRaftKvLocks("ours/").BuildServiceProvider();
        var books = services.GetRequiredService<IDistributedLockProvider>().CreateLock("books");
        Assert.Equal("books", books.Name);
        var first = await books.AcquireAsync(cancellationToken: Stop);
        Assert.False(first.HandleLostToken.IsCancellationRequested);
        Assert.Null(await books.TryAcquireAsync(cancellationToken: Stop));
        Assert.Null(await books.TryAcquireAsync(TimeSpan.FromMilliseconds(20), Stop));
        var late = await Assert.ThrowsAsync<TimeoutException>(async () => await books.AcquireAsync(TimeSpan.FromMilliseconds(20), Stop));
        Assert.Contains("books", late.Message, StringComparison.Ordinal);

        // Another name is another lock, and what others call ours/books is this one.
        await using (var other = await new RaftKvLocks(node.Client, "ours/").CreateLock("other").TryAcquireAsync(cancellationToken: Stop))
        {
            Assert.NotNull(other);
        }

        Assert.Null(await node.Client.TryAcquireLockAsync("ours/books", cancellation: Stop));
        var waiting = books.AcquireAsync(TimeSpan.FromMinutes(1), Stop);
        await first.DisposeAsync();
        await using var second = await waiting;
        Assert.True(second.FencingToken > first.FencingToken);
    }

    [Fact]
    public async Task Who_loses_a_lock_is_told()
    {
        await using var node = await TestNode.StartAsync();
        var held = await new RaftKvLocks(node.Client).CreateLock("books").AcquireAsync(cancellationToken: Stop);
        await node.Client.RevokeLeaseAsync(held.Held.LeaseId, cancellation: Stop);
        await Until.FiresAsync(held.HandleLostToken);
        await Assert.ThrowsAsync<LockLostException>(
            async () => await held.Held.CommitAsync(new Transaction().Then(Operation.Put("k", "v")), cancellation: Stop));
        await held.DisposeAsync();
    }

    [Fact]
    public async Task A_handle_that_was_forgotten_lets_go_when_it_is_collected()
    {
        await using var node = await TestNode.StartAsync();
        var books = new RaftKvLocks(node.Client).CreateLock("books");
        var forgotten = await ForgetAsync(books);
        await Until.IsTrueAsync(() =>
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            return !forgotten.TryGetTarget(out _);
        });
        await using var next = await books.AcquireAsync(TimeSpan.FromMinutes(1), Stop);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static async Task<WeakReference<RaftKvLockHandle>> ForgetAsync(RaftKvLock books)
        => new(await books.AcquireAsync(cancellationToken: Stop));
}
