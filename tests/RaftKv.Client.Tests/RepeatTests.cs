using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Rpc.Server;

namespace RaftKv.Client.Tests;

/// <summary>What is done twice, what never is, and who is asked instead of whom.</summary>
public sealed class RepeatTests : IAsyncDisposable
{
    private readonly ManualTime _time = new();
    private readonly List<ScriptedMember> _members = [];
    private RaftKvClient _client = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        await _client.DisposeAsync();
        foreach (var member in _members)
        {
            await member.DisposeAsync();
        }
    }

    [Theory]
    [InlineData(RpcStatusCode.Unavailable, "etcdserver: request timed out")]
    [InlineData(RpcStatusCode.Unavailable, "etcdserver: request timed out, possibly due to connection lost")]
    [InlineData(RpcStatusCode.Unavailable, "etcdserver: server stopped")]
    [InlineData(RpcStatusCode.Unknown, "etcdserver: request cancelled")]
    [InlineData(RpcStatusCode.Unknown, "something new")]
    [InlineData(RpcStatusCode.Internal, "the stream was reset")]
    [InlineData(RpcStatusCode.Cancelled, "context canceled")]
    [InlineData(RpcStatusCode.DeadlineExceeded, "context deadline exceeded")]
    public async Task A_write_whose_outcome_is_unknown_says_so_and_is_made_once(RpcStatusCode code, string text)
    {
        await ConnectAsync(2);
        _members.ForEach(member => member.Put = (_, _) => throw new RpcException(code, text));
        var unknown = await Assert.ThrowsAsync<OutcomeUnknownException>(async () => await _client.PutAsync("k", "v", cancellation: Stop));
        Assert.True(unknown.IsOutcomeUnknown);
        Assert.Equal(code, unknown.Code);
        Assert.Contains(text, unknown.Message, StringComparison.Ordinal);
        Assert.Equal(1, _members.Sum(member => member.Calls));
    }

    [Theory]
    [InlineData(RpcStatusCode.Unavailable, "etcdserver: no leader")]
    [InlineData(RpcStatusCode.Unknown, "etcdserver: too many requests")]
    [InlineData(RpcStatusCode.Unknown, "raft proposal dropped")]
    [InlineData(RpcStatusCode.FailedPrecondition, "etcdserver: rpc not supported for learner")]
    public async Task A_write_that_was_not_done_is_made_elsewhere(RpcStatusCode code, string text)
    {
        await ConnectAsync(2);
        var refusals = 0;
        _members.ForEach(member => member.Put = (_, _) => Interlocked.Increment(ref refusals) == 1
            ? throw new RpcException(code, text)
            : new(new PutResponse { Header = new() { Revision = 5 } }));
        Assert.Equal(5, (await _client.PutAsync("k", "v", cancellation: Stop)).Revision);
        Assert.All(_members, member => Assert.Equal(1, member.Calls));
    }

    [Theory]
    [InlineData(RpcStatusCode.Unavailable, "etcdserver: request timed out")]
    [InlineData(RpcStatusCode.Unavailable, "etcdserver: leader changed")]
    [InlineData(RpcStatusCode.Unavailable, "etcdserver: no leader")]
    public async Task A_read_is_made_again_elsewhere(RpcStatusCode code, string text)
    {
        await ConnectAsync(2);
        var refusals = 0;
        _members.ForEach(member => member.Range = (_, _) => Interlocked.Increment(ref refusals) == 1
            ? throw new RpcException(code, text)
            : new(new RangeResponse { Header = new() { Revision = 5 } }));
        Assert.Equal(5, (await _client.RangeAsync("k", cancellation: Stop)).Header.Revision);
        Assert.All(_members, member => Assert.Equal(1, member.Calls));
    }

    [Fact]
    public async Task Nobody_there_is_no_unknown_outcome()
    {
        await ConnectAsync(1);
        await _members[0].DisposeAsync();
        var put = _client.PutAsync("k", "v", cancellation: Stop).AsTask();
        await AdvanceUntilAsync(put, perStepMs: 500);

        // Time may be over before the last attempt has heard that nobody is there, or while it waits for the next.
        var away = await Assert.ThrowsAnyAsync<RaftKvException>(() => put);
        Assert.True(away is UnavailableException or CallTimeoutException, away.ToString());
        Assert.True(away.IsTransient);
        Assert.False(away.IsOutcomeUnknown);
        Assert.Equal(0, _members[0].Calls);
    }

    [Fact]
    public async Task Nobody_there_and_no_time_for_another_attempt_is_said_to_be_unavailable()
    {
        await ConnectAsync(1);
        await _members[0].DisposeAsync();

        // Time stands still, so nothing but the refusal ends an attempt.
        var brief = new PutOptions { Timeout = TimeSpan.FromMilliseconds(1) };
        var away = await Assert.ThrowsAsync<UnavailableException>(() => _client.PutAsync("k", "v", brief, Stop).AsTask());
        Assert.True(away.IsTransient);
        Assert.False(away.IsOutcomeUnknown);
        Assert.Equal(0, _members[0].Calls);
    }

    [Fact]
    public async Task A_deadline_is_no_cancellation_and_leaves_a_write_unknown()
    {
        await ConnectAsync(1);
        _members[0].Range = async (_, call) => await HangAsync<RangeResponse>(call);
        _members[0].Put = async (_, call) => await HangAsync<PutResponse>(call);
        var soon = new CallOptions { Timeout = TimeSpan.FromSeconds(1) };
        var get = _client.RangeAsync("k", new RangeOptions { Timeout = soon.Timeout }, Stop).AsTask();
        await AdvanceUntilAsync(get);
        Assert.False((await Assert.ThrowsAsync<CallTimeoutException>(() => get)).IsOutcomeUnknown);

        var put = _client.PutAsync("k", "v", new PutOptions { Timeout = soon.Timeout }, Stop).AsTask();
        await AdvanceUntilAsync(put);
        Assert.Equal(RpcStatusCode.DeadlineExceeded, (await Assert.ThrowsAsync<OutcomeUnknownException>(() => put)).Code);
    }

    [Fact]
    public async Task A_member_that_hangs_is_left_by_what_waits_for_it_and_comes_back_when_it_answers()
    {
        await ConnectAsync(2);
        var hung = new TaskCompletionSource<ScriptedMember>(TaskCreationOptions.RunContinuationsAsynchronously);
        var others = 0;
        foreach (var member in _members)
        {
            member.Range = async (request, call) =>
            {
                var key = request.Key.ToStringUtf8();
                if (key == "k")
                {
                    hung.TrySetResult(member);
                }

                if (!hung.Task.IsCompleted || await hung.Task != member)
                {
                    return new RangeResponse { Header = new() { Revision = 5 } };
                }

                if (key == "other")
                {
                    Interlocked.Increment(ref others);
                }

                return await HangAsync<RangeResponse>(call);
            };
        }

        // Whoever is asked first hangs, and is left long before the call's own time is over.
        var before = _time.GetUtcNow();
        var read = _client.RangeAsync("k", cancellation: Stop).AsTask();
        await AdvanceUntilAsync(read, perStepMs: 50);
        Assert.Equal(5, (await read).Header.Revision);
        Assert.True(_time.GetUtcNow() - before < TimeSpan.FromSeconds(8), "It was left late.");

        // Nothing goes there while it hangs, but what asks whether it still does.
        var bad = await hung.Task;
        for (var i = 0; i < 10; i++)
        {
            await _client.RangeAsync("other", cancellation: Stop);
        }

        Assert.Equal(0, Volatile.Read(ref others));
        bad.Range = (_, _) => new(new RangeResponse { Header = new() { Revision = 6 } });
        var returned = ReturnAsync();
        await AdvanceUntilAsync(returned);
        await returned;

        async Task ReturnAsync()
        {
            while ((await _client.RangeAsync("other", cancellation: Stop)).Header.Revision != 6)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(5), Stop);
            }
        }
    }

    [Fact]
    public async Task A_watch_leaves_a_member_that_has_lost_its_quorum()
    {
        await ConnectAsync(2);
        var start = _client.StartWatchAsync("k", cancellation: Stop).AsTask();
        var either = _members.Select(async member => (Member: member, Stream: await member.WatchAsync())).ToArray();
        var (bad, stream) = await await Task.WhenAny(either);
        await stream.CreateAsync(revision: 10);
        await using var watcher = await start;

        bad.Range = (_, _) => throw new RpcException(RpcStatusCode.Unavailable, "etcdserver: no leader");
        var next = either.Single(one => !one.IsCompleted || one.Result.Member != bad);
        await AdvanceUntilAsync(next);
        Assert.Equal(11, (await (await next).Stream.CreateAsync()).StartRevision);
    }

    [Fact]
    public async Task A_write_that_members_recognise_is_made_again_under_its_name()
    {
        await ConnectAsync(2);
        var names = new System.Collections.Concurrent.ConcurrentQueue<string?>();
        foreach (var member in _members)
        {
            member.RecognisesRequests = true;
            member.Put = (_, call) =>
            {
                names.Enqueue(call.Metadata("raftkv-request-id"));
                return names.Count == 1
                    ? throw new RpcException(RpcStatusCode.Unavailable, "etcdserver: request timed out")
                    : new(new PutResponse { Header = new() { Revision = 77 } });
            };
        }

        Assert.Equal(77, (await _client.PutAsync("k", "v", cancellation: Stop)).Revision);
        await _client.PutAsync("k", "v", cancellation: Stop);
        var seen = names.ToArray();
        Assert.Equal(seen[0], seen[1]);
        Assert.EndsWith("-1-1e", seen[0]!, StringComparison.Ordinal);
        Assert.EndsWith("-2-4d", seen[2]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_write_is_not_made_again_at_a_member_that_would_not_recognise_it()
    {
        await ConnectAsync(2);
        foreach (var member in _members)
        {
            member.RecognisesRequests = true;
            member.Put = (_, _) =>
            {
                _members.Single(other => other != member).RecognisesRequests = false;
                throw new RpcException(RpcStatusCode.Unavailable, "etcdserver: request timed out");
            };
        }

        await Assert.ThrowsAsync<OutcomeUnknownException>(async () => await _client.PutAsync("k", "v", cancellation: Stop));
        Assert.Equal(1, _members.Sum(member => member.Calls));
    }

    [Fact]
    public async Task A_first_write_goes_to_a_member_that_says_something()
    {
        await ConnectAsync(2);
        var hung = new TaskCompletionSource();
        _members[0].Gate = hung.Task;
        _members[0].Put = async (_, call) => await HangAsync<PutResponse>(call);
        _members[0].Range = async (_, call) => await HangAsync<RangeResponse>(call);
        var puts = 0;
        _members[1].Put = (_, _) =>
        {
            puts++;
            return new(new PutResponse { Header = new() });
        };
        for (var i = 0; i < 4; i++)
        {
            var put = _client.PutAsync("k", "v", cancellation: Stop).AsTask();
            await AdvanceUntilAsync(put);
            await put;
        }

        Assert.Equal(4, puts);
        hung.SetResult();
    }

    [Fact]
    public async Task A_name_that_may_be_forgotten_is_replaced_by_a_newer_one()
    {
        await ConnectAsync(1);
        var names = new List<string?>();
        _members[0].RecognisesRequests = true;
        _members[0].Range = (_, _) => new(new RangeResponse { Header = new() { Revision = 0x99 } });
        _members[0].Put = (_, call) =>
        {
            names.Add(call.Metadata("raftkv-request-id"));
            return names.Count == 1
                ? throw new RpcException(RpcStatusCode.FailedPrecondition, "raftkv: the request is older than what is remembered of requests")
                : new(new PutResponse { Header = new() { Revision = 0x9a } });
        };
        await _client.PutAsync("k", "v", cancellation: Stop);
        Assert.EndsWith("-1-1e", names[0]!, StringComparison.Ordinal);
        Assert.EndsWith("-2-99", names[1]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_token_is_renewed_however_often_the_call_was_made_before_that()
    {
        var tokens = new List<string?>();
        var member = await ScriptedMember.StartAsync(_time);
        _members.Add(member);
        member.Range = (request, call) =>
        {
            // The client has questions of its own while it waits.
            if (request.Key.ToStringUtf8() != "k")
            {
                return new(new RangeResponse { Header = new() });
            }

            tokens.Add(call.Metadata("token"));
            return tokens.Count switch
            {
                <= 4 => throw new RpcException(RpcStatusCode.Unavailable, "etcdserver: no leader"),
                5 => throw new RpcException(RpcStatusCode.Unauthenticated, "etcdserver: invalid auth token"),
                _ => new(new RangeResponse { Header = new() { Revision = 5 } }),
            };
        };
        _client = RaftKvClient.Connect(new RaftKvClientOptions
        {
            Endpoints = [member.Address],
            UserName = "root",
            Password = "secret",
            Time = _time,
            Chance = new Random(1),
        });
        var reading = _client.RangeAsync("k", cancellation: Stop).AsTask();
        await AdvanceUntilAsync(reading);
        Assert.Equal(5, (await reading).Header.Revision);
        Assert.Equal(["token-1", "token-1", "token-1", "token-1", "token-1", "token-2"], tokens);
    }

    private static async Task<T> HangAsync<T>(RpcServerCall call)
    {
        await Task.Delay(Timeout.InfiniteTimeSpan, call.CancellationToken);
        throw new InvalidOperationException("It has hung long enough.");
    }

    private async Task ConnectAsync(int members)
    {
        for (var i = 0; i < members; i++)
        {
            _members.Add(await ScriptedMember.StartAsync(_time));
        }

        _client = RaftKvClient.Connect(new RaftKvClientOptions
        {
            Endpoints = [.. _members.Select(member => member.Address)],
            Time = _time,
            Chance = new Random(1),
        });
    }

    private async Task AdvanceUntilAsync(Task happens, int perStepMs = 20)
    {
        while (!happens.IsCompleted)
        {
            _time.Advance(TimeSpan.FromMilliseconds(perStepMs));
            await Task.WhenAny(happens, Task.Delay(TimeSpan.FromMilliseconds(20), Stop));
        }
    }
}
