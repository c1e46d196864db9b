using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;

namespace RaftKv.Client.Tests;

/// <summary>Changes that are asked for again after a lost answer and made once all the same.</summary>
public sealed class OnceTests : IAsyncDisposable
{
    private static readonly RpcException Lost = new(RpcStatusCode.Unavailable, "etcdserver: request timed out");

    private ScriptedMember _member = null!;
    private RaftKvClient _client = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        await _client.DisposeAsync();
        await _member.DisposeAsync();
    }

    [Fact]
    public async Task A_lease_whose_grant_was_not_answered_is_found_and_not_granted_twice()
    {
        await ConnectAsync();
        var asked = new List<long>();
        _member.Grant = request =>
        {
            asked.Add(request.ID);
            throw asked.Count == 1 ? Lost : new RpcException(RpcStatusCode.FailedPrecondition, "etcdserver: lease already exists");
        };
        var lease = await _client.GrantLeaseAsync(TimeSpan.FromSeconds(5), cancellation: Stop);
        Assert.Equal(2, asked.Count);
        Assert.Equal(asked[0], asked[1]);
        Assert.True(asked[0] > 0);
        Assert.Equal((asked[0], 60.0), (lease.Id, lease.TimeToLive.TotalSeconds));
    }

    [Fact]
    public async Task A_lease_of_an_id_that_others_may_name_is_asked_for_once()
    {
        await ConnectAsync();
        var asked = 0;
        _member.Grant = _ =>
        {
            asked++;
            throw Lost;
        };
        await Assert.ThrowsAsync<OutcomeUnknownException>(
            async () => await _client.GrantLeaseAsync(TimeSpan.FromSeconds(5), id: 9, cancellation: Stop));
        Assert.Equal(1, asked);
    }

    [Fact]
    public async Task A_member_whose_addition_was_not_answered_is_found_and_not_added_twice()
    {
        await ConnectAsync();
        var asked = 0;
        _member.MemberAdd = _ => throw (++asked == 1 ? Lost : new RpcException(RpcStatusCode.FailedPrecondition, "etcdserver: Peer URLs already exists"));
        _member.MemberList = () => new MemberListResponse
        {
            Header = new(),
            Members = { new Member { ID = 1, PeerURLs = { "http://a:1" } }, new Member { ID = 2, PeerURLs = { "http://b:2", "http://b:1" } } },
        };
        var added = await _client.Cluster.AddMemberAsync(["http://b:1", "http://b:2"], cancellation: Stop);
        Assert.Equal((2ul, 2), (added.Id, asked));

        // One that was there before is no success.
        await Assert.ThrowsAsync<RefusedException>(async () => await _client.Cluster.AddMemberAsync(["http://b:1"], cancellation: Stop));
    }

    [Fact]
    public async Task A_revocation_that_was_never_answered_may_have_happened()
    {
        await ConnectAsync(TimeSpan.FromSeconds(5));

        // A call that does not reach the member in its time is known not to have happened: the way there is open before.
        await _client.GetAsync("k", cancellation: Stop);
        _member.Revoke = _ => throw Lost;
        await Assert.ThrowsAsync<OutcomeUnknownException>(async () => await _client.RevokeLeaseAsync(7, cancellation: Stop));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task For_want_of_room_a_member_of_raftkv_has_not_written_and_one_of_etcd_may_have(bool isOfRaftKv)
    {
        await ConnectAsync();
        var puts = 0;
        _member.RecognisesRequests = isOfRaftKv;
        _member.Put = (_, _) =>
        {
            puts++;
            throw new RpcException(RpcStatusCode.ResourceExhausted, "etcdserver: mvcc: database space exceeded");
        };
        var full = await Assert.ThrowsAsync<NoSpaceException>(async () => await _client.PutAsync("k", "v", cancellation: Stop));
        Assert.Equal(!isOfRaftKv, full.IsOutcomeUnknown);
        Assert.Equal(1, puts);
    }

    private async Task ConnectAsync(TimeSpan? timeout = null)
    {
        _member = await ScriptedMember.StartAsync();
        _client = RaftKvClient.Connect(new RaftKvClientOptions
        {
            Endpoints = [_member.Address],
            Timeout = timeout ?? TimeSpan.FromSeconds(60),

            // A member that is slow because the machine is busy is none that hangs.
            ElectionTimeout = TimeSpan.FromSeconds(30),
        });
    }
}
