using RaftKv.Protocol.Election;
using RaftKv.Protocol.Etcd;
using RaftKv.Protocol.Mvcc;
using RaftKv.Rpc;
using RaftKv.Rpc.Client;
using RaftKv.Server.Replica;
using static RaftKv.Server.Tests.Api.ApiHost;

namespace RaftKv.Server.Tests.Api;

/// <summary>Elections over a real connection.</summary>
public sealed class ElectionTests : IAsyncLifetime
{
    private ApiHost _api = null!;

    public async ValueTask InitializeAsync() => _api = await ApiHost.StartAsync();

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    [Fact]
    public async Task The_first_candidate_leads()
    {
        await GrantAsync(0x1f);

        var won = await CampaignAsync(0x1f, "me");

        var leader = new LeaderKey { Name = Bytes("e"), Key = Bytes("e/1f"), Rev = 2, Lease = 0x1f };
        Assert.Equal(new CampaignResponse { Header = Header(2), Leader = leader }, won);
        var kv = new KeyValue { Key = Bytes("e/1f"), Value = Bytes("me"), CreateRevision = 2, ModRevision = 2, Version = 1, Lease = 0x1f };
        Assert.Equal(new LeaderResponse { Header = Header(2), Kv = kv }, await LeaderAsync());
    }

    [Fact]
    public async Task The_next_candidate_leads_when_the_leader_resigns()
    {
        var first = await CampaignAsync(await GrantAsync(1), "a");
        var second = await WaitAsync(2, "b", waiting: 1);
        Assert.Equal("a", (await LeaderAsync()).Kv.Value.ToStringUtf8());

        var resigned = await _api.CallAsync<ResignResponse>("Election/Resign", new ResignRequest { Leader = first.Leader });

        Assert.Equal(new ResignResponse { Header = Header(4) }, resigned);
        var won = await second;
        Assert.Equal(
            new CampaignResponse { Header = Header(3), Leader = new LeaderKey { Name = Bytes("e"), Key = Bytes("e/2"), Rev = 3, Lease = 2 } }, won);
        Assert.Equal("b", (await LeaderAsync()).Kv.Value.ToStringUtf8());
    }

    [Fact]
    public async Task A_leader_whose_session_ends_is_followed()
    {
        await CampaignAsync(await GrantAsync(1), "a");
        var second = await WaitAsync(2, "b", waiting: 1);

        await _api.CallAsync<LeaseRevokeResponse>("Lease/LeaseRevoke", new LeaseRevokeRequest { ID = 1 });

        Assert.Equal(2, (await second).Leader.Lease);
    }

    [Fact]
    public async Task A_candidate_whose_session_ended_while_it_waited_does_not_lead()
    {
        var first = await CampaignAsync(await GrantAsync(1), "a");
        var second = await WaitAsync(2, "b", waiting: 1);
        await _api.CallAsync<LeaseRevokeResponse>("Lease/LeaseRevoke", new LeaseRevokeRequest { ID = 2 });

        await _api.CallAsync<ResignResponse>("Election/Resign", new ResignRequest { Leader = first.Leader });

        Assert.Equal(Unknown("election: not leader"), await RefusedAsync(second));
    }

    [Fact]
    public async Task Who_campaigns_again_proclaims_what_is_new()
    {
        await GrantAsync(1);
        var first = await CampaignAsync(1, "a");

        Assert.Equal(first, await CampaignAsync(1, "a"));
        var again = await CampaignAsync(1, "b");

        // The header is that of taking the place, before it was proclaimed.
        Assert.Equal(first, again);
        var leader = (await LeaderAsync()).Kv;
        Assert.Equal(("b", 2, 3, 1), (leader.Value.ToStringUtf8(), leader.CreateRevision, leader.ModRevision, leader.Lease));
    }

    [Fact]
    public async Task A_candidate_that_gives_up_leaves_the_line()
    {
        await CampaignAsync(await GrantAsync(1), "a");
        await GrantAsync(2);

        var refused = await Assert.ThrowsAsync<RpcException>(() => CallAsync(
            new CampaignRequest { Name = Bytes("e"), Lease = 2 },
            new() { Timeout = TimeSpan.FromMilliseconds(300), CancellationToken = TestContext.Current.CancellationToken }));

        Assert.Equal(RpcStatusCode.DeadlineExceeded, refused.Status.Code);
        await UntilAsync(async () => (await _api.GetAsync("e/2")).Count == 0);
        Assert.Equal(1, (await _api.GetAsync("e/1")).Count);
    }

    [Fact]
    public async Task A_leader_proclaims_and_nobody_else_does()
    {
        var leader = (await CampaignAsync(await GrantAsync(1), "a")).Leader;

        var proclaimed = await _api.CallAsync<ProclaimResponse>("Election/Proclaim", new ProclaimRequest { Leader = leader, Value = Bytes("b") });

        Assert.Equal(new ProclaimResponse { Header = Header(3) }, proclaimed);
        var kv = (await LeaderAsync()).Kv;
        Assert.Equal(("b", 1), (kv.Value.ToStringUtf8(), kv.Lease));
        leader.Rev = 3;
        Assert.Equal(
            Unknown("election: not leader"),
            await _api.RefusedAsync("Election/Proclaim", new ProclaimRequest { Leader = leader, Value = Bytes("c") }));
    }

    [Fact]
    public async Task A_leader_that_names_no_lease_proclaims_for_a_minute()
    {
        var leader = (await CampaignAsync(await GrantAsync(1), "a")).Leader;
        leader.Lease = 0;

        await _api.CallAsync<ProclaimResponse>("Election/Proclaim", new ProclaimRequest { Leader = leader, Value = Bytes("b") });

        var lease = (await LeaderAsync()).Kv.Lease;
        Assert.NotEqual(1, lease);
        Assert.Equal(60, (await _api.Member.GetLeaseTimeAsync(lease, wantsKeys: false, TestContext.Current.CancellationToken))!.Granted);
    }

    [Fact]
    public async Task Resigning_from_what_one_does_not_lead_changes_nothing()
    {
        var leader = (await CampaignAsync(await GrantAsync(1), "a")).Leader;
        leader.Rev++;

        Assert.Equal(
            new ResignResponse { Header = Header(2) },
            await _api.CallAsync<ResignResponse>("Election/Resign", new ResignRequest { Leader = leader }));
        Assert.Equal("a", (await LeaderAsync()).Kv.Value.ToStringUtf8());
    }

    [Fact]
    public async Task What_is_wrong_is_said_in_etcds_words_without_a_code()
    {
        Assert.Equal(Unknown("election: no leader"), await _api.RefusedAsync("Election/Leader", new LeaderRequest { Name = Bytes("e") }));
        Assert.Equal(Unknown("\"leader\" field must be provided"), await _api.RefusedAsync("Election/Resign", new ResignRequest()));
        Assert.Equal(Unknown("\"leader\" field must be provided"), await _api.RefusedAsync("Election/Proclaim", new ProclaimRequest()));
        Assert.Equal(
            Unknown("etcdserver: key is not provided"), await _api.RefusedAsync("Election/Resign", new ResignRequest { Leader = new LeaderKey() }));
        Assert.Equal(Unknown("etcdserver: requested lease not found"), await RefusedAsync(CampaignAsync(99, "x")));
        _api.Member.Refusal = RequestRefusal.TimedOut;
        Assert.Equal(Unknown("etcdserver: request timed out"), await _api.RefusedAsync("Election/Leader", new LeaderRequest { Name = Bytes("e") }));
        await using var observed = Observe();
        Assert.Equal(
            Unknown("etcdserver: request timed out"),
            (await Assert.ThrowsAsync<RpcException>(async () => await observed.Responses.ReadAsync())).Status);
    }

    [Fact]
    public async Task An_observer_is_told_of_the_leader_and_of_what_it_proclaims()
    {
        var leader = (await CampaignAsync(await GrantAsync(1), "a")).Leader;
        await using var observed = Observe();
        Assert.Equal(("a", 2, 2), await NextAsync(observed));

        await _api.CallAsync<ProclaimResponse>("Election/Proclaim", new ProclaimRequest { Leader = leader, Value = Bytes("b") });
        Assert.Equal(("b", 3, 3), await NextAsync(observed));
        await _api.PutAsync("e/other", "c");
        await _api.PutAsync("e/1", "d");
        Assert.Equal(("d", 5, 5), await NextAsync(observed));
    }

    [Fact]
    public async Task An_observer_waits_for_somebody_to_lead()
    {
        await using var observed = Observe();
        await UntilAsync(() => _api.Member.Watches.WatcherCount == 1);

        await CampaignAsync(await GrantAsync(1), "a");

        Assert.Equal(("a", 2, 2), await NextAsync(observed));
    }

    [Fact]
    public async Task An_observer_is_told_of_a_follower_that_is_older_than_what_the_leader_said_last()
    {
        var leader = (await CampaignAsync(await GrantAsync(1), "a")).Leader;
        var second = await WaitAsync(2, "b", waiting: 1);
        await _api.CallAsync<ProclaimResponse>("Election/Proclaim", new ProclaimRequest { Leader = leader, Value = Bytes("a2") });
        await using var observed = Observe();
        Assert.Equal(("a2", 4, 4), await NextAsync(observed));

        await _api.CallAsync<ResignResponse>("Election/Resign", new ResignRequest { Leader = leader });

        Assert.Equal(("b", 3, 5), await NextAsync(observed));
        await second;
    }

    [Fact]
    public async Task An_observer_that_leaves_leaves_no_watcher()
    {
        await CampaignAsync(await GrantAsync(1), "a");
        await using (var observed = Observe())
        {
            await NextAsync(observed);
            await UntilAsync(() => _api.Member.Watches.StreamCount == 1);
        }

        await UntilAsync(() => _api.Member.Watches.StreamCount == 0);
    }

    private static ResponseHeader Header(long revision)
        => new() { ClusterId = 0xc1, MemberId = LoneMember.Id.Value, Revision = revision, RaftTerm = 3 };

    private static RpcStatus Unknown(string text) => new(RpcStatusCode.Unknown, text);

    private static async Task<RpcStatus> RefusedAsync(Task call) => (await Assert.ThrowsAsync<RpcException>(() => call)).Status;

    private static async Task<(string Value, long Modified, long Revision)> NextAsync(RpcServerStreamingCall<LeaderResponse> observed)
    {
        Assert.True(await observed.Responses.ReadAsync());
        var latest = observed.Responses.Latest();
        return (latest.Kv.Value.ToStringUtf8(), latest.Kv.ModRevision, latest.Header.Revision);
    }

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

    private Task<CampaignResponse> CampaignAsync(long lease, string value)
        => _api.CallAsync<CampaignResponse>("Election/Campaign", new CampaignRequest { Name = Bytes("e"), Lease = lease, Value = Bytes(value) });

    private Task<LeaderResponse> LeaderAsync() => _api.CallAsync<LeaderResponse>("Election/Leader", new LeaderRequest { Name = Bytes("e") });

    private RpcServerStreamingCall<LeaderResponse> Observe()
        => _api.Stream<LeaderRequest, LeaderResponse>("Election/Observe", new LeaderRequest { Name = Bytes("e") });

    private async Task<Task<CampaignResponse>> WaitAsync(long lease, string value, int waiting)
    {
        await GrantAsync(lease);
        var call = CampaignAsync(lease, value);
        await UntilAsync(() => _api.Member.Watches.WatcherCount == waiting);
        return call;
    }

    private async Task CallAsync(CampaignRequest request, RpcCallOptions options)
        => await _api.Channel.UnaryAsync(
            RpcMethod.OfBytes(V3ElectionReflection.Descriptor.Services[0].FindMethodByName("Campaign")),
            new System.Buffers.ReadOnlySequence<byte>(Google.Protobuf.MessageExtensions.ToByteArray(request)),
            options);
}
