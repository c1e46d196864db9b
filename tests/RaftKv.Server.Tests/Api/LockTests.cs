using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Protocol.Lock;
using RaftKv.Rpc;
using RaftKv.Server.Api;
using RaftKv.Server.Replica;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Commands;
using RaftKv.Storage.Watch;
using static RaftKv.Server.Tests.Api.ApiHost;

namespace RaftKv.Server.Tests.Api;

/// <summary>Locks over a real connection.</summary>
public sealed class LockTests : IAsyncLifetime
{
    private ApiHost _api = null!;

    public async ValueTask InitializeAsync() => _api = await ApiHost.StartAsync();

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    [Fact]
    public async Task The_first_to_come_has_the_lock()
    {
        await GrantAsync(0x1f);

        var locked = await LockAsync(0x1f);

        Assert.Equal(new LockResponse { Header = Header(2), Key = Bytes("n/1f") }, locked);
        var key = Assert.Single((await _api.GetAsync("n/1f")).Kvs);
        Assert.Equal((0x1f, 0), (key.Lease, key.Value.Length));
    }

    [Fact]
    public async Task The_same_lease_locks_again_at_once()
    {
        await GrantAsync(1);
        await LockAsync(1);
        await _api.PutAsync("other");

        Assert.Equal(new LockResponse { Header = Header(3), Key = Bytes("n/1") }, await LockAsync(1));
        await UnlockAsync("n/1");
        Assert.Empty((await _api.GetAsync("n/1")).Kvs);
    }

    [Fact]
    public async Task The_lock_goes_to_those_who_wait_in_the_order_in_which_they_came()
    {
        await LockAsync(await GrantAsync(3));
        var second = await WaitAsync(2, waiting: 1);
        var third = await WaitAsync(1, waiting: 2);

        await UnlockAsync("n/3");
        Assert.Equal(new LockResponse { Header = Header(5), Key = Bytes("n/2") }, await second);
        Assert.False(third.IsCompleted);
        await UnlockAsync("n/2");
        Assert.Equal("n/1", (await third).Key.ToStringUtf8());
    }

    [Fact]
    public async Task Whoever_gives_up_in_the_middle_of_the_line_lets_nobody_pass()
    {
        await LockAsync(await GrantAsync(1));
        var second = await WaitAsync(2, waiting: 1);
        var third = await WaitAsync(3, waiting: 2);

        await _api.CallAsync<DeleteRangeResponse>("KV/DeleteRange", new DeleteRangeRequest { Key = Bytes("n/2") });
        await UntilAsync(() => _api.Member.Watches.WatcherCount == 2 && _api.Member.QuorumWaits >= 3);
        Assert.False(third.IsCompleted);
        await UnlockAsync("n/1");

        Assert.Equal("n/3", (await third).Key.ToStringUtf8());
        Assert.Equal(ApiErrors.SessionExpired, await RefusedAsync(second));
    }

    [Fact]
    public async Task A_session_that_ends_while_it_waits_has_no_lock()
    {
        await LockAsync(await GrantAsync(1));
        var waiting = await WaitAsync(2, waiting: 1);
        await _api.CallAsync<LeaseRevokeResponse>("Lease/LeaseRevoke", new LeaseRevokeRequest { ID = 2 });

        await UnlockAsync("n/1");

        Assert.Equal(new RpcStatus(RpcStatusCode.Unknown, "mutex: session is expired"), await RefusedAsync(waiting));
    }

    [Fact]
    public async Task A_place_that_was_lost_is_not_mistaken_for_a_later_one_of_the_same_lease()
    {
        await LockAsync(await GrantAsync(1));
        var lost = await WaitAsync(2, waiting: 1);
        var next = await WaitAsync(3, waiting: 2);
        await _api.CallAsync<DeleteRangeResponse>("KV/DeleteRange", new DeleteRangeRequest { Key = Bytes("n/2") });
        var again = LockAsync(2);
        await UntilAsync(async () => (await _api.GetAsync("n/2")).Count == 1);

        await UnlockAsync("n/1");

        Assert.Equal("n/3", (await next).Key.ToStringUtf8());
        Assert.Equal(ApiErrors.SessionExpired, await RefusedAsync(lost));
        Assert.False(again.IsCompleted);
        await UnlockAsync("n/3");
        await again;
    }

    [Fact]
    public async Task A_client_that_gives_up_leaves_the_line()
    {
        await LockAsync(await GrantAsync(1));
        using var cancel = new CancellationTokenSource();
        await GrantAsync(2);
        var waiting = CallAsync(new LockRequest { Name = Bytes("n"), Lease = 2 }, new() { CancellationToken = cancel.Token });
        await UntilAsync(() => _api.Member.Watches.WatcherCount == 1);
        var third = await WaitAsync(3, waiting: 2);

        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<Exception>(() => waiting);

        await UntilAsync(async () => (await _api.GetAsync("n/2")).Count == 0);
        Assert.Equal(1, (await _api.GetAsync("n/1")).Count);
        await UnlockAsync("n/1");
        Assert.Equal("n/3", (await third).Key.ToStringUtf8());
    }

    [Fact]
    public async Task A_client_whose_deadline_passes_leaves_the_line_and_is_told()
    {
        await LockAsync(await GrantAsync(1));
        await GrantAsync(2);

        var refused = await Assert.ThrowsAsync<RpcException>(() => CallAsync(
            new LockRequest { Name = Bytes("n"), Lease = 2 },
            new() { Timeout = TimeSpan.FromMilliseconds(300), CancellationToken = TestContext.Current.CancellationToken }));

        Assert.Equal(RpcStatusCode.DeadlineExceeded, refused.Status.Code);
        await UntilAsync(async () => (await _api.GetAsync("n/2")).Count == 0);
    }

    [Fact]
    public async Task A_member_that_stops_tells_those_who_wait_and_keeps_their_places()
    {
        await LockAsync(await GrantAsync(1));
        var waiting = await WaitAsync(2, waiting: 1);

        var stopping = _api.StopAsync();

        Assert.Equal(RpcStatusCode.Unavailable, (await RefusedAsync(waiting)).Code);
        using var view = _api.Member.OpenView();
        Assert.True(view.Keys.TryFind("n/2"u8, long.MaxValue, out _));
        await stopping;
    }

    [Fact]
    public async Task Without_a_lease_there_is_one_for_a_minute()
    {
        var locked = await LockAsync(0);

        var lease = Assert.Single(await _api.Member.GetLeasesAsync(TestContext.Current.CancellationToken));
        Assert.Equal($"n/{lease:x}", locked.Key.ToStringUtf8());
        Assert.Equal(60, (await _api.Member.GetLeaseTimeAsync(lease, wantsKeys: false, TestContext.Current.CancellationToken))!.Granted);
    }

    [Theory]
    [InlineData(-5, "n/-5")]
    [InlineData(long.MinValue, "n/-8000000000000000")]
    [InlineData(long.MaxValue, "n/7fffffffffffffff")]
    public async Task Keys_are_named_as_other_clients_name_them(long lease, string key)
    {
        await GrantAsync(lease);

        Assert.Equal(key, (await LockAsync(lease)).Key.ToStringUtf8());
    }

    [Fact]
    public async Task Names_may_be_any_bytes_and_are_not_mixed_up()
    {
        await GrantAsync(1);
        await GrantAsync(2);
        await LockAsync(1, "a");

        Assert.Equal("/2", (await LockAsync(2, "")).Key.ToStringUtf8());
        Assert.Equal(Bytes("\u00ff\u0000/2"), (await LockAsync(2, "\u00ff\u0000")).Key);
        Assert.Equal("a/b/2", (await LockAsync(2, "a/b")).Key.ToStringUtf8());
        Assert.Equal("ab/2", (await LockAsync(2, "ab")).Key.ToStringUtf8());
    }

    [Fact]
    public async Task What_is_refused_below_loses_its_code()
    {
        Assert.Equal(Unknown("etcdserver: requested lease not found"), await RefusedAsync(LockAsync(99)));
        Assert.Equal(Unknown("etcdserver: key is not provided"), await _api.RefusedAsync("Lock/Unlock", new UnlockRequest()));
        Assert.Equal(
            Unknown("etcdserver: request is too large"),
            await RefusedAsync(LockAsync(await GrantAsync(1), new string('x', new ApiOptions().MaxRequestBytes))));
        _api.Member.Refusal = RequestRefusal.NoLeader;
        Assert.Equal(Unknown("etcdserver: no leader"), await RefusedAsync(LockAsync(1)));
        Assert.Equal(Unknown("etcdserver: no leader"), await _api.RefusedAsync("Lock/Unlock", new UnlockRequest { Key = Bytes("k") }));
        _api.Member.Refusal = null;
        _api.Member.Space = (0, new ApiOptions().QuotaBytes);
        Assert.Equal(Unknown("etcdserver: mvcc: database space exceeded"), await RefusedAsync(LockAsync(0)));
    }

    [Fact]
    public async Task Unlocking_what_is_not_locked_is_no_mistake()
    {
        var unlocked = await _api.CallAsync<UnlockResponse>("Lock/Unlock", new UnlockRequest { Key = Bytes("n/1") });

        Assert.Equal(new UnlockResponse { Header = Header(1) }, unlocked);
    }

    [Fact]
    public async Task The_lock_is_taken_in_the_name_of_the_caller()
    {
        await using var api = await ApiHost.StartAsync(callers: new NamedCallers());
        api.Member.Propose(new UserAddCommand(Caller.Nobody, "root", default, HasNoPassword: true));
        api.Member.Propose(new UserAddCommand(Caller.Nobody, "u", default, HasNoPassword: true));
        api.Member.Propose(new UserGrantRoleCommand(Caller.Nobody, "root", "root"));
        api.Member.Propose(default(AuthEnableCommand));
        var request = new LockRequest { Name = Bytes("n") };

        Assert.Equal(Unknown("etcdserver: user name is empty"), await api.RefusedAsync("Lock/Lock", request));
        Assert.Equal(Unknown("etcdserver: permission denied"), await api.RefusedAsync("Lock/Lock", request, ("token", "u")));
        await api.CallAsync<LockResponse>("Lock/Lock", request, ("token", "root"));
    }

    [Fact]
    public async Task A_watcher_that_compaction_overtook_says_so()
    {
        for (var i = 0; i < 20; i++)
        {
            await _api.PutAsync("k");
        }

        await _api.CallAsync<CompactionResponse>("KV/Compact", new CompactionRequest { Revision = 20 });
        using var watch = new InnerWatch(_api.Member, new WatchCreate("k"u8.ToArray(), default) { StartRevision = 5 });

        Assert.Null(await watch.NextAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Many_take_turns_and_never_two_at_once()
    {
        const int Clients = 8;
        var holders = 0;
        var most = 0;
        async Task TakeTurnsAsync(long lease)
        {
            for (var i = 0; i < 10; i++)
            {
                var locked = await LockAsync(lease);
                most = Math.Max(most, Interlocked.Increment(ref holders));
                await Task.Yield();
                Interlocked.Decrement(ref holders);
                await UnlockAsync(locked.Key.ToStringUtf8());
            }
        }

        for (var lease = 1; lease <= Clients; lease++)
        {
            await GrantAsync(lease);
        }

        await Task.WhenAll(Enumerable.Range(1, Clients).Select(lease => TakeTurnsAsync(lease)));

        Assert.Equal(1, most);
        await UntilAsync(() => _api.Member.Watches.StreamCount == 0);
    }

    private static ResponseHeader Header(long revision)
        => new() { ClusterId = 0xc1, MemberId = LoneMember.Id.Value, Revision = revision, RaftTerm = 3 };

    private static RpcStatus Unknown(string text) => new(RpcStatusCode.Unknown, text);

    private static async Task<RpcStatus> RefusedAsync(Task call) => (await Assert.ThrowsAsync<RpcException>(() => call)).Status;

    private static Task UntilAsync(Func<bool> isSo) => UntilAsync(() => Task.FromResult(isSo()));

    private static async Task UntilAsync(Func<Task<bool>> isSo)
    {
        while (!await isSo())
        {
            await Task.Delay(5, TestContext.Current.CancellationToken);
        }
    }

    private async Task<long> GrantAsync(long lease)
        => (await _api.CallAsync<LeaseGrantResponse>("Lease/LeaseGrant", new LeaseGrantRequest { ID = lease, TTL = 100 })).ID;

    private Task<LockResponse> LockAsync(long lease, string name = "n")
        => _api.CallAsync<LockResponse>("Lock/Lock", new LockRequest { Name = Bytes(name), Lease = lease });

    private Task<UnlockResponse> UnlockAsync(string key) => _api.CallAsync<UnlockResponse>("Lock/Unlock", new UnlockRequest { Key = Bytes(key) });

    private async Task<Task<LockResponse>> WaitAsync(long lease, int waiting)
    {
        await GrantAsync(lease);
        var call = LockAsync(lease);
        await UntilAsync(() => _api.Member.Watches.WatcherCount == waiting);
        return call;
    }

    private async Task CallAsync(LockRequest request, Rpc.Client.RpcCallOptions options)
        => await _api.Channel.UnaryAsync(
            RpcMethod.OfBytes(V3LockReflection.Descriptor.Services[0].FindMethodByName("Lock")),
            new System.Buffers.ReadOnlySequence<byte>(request.ToByteArray()),
            options);
}
