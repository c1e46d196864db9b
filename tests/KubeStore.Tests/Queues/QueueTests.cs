using KubeStore.Queues;

namespace KubeStore.Tests.Queues;

public sealed class QueueTests
{
    private readonly ManualTime _time = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_is_added_twice_is_in_line_once()
    {
        var queue = new WorkQueue<string>();
        queue.Add("a");
        queue.Add("b");
        queue.Add("a");

        Assert.Equal(2, queue.Count);
        Assert.Equal("a", await queue.TakeAsync(Cancellation));
        Assert.Equal("b", await queue.TakeAsync(Cancellation));
    }

    [Fact]
    public async Task What_is_added_while_somebody_works_on_it_waits_until_they_are_done()
    {
        var queue = new WorkQueue<string>();
        queue.Add("a");
        var taken = await queue.TakeAsync(Cancellation);
        queue.Add("a");
        queue.Add("a");
        Assert.Equal(0, queue.Count);

        queue.Done(taken);
        Assert.Equal("a", await queue.TakeAsync(Cancellation));
        queue.Done("a");
        Assert.Equal(0, queue.Count);
    }

    [Fact]
    public async Task Who_waits_gets_what_comes_and_who_has_gone_takes_nothing_along()
    {
        var queue = new WorkQueue<int>();
        using var gone = new CancellationTokenSource();
        var first = queue.TakeAsync(gone.Token);
        var second = queue.TakeAsync(Cancellation);
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        queue.Add(1);

        Assert.Equal(1, await second);
    }

    [Fact]
    public async Task Many_workers_never_share_an_item_and_lose_none()
    {
        var queue = new WorkQueue<int>();
        var counts = new int[10];
        var busy = new int[10];
        var left = 10_000;
        using var stop = new CancellationTokenSource();
        var workers = Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                var item = await queue.TakeAsync(stop.Token);
                Assert.Equal(1, Interlocked.Increment(ref busy[item]));
                Volatile.Write(ref counts[item], 0);
                Interlocked.Decrement(ref busy[item]);
                queue.Done(item);
            }
        })).ToList();
        while (left-- > 0)
        {
            Interlocked.Increment(ref counts[left % 10]);
            queue.Add(left % 10);
        }

        // Each is worked on after it was last added, so that in the end nothing is left undone.
        while (counts.Any(count => count != 0))
        {
            await Task.Delay(1, Cancellation);
        }

        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Task.WhenAll(workers));
    }

    [Fact]
    public async Task What_is_to_come_later_comes_then_and_the_earliest_time_counts()
    {
        using var queue = new RetryQueue<string>(_time);
        queue.AddAfter("a", TimeSpan.FromMinutes(2));
        queue.AddAfter("b", TimeSpan.FromMinutes(1));
        queue.AddAfter("a", TimeSpan.FromSeconds(30));
        queue.AddAfter("a", TimeSpan.FromMinutes(5));
        _time.Advance(TimeSpan.FromSeconds(29));
        Assert.Equal(0, queue.Count);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("a", await queue.TakeAsync(Cancellation));
        _time.Advance(TimeSpan.FromMinutes(10));

        Assert.Equal("b", await queue.TakeAsync(Cancellation));
        Assert.Equal(0, queue.Count);
    }

    [Fact]
    public void What_fails_comes_later_each_time_until_it_is_forgotten()
    {
        using var queue = new RetryQueue<string>(_time, new() { Shortest = TimeSpan.FromSeconds(1), Longest = TimeSpan.FromSeconds(5) });
        Assert.Equal([1, 2, 4, 5, 5], Enumerable.Range(0, 5).Select(_ => PauseOf(queue)));
        Assert.Equal(5, queue.Failures("a"));

        queue.Forget("a");
        Assert.Equal(1, PauseOf(queue));
    }

    [Fact]
    public void When_everything_fails_there_is_a_limit_for_all()
    {
        using var queue = new RetryQueue<int>(_time, new() { Shortest = TimeSpan.FromMilliseconds(1), PerSecond = 10, Burst = 5 });
        for (var i = 0; i < 25; i++)
        {
            queue.AddFailed(i);
        }

        _time.Advance(TimeSpan.FromMilliseconds(50));
        Assert.Equal(5, queue.Count);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(15, queue.Count);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(25, queue.Count);
    }

    private int PauseOf(RetryQueue<string> queue)
    {
        queue.AddFailed("a");
        for (var seconds = 0; ; seconds++)
        {
            if (queue.Count > 0)
            {
                var taken = queue.TakeAsync(Cancellation).GetAwaiter().GetResult();
                queue.Done(taken);
                return seconds;
            }

            _time.Advance(TimeSpan.FromSeconds(1));
        }
    }
}
