using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;

namespace RaftKv.Client.Tests;

/// <summary>What streams do to watches, with a member that follows a script.</summary>
public sealed class WatchStreamTests : IAsyncDisposable
{
    private readonly ManualTime _time = new();
    private ScriptedMember _member = null!;
    private RaftKvClient _client = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        await _client.DisposeAsync();
        await _member.DisposeAsync();
    }

    [Fact]
    public async Task A_start_waits_until_it_is_confirmed()
    {
        await ConnectAsync();
        var start = _client.StartWatchAsync("k", cancellation: Stop).AsTask();
        var stream = await _member.WatchAsync();
        var request = await stream.NextAsync();
        Assert.Equal(0, request.CreateRequest.StartRevision);
        Assert.False(start.IsCompleted);
        await stream.SendAsync(new WatchResponse { Created = true, WatchId = request.CreateRequest.WatchId, Header = new() { Revision = 41 } });
        await using var watcher = await start;
        Assert.Equal(42, watcher.StartRevision);
    }

    [Fact]
    public async Task A_stream_that_breaks_is_resumed_behind_what_was_told()
    {
        await ConnectAsync();
        var (watcher, stream, id) = await StartAsync();
        await stream.EventsAsync(id, isPart: false, (11, "k"), (12, "k"));
        await using var batches = watcher.GetAsyncEnumerator(Stop);
        Assert.True(await batches.MoveNextAsync());
        stream.Cut();

        stream = await NextStreamAsync();
        var again = await stream.CreateAsync(revision: 20);
        Assert.Equal(13, again.StartRevision);

        // Told twice, as no member should.
        await stream.EventsAsync(again.WatchId, isPart: false, (12, "k"), (13, "k"));
        Assert.True(await batches.MoveNextAsync());
        Assert.Equal(13, Assert.Single(batches.Current.Events).KeyValue.ModRevision);
        await watcher.DisposeAsync();
    }

    [Fact]
    public async Task A_watch_that_was_told_nothing_resumes_behind_its_start()
    {
        await ConnectAsync();
        var (watcher, stream, _) = await StartAsync(revision: 30);
        stream.Cut(RpcStatusCode.Unavailable, "etcdserver: no leader");
        stream = await NextStreamAsync();
        Assert.Equal(31, (await stream.CreateAsync(revision: 50)).StartRevision);
        await watcher.DisposeAsync();
    }

    [Fact]
    public async Task Fragments_become_batches_of_whole_revisions()
    {
        await ConnectAsync();
        var (watcher, stream, id) = await StartAsync();
        await using var batches = watcher.GetAsyncEnumerator(Stop);
        await stream.EventsAsync(id, isPart: true, (11, "a"), (12, "a"));
        Assert.True(await batches.MoveNextAsync());
        Assert.Equal(11, Assert.Single(batches.Current.Events).KeyValue.ModRevision);

        await stream.EventsAsync(id, isPart: true, (12, "b"));
        await stream.EventsAsync(id, isPart: false, (12, "c"), (13, "a"));
        Assert.True(await batches.MoveNextAsync());
        Assert.Equal(["a", "b", "c", "a"], batches.Current.Events.Select(one => one.KeyValue.KeyText));
        Assert.Equal(13, batches.Current.Revision);
        await watcher.DisposeAsync();
    }

    [Fact]
    public async Task A_stream_that_breaks_between_fragments_tells_the_revision_once_and_whole()
    {
        await ConnectAsync();
        var (watcher, stream, id) = await StartAsync();
        await using var batches = watcher.GetAsyncEnumerator(Stop);
        await stream.EventsAsync(id, isPart: true, (11, "a"), (12, "a"));
        Assert.True(await batches.MoveNextAsync());
        stream.Cut();
        stream = await NextStreamAsync();
        var again = await stream.CreateAsync();
        Assert.Equal(12, again.StartRevision);
        await stream.EventsAsync(again.WatchId, isPart: false, (12, "a"), (12, "b"));
        Assert.True(await batches.MoveNextAsync());
        Assert.Equal(["a", "b"], batches.Current.Events.Select(one => one.KeyValue.KeyText));
        await watcher.DisposeAsync();
    }

    [Theory]
    [InlineData("3.6.14", true)]
    [InlineData("3.4.25", true)]
    [InlineData("3.4.23", false)]
    public async Task Progress_moves_the_place_to_resume_at_where_it_can_be_believed(string version, bool isBelieved)
    {
        await ConnectAsync(version);
        var (watcher, stream, id) = await StartAsync(options: new WatchOptions { WantsProgress = true });
        await stream.SendAsync(new WatchResponse { WatchId = -1, Header = new() { Revision = 100 } });
        await stream.SendAsync(new WatchResponse { WatchId = id, Header = new() { Revision = 70 } });
        await using var batches = watcher.GetAsyncEnumerator(Stop);
        Assert.True(await batches.MoveNextAsync());
        Assert.Equal((WatchBatchKind.Progress, isBelieved ? 100 : 70), (batches.Current.Kind, batches.Current.Revision));
        stream.Cut();
        stream = await NextStreamAsync();
        Assert.Equal(isBelieved ? 101 : 71, (await stream.CreateAsync()).StartRevision);
        await watcher.DisposeAsync();
    }

    [Fact]
    public async Task A_silent_stream_is_asked_for_a_sign_of_life_and_then_left()
    {
        await ConnectAsync();
        var (watcher, stream, _) = await StartAsync();
        var asked = AskAsync(stream);
        await AdvanceUntilAsync(asked, perStepMs: 50);
        var (progress, sign) = await asked;
        Assert.NotNull(progress.ProgressRequest);
        await stream.SendAsync(new WatchResponse { Created = true, WatchId = sign.CreateRequest.WatchId });
        Assert.Equal(sign.CreateRequest.WatchId, (await stream.NextAsync()).CancelRequest.WatchId);

        // The next time there is no answer.
        await AdvanceUntilAsync(stream.Left, perStepMs: 50);
        stream = await NextStreamAsync();
        Assert.Equal(11, (await stream.CreateAsync()).StartRevision);
        await watcher.DisposeAsync();
    }

    [Fact]
    public async Task Compaction_in_the_middle_is_told_by_name_and_to_the_member()
    {
        await ConnectAsync();
        var (watcher, stream, id) = await StartAsync();
        await stream.SendAsync(new WatchResponse { WatchId = id, Canceled = true, CompactRevision = 77 });
        await using var batches = watcher.GetAsyncEnumerator(Stop);
        var compacted = await Assert.ThrowsAsync<CompactedException>(async () => await batches.MoveNextAsync());
        Assert.Equal(77, compacted.CompactRevision);
        Assert.Equal(id, (await stream.NextAsync()).CancelRequest.WatchId);
    }

    [Fact]
    public async Task A_start_that_nobody_confirms_ends_in_time()
    {
        await ConnectAsync();
        var start = _client.StartWatchAsync("k", new WatchOptions { StartTimeout = TimeSpan.FromSeconds(1) }, Stop).AsTask();
        await AdvanceUntilAsync(start);
        var late = await Assert.ThrowsAsync<CallTimeoutException>(() => start);
        Assert.True(late.IsTransient);
        Assert.False(late.IsOutcomeUnknown);
    }

    private static async Task<(WatchRequest Progress, WatchRequest Sign)> AskAsync(ScriptedWatch stream)
        => (await stream.NextAsync(), await stream.NextAsync());

    private async Task ConnectAsync(string version = "3.6.14")
    {
        _member = await ScriptedMember.StartAsync(_time);
        _member.Version = version;
        _client = RaftKvClient.Connect(new RaftKvClientOptions { Endpoints = [_member.Address], Time = _time, Chance = new Random(1) });
    }

    private async Task<(Watcher Watcher, ScriptedWatch Stream, long Id)> StartAsync(long revision = 10, WatchOptions? options = null)
    {
        var start = _client.StartWatchAsync("k", options, Stop);
        var stream = await _member.WatchAsync();
        var request = await stream.CreateAsync(revision);
        return (await start, stream, request.WatchId);
    }

    private async Task<ScriptedWatch> NextStreamAsync()
    {
        var next = _member.WatchAsync().AsTask();
        await AdvanceUntilAsync(next);
        return await next;
    }

    // Timers are set by other threads, so time moves until what waits for it has happened; slowly, because what waits for a
    // socket has little time otherwise.
    private async Task AdvanceUntilAsync(Task happens, int perStepMs = 20)
    {
        while (!happens.IsCompleted)
        {
            _time.Advance(TimeSpan.FromMilliseconds(perStepMs));
            await Task.WhenAny(happens, Task.Delay(TimeSpan.FromMilliseconds(20), Stop));
        }
    }
}
