using RaftKv.Server.Replica;

namespace RaftKv.Server.Tests.Replica;

public sealed class ReadGateTests
{
    private readonly ManualTime _time = new();
    private readonly ReadGate _gate;

    public ReadGateTests() => _gate = new ReadGate(_time, TimeSpan.FromSeconds(7));

    [Fact]
    public async Task A_reader_waits_until_what_was_confirmed_is_applied()
    {
        var reader = _gate.WaitAsync();
        Assert.True(_gate.WantsRound);
        _gate.Asked(token: 1);
        Assert.False(_gate.WantsRound);

        _gate.Confirmed(token: 1, index: 5);
        _gate.StandingIsPublished();
        _gate.Applied(4);
        Assert.False(reader.IsCompleted);

        _gate.Applied(5);
        await reader;
    }

    [Fact]
    public async Task Whoever_asks_for_a_quorum_waits_for_nothing_to_be_applied()
    {
        var reader = _gate.WaitAsync();
        var asking = _gate.ConfirmAsync();
        _gate.Asked(token: 1);
        _gate.Confirmed(token: 1, index: 5);

        // What the member knows of its standing comes first: the answer may have come from another leader.
        Assert.False(asking.IsCompleted);
        _gate.StandingIsPublished();

        await asking;
        Assert.False(reader.IsCompleted);
    }

    [Fact]
    public async Task Those_who_come_during_a_round_wait_for_the_next()
    {
        var early = _gate.ConfirmAsync();
        _gate.Asked(token: 1);
        var late = _gate.ConfirmAsync();
        Assert.False(_gate.WantsRound);
        _gate.Confirmed(token: 1, index: 1);
        _gate.StandingIsPublished();

        await early;
        Assert.False(late.IsCompleted);
        Assert.True(_gate.WantsRound);
    }

    [Fact]
    public async Task A_round_that_was_lost_is_asked_again_and_its_late_answer_counts_for_nothing()
    {
        var asking = _gate.ConfirmAsync();
        _gate.Asked(token: 1);
        _gate.Lost();
        Assert.True(_gate.WantsRound);
        _gate.Asked(token: 2);

        _gate.Confirmed(token: 1, index: 1);
        _gate.StandingIsPublished();
        Assert.False(asking.IsCompleted);

        _gate.Confirmed(token: 2, index: 1);
        _gate.StandingIsPublished();
        await asking;
    }

    [Fact]
    public async Task Those_who_have_waited_for_too_long_are_given_up()
    {
        var old = _gate.ConfirmAsync();
        _gate.Asked(token: 1);
        _time.Advance(TimeSpan.FromSeconds(6));
        var young = _gate.WaitAsync();
        _gate.Sweep();
        Assert.False(old.IsCompleted);

        _time.Advance(TimeSpan.FromSeconds(1));
        _gate.Sweep();

        var refused = await Assert.ThrowsAsync<RequestRefusedException>(() => old);
        Assert.Equal(RequestRefusal.TimedOut, refused.Reason);
        Assert.False(young.IsCompleted);
        _gate.RefuseAll(RequestRefusal.Stopped);
        refused = await Assert.ThrowsAsync<RequestRefusedException>(() => young);
        Assert.Equal(RequestRefusal.Stopped, refused.Reason);
    }
}
