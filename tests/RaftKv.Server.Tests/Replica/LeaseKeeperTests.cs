using RaftKv.Raft.Log;
using RaftKv.Server.Replica;
using RaftKv.Storage.Leases;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Commands;

namespace RaftKv.Server.Tests.Replica;

/// <summary>What a leader knows of leases before it is applied.</summary>
public sealed class LeaseKeeperTests
{
    private static readonly TimeSpan ElectionTimeout = TimeSpan.FromSeconds(1);

    private readonly ManualTime _time = new();
    private readonly LeaseKeeper _leases;

    public LeaseKeeperTests()
    {
        _leases = new LeaseKeeper(_time, ElectionTimeout, LeaseClockOptions.Default, MemberFaults.None);
        _leases.BecomeLeader([]);
        _leases.Granted(5, 600);
        _leases.Granted(6, 600);
    }

    [Fact]
    public void A_lease_whose_revocation_is_in_the_log_is_not_renewed()
    {
        _leases.Appended([Put(10), Revoke(11, lease: 5), Put(12)]);
        Assert.Equal(LeaseRenewal.Revoking, _leases.Renew(5, out var ttl));
        Assert.Equal(0, ttl);
        Assert.Equal(LeaseRenewal.Renewed, _leases.Renew(6));

        // Nor while only what is before it is applied.
        _leases.Applied(10);
        Assert.Equal(LeaseRenewal.Revoking, _leases.Renew(5));

        _leases.Revoked(5);
        Assert.Equal(LeaseRenewal.Revoking, _leases.Renew(5));
        _leases.Applied(11);
        Assert.Equal(LeaseRenewal.Unknown, _leases.Renew(5));
    }

    [Fact]
    public void One_that_was_not_allowed_to_be_revoked_goes_on()
    {
        _leases.Appended([Revoke(11, lease: 5)]);
        _leases.Applied(11);
        Assert.Equal(LeaseRenewal.Renewed, _leases.Renew(5, out var ttl));
        Assert.Equal(600, ttl);
    }

    [Fact]
    public void A_revocation_whose_place_in_the_log_is_taken_does_not_come()
    {
        _leases.Appended([Revoke(11, lease: 5), Revoke(12, lease: 6)]);
        _leases.Appended([Put(12)]);
        Assert.Equal(LeaseRenewal.Revoking, _leases.Renew(5));
        Assert.Equal(LeaseRenewal.Renewed, _leases.Renew(6));

        _leases.Appended([Put(9), Put(10)]);
        Assert.Equal(LeaseRenewal.Renewed, _leases.Renew(5));
    }

    [Fact]
    public void Whoever_does_not_lead_says_so_of_those_as_well()
    {
        _leases.Appended([Revoke(11, lease: 5)]);
        _leases.StepDown();
        Assert.Equal(LeaseRenewal.NotLeading, _leases.Renew(5));
    }

    [Fact]
    public void The_word_of_a_quorum_holds_for_half_an_election_timeout()
    {
        Assert.False(_leases.HasLed(_time.GetTimestamp(), term: 3));
        _leases.Led(_time.GetTimestamp());
        _time.Advance(ElectionTimeout / 2);
        Assert.True(_leases.HasLed(_time.GetTimestamp(), term: 3));
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.False(_leases.HasLed(_time.GetTimestamp(), term: 3));
    }

    [Fact]
    public void It_holds_no_more_when_leadership_was_given_away()
    {
        _leases.Led(_time.GetTimestamp());
        _leases.GivenAway(term: 3);
        Assert.False(_leases.HasLed(_time.GetTimestamp(), term: 3));

        // Not even if another quorum has said so since: the other one may only now hear that it is to stand.
        _leases.Led(_time.GetTimestamp());
        Assert.False(_leases.HasLed(_time.GetTimestamp(), term: 3));
        Assert.True(_leases.HasLed(_time.GetTimestamp(), term: 4));
    }

    private static Entry Put(ulong index) => Command(index, new LeaseCheckpointCommand([]));

    private static Entry Revoke(ulong index, long lease) => Command(index, new LeaseRevokeCommand(Caller.Nobody, lease, IsExpired: false));

    private static Entry Command<T>(ulong index, T command)
        where T : struct, IStateCommand<T>
        => new(1, index, EntryKind.Command, CommandEnvelope.Encode(9, Caller.Nobody, command));
}
