using RaftKv.Raft;
using RaftKv.Storage.State;

namespace RaftKv.Storage.Tests.State;

public sealed class ClusterIdentityTests
{
    [Fact]
    public void A_single_member_with_the_stock_URL_has_the_ids_that_etcd_gives_it()
    {
        var member = ClusterIdentity.OfInitialMember(["http://localhost:2380"], "etcd-cluster");
        Assert.Equal("8e9e05c52164694d", member.ToString());
        Assert.Equal(0xcdf818194e3a8c32, ClusterIdentity.OfCluster([member]));
    }

    [Fact]
    public void The_order_of_URLs_and_members_does_not_matter()
    {
        Assert.Equal(
            ClusterIdentity.OfInitialMember(["http://a:1", "http://b:1"], "t"),
            ClusterIdentity.OfInitialMember(["http://b:1", "http://a:1"], "t"));
        Assert.Equal(ClusterIdentity.OfCluster([new NodeId(1), new NodeId(2)]), ClusterIdentity.OfCluster([new NodeId(2), new NodeId(1)]));
    }

    [Fact]
    public void A_member_that_is_added_has_the_second_in_its_id()
    {
        // Without a token and with the time as text, which is the same sum as with the time for a token.
        Assert.Equal(
            ClusterIdentity.OfInitialMember(["http://a:1"], "1700000000"),
            ClusterIdentity.OfAddedMember(["http://a:1"], 1_700_000_000));
        Assert.NotEqual(ClusterIdentity.OfAddedMember(["http://a:1"], 1), ClusterIdentity.OfAddedMember(["http://a:1"], 2));
    }
}
