using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Server.Api;
using RaftKv.Server.Replica;
using RaftKv.Storage.State;

namespace RaftKv.Server.Tests.Api;

/// <summary>Members of a cluster, by the service that changes who they are.</summary>
public sealed class ClusterTests : IAsyncLifetime
{
    private ApiHost _api = null!;

    public async ValueTask InitializeAsync() => _api = await ApiHost.StartAsync();

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    [Fact]
    public async Task The_members_are_listed_by_id_and_the_header_has_no_revision()
    {
        await AddAsync("http://10.0.0.2:2380");
        await AddAsync("http://10.0.0.3:2380");

        var list = await ListAsync();

        Assert.Equal(new ResponseHeader { ClusterId = 0xc1, MemberId = LoneMember.Id.Value, RaftTerm = 3 }, list.Header);
        Assert.Equal(3, list.Members.Count);
        Assert.Equal(list.Members.Select(member => member.ID).Order(), list.Members.Select(member => member.ID));
        var self = list.Members.Single(member => member.ID == LoneMember.Id.Value);
        Assert.Equal(("lone", "http://localhost:2380", "http://localhost:2379"), (self.Name, Assert.Single(self.PeerURLs), Assert.Single(self.ClientURLs)));
        Assert.All(
            list.Members.Where(member => member.ID != LoneMember.Id.Value),
            member => Assert.Equal(("", 0, false), (member.Name, member.ClientURLs.Count, member.IsLearner)));
    }

    [Theory]
    [InlineData(true, 1)]
    [InlineData(false, 0)]
    public async Task A_linearizable_list_waits_for_the_others(bool isLinearizable, int waits)
    {
        await _api.CallAsync<MemberListResponse>("Cluster/MemberList", new MemberListRequest { Linearizable = isLinearizable });

        Assert.Equal(waits, _api.Member.QuorumWaits);
    }

    [Fact]
    public async Task A_new_member_gets_the_id_that_its_urls_and_the_time_make()
    {
        var response = await _api.CallAsync<MemberAddResponse>(
            "Cluster/MemberAdd", new MemberAddRequest { PeerURLs = { " http://b:1 ", "HTTP://a:1" } });

        var expected = ClusterIdentity.OfAddedMember(["http://a:1", "http://b:1"], _api.Time.GetUtcNow().ToUnixTimeSeconds());
        var member = new Protocol.Etcd.Member { ID = expected.Value, PeerURLs = { "http://a:1", "http://b:1" } };
        Assert.Equal(member, response.Member);
        Assert.Contains(member, response.Members);
        Assert.Equal(2, response.Members.Count);
        Assert.Equal(0, response.Header.Revision);
    }

    [Theory]
    [InlineData]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("localhost:2380")]
    [InlineData("//localhost:2380")]
    [InlineData("://localhost:2380")]
    [InlineData("ftp://localhost:2380")]
    [InlineData("http://localhost")]
    [InlineData("http://localhost:port")]
    [InlineData("http://localhost:-1")]
    [InlineData("http://localhost:2380/")]
    [InlineData("http://localhost:2380/path")]
    [InlineData("http://local host:2380")]
    [InlineData("http://localhost:2380\n:1")]
    [InlineData("http://::1:2380")]
    [InlineData("http://[::1]")]
    [InlineData("http://%zz:1")]
    [InlineData("http://localhost:2380", "")]
    [InlineData("http://localhost:2380", "http://other")]
    public async Task Urls_that_are_none_are_refused(params string[] urls)
        => Assert.Equal(
            new RpcStatus(RpcStatusCode.InvalidArgument, "etcdserver: given member URLs are invalid"),
            await _api.RefusedAsync("Cluster/MemberAdd", new MemberAddRequest { PeerURLs = { urls } }));

    [Theory]
    [InlineData("http://10.0.0.2:2380")]
    [InlineData("https://10.0.0.2:2380")]
    [InlineData("unix://localhost:2380")]
    [InlineData("unixs://localhost:2380")]
    [InlineData("http://[::1]:2380")]
    [InlineData("http://:2380")]
    [InlineData("http://example.com:")]
    [InlineData("http://under_score:65535")]
    public async Task Urls_with_a_host_and_a_port_are_taken(string url)
        => Assert.Equal([url], (await AddAsync(url)).Member.PeerURLs);

    [Fact]
    public async Task A_member_is_not_added_twice()
    {
        await AddAsync("http://a:1");

        Assert.Equal(
            new RpcStatus(RpcStatusCode.FailedPrecondition, "etcdserver: member ID already exist"),
            await _api.RefusedAsync("Cluster/MemberAdd", new MemberAddRequest { PeerURLs = { "http://a:1" } }));

        // A second later it would be another member, but the address is taken.
        _api.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(
            new RpcStatus(RpcStatusCode.FailedPrecondition, "etcdserver: Peer URLs already exists"),
            await _api.RefusedAsync("Cluster/MemberAdd", new MemberAddRequest { PeerURLs = { "http://a:1", "http://b:1" } }));
    }

    [Fact]
    public async Task There_is_one_learner_at_a_time_and_it_becomes_a_voter()
    {
        var learner = (await AddAsync("http://a:1", isLearner: true)).Member;
        Assert.True(learner.IsLearner);
        Assert.Equal(
            new RpcStatus(RpcStatusCode.FailedPrecondition, "etcdserver: too many learner members in cluster"),
            await _api.RefusedAsync("Cluster/MemberAdd", new MemberAddRequest { PeerURLs = { "http://b:1" }, IsLearner = true }));

        var promoted = await _api.CallAsync<MemberPromoteResponse>("Cluster/MemberPromote", new MemberPromoteRequest { ID = learner.ID });

        Assert.Equal((2, 0), (promoted.Members.Count, promoted.Header.Revision));
        Assert.DoesNotContain(promoted.Members, member => member.IsLearner);
        Assert.Equal(
            new RpcStatus(RpcStatusCode.FailedPrecondition, "etcdserver: can only promote a learner member"),
            await _api.RefusedAsync("Cluster/MemberPromote", new MemberPromoteRequest { ID = learner.ID }));
    }

    [Fact]
    public async Task An_operator_may_allow_more_learners()
    {
        await using var api = await ApiHost.StartAsync(new ApiOptions { MaxLearners = 2 });

        foreach (var url in (string[])["http://a:1", "http://b:1"])
        {
            await api.CallAsync<MemberAddResponse>("Cluster/MemberAdd", new MemberAddRequest { PeerURLs = { url }, IsLearner = true });
        }

        Assert.Equal(
            ApiErrors.Of(StateError.TooManyLearners),
            await api.RefusedAsync("Cluster/MemberAdd", new MemberAddRequest { PeerURLs = { "http://c:1" }, IsLearner = true }));
    }

    [Fact]
    public async Task A_removed_member_is_gone_for_ever()
    {
        var id = (await AddAsync("http://a:1")).Member.ID;

        var removed = await _api.CallAsync<MemberRemoveResponse>("Cluster/MemberRemove", new MemberRemoveRequest { ID = id });

        Assert.Equal(LoneMember.Id.Value, Assert.Single(removed.Members).ID);
        Assert.Equal(0, removed.Header.Revision);
        var unknown = new RpcStatus(RpcStatusCode.NotFound, "etcdserver: member not found");
        Assert.Equal(unknown, await _api.RefusedAsync("Cluster/MemberRemove", new MemberRemoveRequest { ID = id }));
        Assert.Equal(unknown, await _api.RefusedAsync("Cluster/MemberUpdate", new MemberUpdateRequest { ID = id, PeerURLs = { "http://a:1" } }));
        Assert.Equal(unknown, await _api.RefusedAsync("Cluster/MemberPromote", new MemberPromoteRequest { ID = id }));

        // The same URL within the same second is the same member, and that one is banned.
        Assert.Equal(unknown, await _api.RefusedAsync("Cluster/MemberAdd", new MemberAddRequest { PeerURLs = { "http://a:1" } }));
        _api.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.NotEqual(id, (await AddAsync("http://a:1")).Member.ID);
    }

    [Theory]
    [InlineData(0ul)]
    [InlineData(1ul)]
    [InlineData(ulong.MaxValue)]
    public async Task Members_that_nobody_knows_are_not_found(ulong id)
    {
        var unknown = new RpcStatus(RpcStatusCode.NotFound, "etcdserver: member not found");
        Assert.Equal(unknown, await _api.RefusedAsync("Cluster/MemberRemove", new MemberRemoveRequest { ID = id }));
        Assert.Equal(unknown, await _api.RefusedAsync("Cluster/MemberUpdate", new MemberUpdateRequest { ID = id }));
        Assert.Equal(unknown, await _api.RefusedAsync("Cluster/MemberPromote", new MemberPromoteRequest { ID = id }));
    }

    [Fact]
    public async Task An_update_replaces_the_peer_urls_and_nothing_else()
    {
        var id = (await AddAsync("http://a:1")).Member.ID;

        var updated = await _api.CallAsync<MemberUpdateResponse>(
            "Cluster/MemberUpdate", new MemberUpdateRequest { ID = LoneMember.Id.Value, PeerURLs = { "what is this?", "http://b:1" } });

        var self = updated.Members.Single(member => member.ID == LoneMember.Id.Value);
        Assert.Equal(("lone", "http://localhost:2379"), (self.Name, Assert.Single(self.ClientURLs)));
        Assert.Equal(["what is this?", "http://b:1"], self.PeerURLs);
        Assert.Equal(
            new RpcStatus(RpcStatusCode.FailedPrecondition, "etcdserver: Peer URLs already exists"),
            await _api.RefusedAsync("Cluster/MemberUpdate", new MemberUpdateRequest { ID = id, PeerURLs = { "http://b:1" } }));

        // Its own it may keep.
        await _api.CallAsync<MemberUpdateResponse>("Cluster/MemberUpdate", new MemberUpdateRequest { ID = id, PeerURLs = { "http://a:1" } });
    }

    [Theory]
    [InlineData(RequestRefusal.NotEnoughStarted)]
    [InlineData(RequestRefusal.Unhealthy)]
    [InlineData(RequestRefusal.LearnerNotReady)]
    [InlineData(RequestRefusal.NoLeader)]
    [InlineData(RequestRefusal.AppliedTooLate)]
    public async Task What_the_cluster_refuses_is_told_in_its_words(RequestRefusal refusal)
    {
        _api.Member.Refusal = refusal;

        Assert.Equal(ApiErrors.Of(refusal), await _api.RefusedAsync("Cluster/MemberPromote", new MemberPromoteRequest { ID = 5 }));
        Assert.Equal(ApiErrors.Of(refusal), await _api.RefusedAsync("Cluster/MemberRemove", new MemberRemoveRequest { ID = 5 }));
        Assert.Equal(ApiErrors.Of(refusal), await _api.RefusedAsync("Cluster/MemberAdd", new MemberAddRequest { PeerURLs = { "http://a:1" } }));
    }

    private Task<MemberAddResponse> AddAsync(string url, bool isLearner = false)
        => _api.CallAsync<MemberAddResponse>("Cluster/MemberAdd", new MemberAddRequest { PeerURLs = { url }, IsLearner = isLearner });

    private Task<MemberListResponse> ListAsync() => _api.CallAsync<MemberListResponse>("Cluster/MemberList", new MemberListRequest());
}
