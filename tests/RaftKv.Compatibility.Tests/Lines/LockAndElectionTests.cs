using System.Globalization;
using Google.Protobuf;
using RaftKv.Compatibility.Tests.Stores;
using RaftKv.Differential.Sequences;
using RaftKv.Protocol.Election;
using RaftKv.Protocol.Etcd;
using RaftKv.Protocol.Lock;
using RaftKv.Rpc;
using RaftKv.Rpc.Client;
using RaftKv.Stores;

namespace RaftKv.Compatibility.Tests.Lines;

/// <summary>
/// Locks and elections call by call: keys, revisions and headers. Clients that do the same by themselves stand in the same
/// line, so all of it matters.
/// </summary>
public sealed class LockAndElectionTests(SharedStore stores) : IClassFixture<SharedStore>
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    // Every test has names and leases of its own.
    private static long _leases = 0x1000;

    public static TheoryData<StoreKind> Kinds => [StoreKind.Etcd, StoreKind.RaftKv];

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_lock_is_a_key_of_its_lease(StoreKind kind)
    {
        await using var client = await ConnectAsync(kind);
        var (name, lease) = ("lock-a", await GrantAsync(client));
        var before = await RevisionAsync(client);

        var locked = await CallAsync<LockResponse>(client, $"lock name=\"{name}\" lease={lease}");
        Assert.Equal(($"{name}/{lease:x}", before + 1), (locked.Key.ToStringUtf8(), locked.Header.Revision));
        var again = await CallAsync<LockResponse>(client, $"lock name=\"{name}\" lease={lease}");
        Assert.Equal((locked.Key, before + 1), (again.Key, again.Header.Revision));
        var key = (await CallAsync<RangeResponse>(client, $"range key=\"{name}/{lease:x}\"")).Kvs.Single();
        Assert.Equal((lease, 1, 0), (key.Lease, key.Version, key.Value.Length));

        Assert.Equal(before + 2, (await CallAsync<UnlockResponse>(client, $"unlock key=\"{name}/{lease:x}\"")).Header.Revision);
        Assert.Equal(before + 2, (await CallAsync<UnlockResponse>(client, $"unlock key=\"{name}/{lease:x}\"")).Header.Revision);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_lock_goes_from_hand_to_hand_in_order(StoreKind kind)
    {
        await using var client = await ConnectAsync(kind);
        var (name, first, second, third) = ("lock-b", await GrantAsync(client), await GrantAsync(client), await GrantAsync(client));
        var before = await RevisionAsync(client);
        await CallAsync<LockResponse>(client, $"lock name=\"{name}\" lease={third}");
        var waiting = await WaitAsync(client, $"lock name=\"{name}\" lease={second}", $"{name}/{second:x}");
        var last = await WaitAsync(client, $"lock name=\"{name}\" lease={first}", $"{name}/{first:x}");

        await CallAsync<UnlockResponse>(client, $"unlock key=\"{name}/{third:x}\"");
        Assert.Equal(before + 4, Message<LockResponse>(await waiting).Header.Revision);
        Assert.False(last.IsCompleted);
        await CallAsync<LeaseRevokeResponse>(client, $"revoke ID={second}");
        Assert.Equal(before + 5, Message<LockResponse>(await last).Header.Revision);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_session_that_ends_while_it_waits_for_a_lock_is_told(StoreKind kind)
    {
        await using var client = await ConnectAsync(kind);
        var (name, first, second) = ("lock-c", await GrantAsync(client), await GrantAsync(client));
        await CallAsync<LockResponse>(client, $"lock name=\"{name}\" lease={first}");
        var waiting = await WaitAsync(client, $"lock name=\"{name}\" lease={second}", $"{name}/{second:x}");

        await CallAsync<LeaseRevokeResponse>(client, $"revoke ID={second}");
        await CallAsync<LeaseRevokeResponse>(client, $"revoke ID={first}");

        // 3.4 does not look, and lets two have the lock.
        var told = (await waiting).Status;
        Assert.Equal(kind == StoreKind.Etcd ? RpcStatus.Ok : new RpcStatus(RpcStatusCode.Unknown, "mutex: session is expired"), told);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_client_that_gives_up_leaves_the_line(StoreKind kind)
    {
        await using var client = await ConnectAsync(kind);
        var (name, first, second) = ("lock-d", await GrantAsync(client), await GrantAsync(client));
        await CallAsync<LockResponse>(client, $"lock name=\"{name}\" lease={first}");
        await using var channel = new RpcChannel(new RpcChannelOptions { Addresses = [client.Address] });
        using var cancel = new CancellationTokenSource();
        var method = StoreMethods.Of("lock");
        var waiting = method.CallAsync(
            channel, new LockRequest { Name = ByteString.CopyFromUtf8(name), Lease = second }, new RpcCallOptions { CancellationToken = cancel.Token });
        await UntilThereAsync(client, $"{name}/{second:x}");

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        while ((await CallAsync<RangeResponse>(client, $"range key=\"{name}/{second:x}\"")).Count > 0)
        {
            await Task.Delay(Pause, TestContext.Current.CancellationToken);
        }

        Assert.Equal(1, (await CallAsync<RangeResponse>(client, $"range key=\"{name}/{first:x}\"")).Count);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Without_a_lease_a_lock_lives_for_a_minute(StoreKind kind)
    {
        await using var client = await ConnectAsync(kind);

        var locked = await CallAsync<LockResponse>(client, "lock name=\"lock-e\"");

        var key = (await CallAsync<RangeResponse>(client, $"range key=\"{locked.Key.ToStringUtf8()}\"")).Kvs.Single();
        Assert.Equal($"lock-e/{key.Lease:x}", locked.Key.ToStringUtf8());
        var lease = await CallAsync<LeaseTimeToLiveResponse>(client, $"timetolive ID={key.Lease}");
        Assert.Equal(60, lease.GrantedTTL);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Keys_of_odd_names_and_leases_are_the_same(StoreKind kind)
    {
        await using var client = await ConnectAsync(kind);
        await CallAsync<LeaseGrantResponse>(client, "grant ID=-5 TTL=100");

        Assert.Equal("lock-f/-5", (await CallAsync<LockResponse>(client, "lock name=\"lock-f\" lease=-5")).Key.ToStringUtf8());
        Assert.Equal("/-5", (await CallAsync<LockResponse>(client, "lock lease=-5")).Key.ToStringUtf8());
        await CallAsync<LeaseRevokeResponse>(client, "revoke ID=-5");
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Leaders_follow_one_another(StoreKind kind)
    {
        await using var client = await ConnectAsync(kind);
        var (name, first, second) = ("election-a", await GrantAsync(client), await GrantAsync(client));
        var before = await RevisionAsync(client);

        var won = await CallAsync<CampaignResponse>(client, $"campaign name=\"{name}\" lease={first} value=\"x\"");
        Assert.Equal(before + 1, won.Header.Revision);
        Assert.Equal(
            new LeaderKey { Name = Bytes(name), Key = Bytes($"{name}/{first:x}"), Rev = before + 1, Lease = first }, won.Leader);
        var waiting = await WaitAsync(client, $"campaign name=\"{name}\" lease={second} value=\"y\"", $"{name}/{second:x}");
        var leader = await CallAsync<LeaderResponse>(client, $"leader name=\"{name}\"");
        Assert.Equal(("x", before + 2), (leader.Kv.Value.ToStringUtf8(), leader.Header.Revision));

        Assert.Equal(before + 3, (await CallAsync<ResignResponse>(client, $"resign leader={KeyOf(won.Leader)}")).Header.Revision);
        var next = Message<CampaignResponse>(await waiting);
        Assert.Equal((before + 2, before + 2), (next.Header.Revision, next.Leader.Rev));
        Assert.Equal("y", (await CallAsync<LeaderResponse>(client, $"leader name=\"{name}\"")).Kv.Value.ToStringUtf8());

        // Not the leader any more: nothing happens, and that is no mistake.
        Assert.Equal(before + 3, (await CallAsync<ResignResponse>(client, $"resign leader={KeyOf(won.Leader)}")).Header.Revision);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Who_campaigns_again_proclaims_what_is_new(StoreKind kind)
    {
        await using var client = await ConnectAsync(kind);
        var (name, lease) = ("election-b", await GrantAsync(client));
        var before = await RevisionAsync(client);
        var first = await CallAsync<CampaignResponse>(client, $"campaign name=\"{name}\" lease={lease} value=\"x\"");

        Assert.Equal(first, await CallAsync<CampaignResponse>(client, $"campaign name=\"{name}\" lease={lease} value=\"x\""));
        Assert.Equal(first, await CallAsync<CampaignResponse>(client, $"campaign name=\"{name}\" lease={lease} value=\"y\""));
        var leader = (await CallAsync<LeaderResponse>(client, $"leader name=\"{name}\"")).Kv;
        Assert.Equal(
            ("y", before + 1, before + 2, lease), (leader.Value.ToStringUtf8(), leader.CreateRevision, leader.ModRevision, leader.Lease));

        var proclaimed = await CallAsync<ProclaimResponse>(client, $"proclaim leader={KeyOf(first.Leader)} value=\"z\"");
        Assert.Equal(before + 3, proclaimed.Header.Revision);
        first.Leader.Rev++;
        Assert.Equal(
            new RpcStatus(RpcStatusCode.Unknown, "election: not leader"),
            (await AskAsync(client, $"proclaim leader={KeyOf(first.Leader)} value=\"no\"")).Status);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_leader_that_names_no_lease_proclaims_for_a_minute(StoreKind kind)
    {
        await using var client = await ConnectAsync(kind);
        var (name, lease) = ("election-c", await GrantAsync(client));
        var won = await CallAsync<CampaignResponse>(client, $"campaign name=\"{name}\" lease={lease} value=\"x\"");
        won.Leader.Lease = 0;

        await CallAsync<ProclaimResponse>(client, $"proclaim leader={KeyOf(won.Leader)} value=\"y\"");

        var leader = (await CallAsync<LeaderResponse>(client, $"leader name=\"{name}\"")).Kv;
        Assert.NotEqual(lease, leader.Lease);
        Assert.Equal(60, (await CallAsync<LeaseTimeToLiveResponse>(client, $"timetolive ID={leader.Lease}")).GrantedTTL);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task An_observer_is_told_of_every_leader(StoreKind kind)
    {
        await using var client = await ConnectAsync(kind);
        var (name, first, second) = ("election-d", await GrantAsync(client), await GrantAsync(client));
        var before = await RevisionAsync(client);
        await using var channel = new RpcChannel(new RpcChannelOptions { Addresses = [client.Address] });
        await using var observing = channel.ServerStreaming(
            StoreMethods.Observe, new LeaderRequest { Name = Bytes(name) }, new RpcCallOptions { CancellationToken = TestContext.Current.CancellationToken });
        await using var told = observing.Responses.GetAsyncEnumerator(TestContext.Current.CancellationToken);

        var won = await CallAsync<CampaignResponse>(client, $"campaign name=\"{name}\" lease={first} value=\"x\"");
        Assert.Equal(("x", before + 1, before + 1), await NextAsync());
        var waiting = await WaitAsync(client, $"campaign name=\"{name}\" lease={second} value=\"y\"", $"{name}/{second:x}");
        await CallAsync<ProclaimResponse>(client, $"proclaim leader={KeyOf(won.Leader)} value=\"x2\"");
        Assert.Equal(("x2", before + 3, before + 3), await NextAsync());

        await CallAsync<ResignResponse>(client, $"resign leader={KeyOf(won.Leader)}");
        Assert.Equal(("y", before + 2, before + 4), await NextAsync());
        await waiting;

        async Task<(string Value, long Modified, long Revision)> NextAsync()
        {
            Assert.True(await told.MoveNextAsync());
            return (told.Current.Kv.Value.ToStringUtf8(), told.Current.Kv.ModRevision, told.Current.Header.Revision);
        }
    }

    private async Task<StoreClient> ConnectAsync(StoreKind kind) => new((await stores.OrSkipAsync(kind)).Members[0].Client);

    private static ByteString Bytes(string text) => ByteString.CopyFromUtf8(text);

    private static string KeyOf(LeaderKey leader)
        => string.Create(
            CultureInfo.InvariantCulture,
            $"{{name=\"{leader.Name.ToStringUtf8()}\" key=\"{leader.Key.ToStringUtf8()}\" rev={leader.Rev} lease={leader.Lease}}}");

    private static async Task<long> GrantAsync(StoreClient client)
    {
        var lease = Interlocked.Increment(ref _leases);
        await CallAsync<LeaseGrantResponse>(client, string.Create(CultureInfo.InvariantCulture, $"grant ID={lease} TTL=600"));
        return lease;
    }

    private static async Task<long> RevisionAsync(StoreClient client)
        => (await CallAsync<RangeResponse>(client, "range key=\"k\"")).Header.Revision;

    private static Task<Answer> AskAsync(StoreClient client, string call)
    {
        var operation = Operation.Parse(call);
        return client.CallAsync(operation.Verb, operation.Request);
    }

    private static T Message<T>(Answer answer)
        where T : class, IMessage
    {
        Assert.True(answer.IsOk, answer.Status.ToString());
        return Assert.IsType<T>(answer.Message);
    }

    private static async Task<T> CallAsync<T>(StoreClient client, string call)
        where T : class, IMessage
        => Message<T>(await AskAsync(client, call));

    private static async Task<Task<Answer>> WaitAsync(StoreClient client, string call, string key)
    {
        var waiting = AskAsync(client, call);
        await UntilThereAsync(client, key);
        return waiting;
    }

    private static async Task UntilThereAsync(StoreClient client, string key)
    {
        while ((await CallAsync<RangeResponse>(client, $"range key=\"{key}\"")).Count == 0)
        {
            await Task.Delay(Pause, TestContext.Current.CancellationToken);
        }
    }
}
