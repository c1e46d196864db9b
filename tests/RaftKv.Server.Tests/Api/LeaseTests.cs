using RaftKv.Protocol.Etcd;
using RaftKv.Raft;
using RaftKv.Rpc;
using RaftKv.Server.Api;
using RaftKv.Server.Replica;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Commands;

namespace RaftKv.Server.Tests.Api;

/// <summary>Leases over a real connection, by a clock that the test moves.</summary>
public sealed class LeaseTests : IAsyncLifetime
{
    private ApiHost _api = null!;

    public async ValueTask InitializeAsync() => _api = await ApiHost.StartAsync();

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    [Theory]
    [InlineData(-5, 2)]
    [InlineData(0, 2)]
    [InlineData(1, 2)]
    [InlineData(2, 2)]
    [InlineData(60, 60)]
    [InlineData(9_000_000_000, 9_000_000_000)]
    public async Task A_ttl_is_raised_to_the_minimum(long asked, long granted)
    {
        var response = await GrantAsync(asked, id: 5);

        Assert.Equal((5, granted, ""), (response.ID, response.TTL, response.Error));
        Assert.Equal(new ResponseHeader { ClusterId = 0xc1, MemberId = LoneMember.Id.Value, Revision = 1, RaftTerm = 3 }, response.Header);
    }

    [Fact]
    public async Task Grants_are_refused_in_their_words()
    {
        await GrantAsync(10, id: 5);

        Assert.Equal(
            new RpcStatus(RpcStatusCode.FailedPrecondition, "etcdserver: lease already exists"),
            await _api.RefusedAsync("Lease/LeaseGrant", new LeaseGrantRequest { ID = 5, TTL = 10 }));
        Assert.Equal(
            new RpcStatus(RpcStatusCode.OutOfRange, "etcdserver: too large lease TTL"),
            await _api.RefusedAsync("Lease/LeaseGrant", new LeaseGrantRequest { TTL = 9_000_000_001 }));
        _api.Member.Space = (0, new ApiOptions().QuotaBytes - 64);
        Assert.Equal(ApiErrors.NoSpace, await _api.RefusedAsync("Lease/LeaseGrant", new LeaseGrantRequest { TTL = 10 }));
    }

    [Fact]
    public async Task Ids_that_nobody_chose_are_positive_and_different()
    {
        var ids = new LeaseIds(new NodeId(0xffff), DateTimeOffset.UnixEpoch.AddMilliseconds(0x12_3456_789a));
        Assert.Equal(0x7fff_1234_5678_9a01, ids.Next());
        Assert.Equal(0x7fff_1234_5678_9a02, ids.Next());

        var first = await GrantAsync(10);
        var second = await GrantAsync(10);
        Assert.Equal(first.ID + 1, second.ID);
        Assert.Equal((long)(LoneMember.Id.Value & 0x7fff), first.ID >> 48);
    }

    [Fact]
    public async Task A_revoked_lease_takes_its_keys_along()
    {
        await GrantAsync(10, id: 5);
        await _api.PutAsync("a", lease: 5);
        await _api.PutAsync("b", lease: 5);

        var response = await _api.CallAsync<LeaseRevokeResponse>("Lease/LeaseRevoke", new LeaseRevokeRequest { ID = 5 });

        Assert.Equal(4, response.Header.Revision);
        Assert.Equal(0, (await _api.GetAsync("a")).Count);
        Assert.Equal(
            new RpcStatus(RpcStatusCode.NotFound, "etcdserver: requested lease not found"),
            await _api.RefusedAsync("Lease/LeaseRevoke", new LeaseRevokeRequest { ID = 5 }));
    }

    [Fact]
    public async Task A_stream_keeps_leases_alive_and_tells_of_those_that_are_gone()
    {
        await GrantAsync(10, id: 5);
        await using var stream = _api.Duplex<LeaseKeepAliveRequest, LeaseKeepAliveResponse>("Lease/LeaseKeepAlive");
        async Task<LeaseKeepAliveResponse> Renew(long id)
        {
            await stream.Requests.WriteAsync(new LeaseKeepAliveRequest { ID = id });
            Assert.True(await stream.Responses.ReadAsync());
            return stream.Responses.Latest();
        }

        _api.Time.Advance(TimeSpan.FromSeconds(8));
        Assert.Equal(2, (await TimeToLiveAsync(5)).TTL);
        var renewed = await Renew(5);
        Assert.Equal((5, 10), (renewed.ID, renewed.TTL));
        Assert.Equal(new ResponseHeader { ClusterId = 0xc1, MemberId = LoneMember.Id.Value, Revision = 1, RaftTerm = 3 }, renewed.Header);
        Assert.Equal(10, (await TimeToLiveAsync(5)).TTL);

        Assert.Equal((6, 0), ((await Renew(6)).ID, stream.Responses.Latest().TTL));
        Assert.Equal(10, (await Renew(5)).TTL);
        _api.Member.Refusal = RequestRefusal.NoLeader;
        await stream.Requests.WriteAsync(new LeaseKeepAliveRequest { ID = 5 });
        var ended = await Assert.ThrowsAsync<RpcException>(async () => await stream.Responses.ReadAsync());
        Assert.Equal(ApiErrors.NoLeader, ended.Status);
    }

    [Fact]
    public async Task A_keep_alive_stream_that_is_closed_ends_well()
    {
        await using var stream = _api.Duplex<LeaseKeepAliveRequest, LeaseKeepAliveResponse>("Lease/LeaseKeepAlive");
        await stream.Requests.CompleteAsync();

        Assert.False(await stream.Responses.ReadAsync());
        Assert.Equal(RpcStatus.Ok, stream.Responses.Status);
    }

    [Fact]
    public async Task The_time_to_live_counts_down_and_knows_the_keys()
    {
        await GrantAsync(10, id: 5);
        await _api.PutAsync("b", lease: 5);
        await _api.PutAsync("a", lease: 5);
        _api.Time.Advance(TimeSpan.FromSeconds(3));

        var known = await TimeToLiveAsync(5, keys: true);
        Assert.Equal((5, 7, 10, 3), (known.ID, known.TTL, known.GrantedTTL, known.Header.Revision));
        Assert.Equal(["a", "b"], known.Keys.Select(key => key.ToStringUtf8()));
        Assert.Empty((await TimeToLiveAsync(5)).Keys);

        var unknown = await TimeToLiveAsync(6, keys: true);
        Assert.Equal((6, -1, 0, 0), (unknown.ID, unknown.TTL, unknown.GrantedTTL, unknown.Keys.Count));
    }

    [Fact]
    public async Task Leases_are_listed()
    {
        await GrantAsync(10, id: 7);
        await GrantAsync(10, id: 5);

        var leases = await _api.CallAsync<LeaseLeasesResponse>("Lease/LeaseLeases", new LeaseLeasesRequest());

        Assert.Equal([5, 7], leases.Leases.Select(lease => lease.ID));
        Assert.Equal(1, leases.Header.Revision);
    }

    [Fact]
    public async Task A_corrupt_cluster_grants_and_revokes_nothing()
    {
        await GrantAsync(10, id: 5);
        _api.Member.Propose(new AlarmCommand(AlarmAction.Activate, LoneMember.Id, AlarmKind.Corrupt));

        Assert.Equal(ApiErrors.Of(StateError.Corrupt), await _api.RefusedAsync("Lease/LeaseGrant", new LeaseGrantRequest { TTL = 10 }));
        Assert.Equal(ApiErrors.Of(StateError.Corrupt), await _api.RefusedAsync("Lease/LeaseRevoke", new LeaseRevokeRequest { ID = 5 }));
    }

    private Task<LeaseGrantResponse> GrantAsync(long ttl, long id = 0)
        => _api.CallAsync<LeaseGrantResponse>("Lease/LeaseGrant", new LeaseGrantRequest { TTL = ttl, ID = id });

    private Task<LeaseTimeToLiveResponse> TimeToLiveAsync(long id, bool keys = false)
        => _api.CallAsync<LeaseTimeToLiveResponse>("Lease/LeaseTimeToLive", new LeaseTimeToLiveRequest { ID = id, Keys = keys });
}
