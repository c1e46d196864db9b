using RaftKv.Raft.Replication;

namespace RaftKv.Raft.Tests.Progress;

public sealed class FollowerProgressTests
{
    [Fact]
    public void A_probe_waits_for_its_answer()
    {
        var follower = Follower(match: 3, next: 8);

        follower.Sent(last: 9, bytes: 1);

        Assert.True(follower.IsPaused);
        Assert.Equal(8u, follower.Next);
    }

    [Fact]
    public void A_heartbeat_response_lets_a_probe_be_repeated()
    {
        var follower = Follower(match: 3, next: 8);
        follower.Sent(last: 9, bytes: 1);

        follower.HeardHeartbeat(round: 1);

        Assert.False(follower.IsPaused);
    }

    [Theory]
    [InlineData(7, 7, 7)] // The follower's hint is no news: one step back.
    [InlineData(7, 2, 4)] // Never before what is certain.
    [InlineData(7, 5, 6)] // After the hint.
    public void A_refused_probe_steps_back_to_the_hint(ulong rejected, ulong hint, ulong next)
    {
        var follower = Follower(match: 3, next: 8);

        Assert.True(follower.StepBack(rejected, hint));

        Assert.Equal(next, follower.Next);
        Assert.False(follower.IsPaused);
    }

    [Theory]
    [InlineData(6)] // Asked before stepping back.
    [InlineData(9)] // Never asked.
    public void An_old_refusal_changes_nothing(ulong rejected)
    {
        var follower = Follower(match: 3, next: 8);

        Assert.False(follower.StepBack(rejected, hint: 1));

        Assert.Equal(8u, follower.Next);
    }

    [Fact]
    public void While_replicating_a_refusal_of_what_is_acknowledged_is_old()
    {
        var follower = Replicating(match: 5);

        Assert.False(follower.StepBack(rejected: 5, hint: 2));

        Assert.Equal(ProgressState.Replicate, follower.State);
    }

    [Fact]
    public void While_replicating_a_refusal_takes_the_bet_back()
    {
        var follower = Replicating(match: 5);
        follower.Sent(last: 9, bytes: 1);

        Assert.True(follower.StepBack(rejected: 7, hint: 6));

        Assert.Equal(ProgressState.Probe, follower.State);
        Assert.Equal(6u, follower.Next);
        Assert.Equal(0, follower.InflightAppends);
    }

    [Fact]
    public void An_acknowledgement_frees_the_window_up_to_it()
    {
        var follower = Replicating(match: 0, maxAppends: 2);
        follower.Sent(last: 1, bytes: 1);
        follower.Sent(last: 2, bytes: 1);
        Assert.True(follower.IsPaused);

        follower.Acknowledge(1);

        Assert.False(follower.IsPaused);
        Assert.Equal(1, follower.InflightAppends);
    }

    [Fact]
    public void The_window_closes_by_bytes_after_the_append_that_fills_it()
    {
        var follower = Replicating(match: 0, maxBytes: 100);

        follower.Sent(last: 1, bytes: 99);
        Assert.False(follower.IsPaused);
        follower.Sent(last: 2, bytes: 99);

        Assert.True(follower.IsPaused);
    }

    [Fact]
    public void After_a_snapshot_arrived_probing_starts_behind_it()
    {
        var follower = Follower(match: 3, next: 8);
        follower.BecomeSnapshot(20);
        Assert.True(follower.IsPaused);

        follower.SnapshotSent();

        Assert.Equal(21u, follower.Next);
        Assert.True(follower.IsPaused);
    }

    [Fact]
    public void After_a_snapshot_failed_probing_starts_behind_what_is_certain()
    {
        var follower = Follower(match: 3, next: 8);
        follower.BecomeSnapshot(20);

        follower.SnapshotFailed();

        Assert.Equal(4u, follower.Next);
        Assert.True(follower.IsPaused);
    }

    [Fact]
    public void Old_acknowledgements_are_no_news()
    {
        var follower = Replicating(match: 5);

        Assert.False(follower.Acknowledge(4));

        Assert.Equal(5u, follower.Match);
        Assert.Equal(6u, follower.Next);
    }

    [Fact]
    public void A_window_behaves_like_a_list_of_what_is_not_acknowledged()
    {
        var chance = new Chance(1);
        var window = new InflightWindow(maxMessages: 9, maxBytes: 1000);
        var model = new List<(ulong Last, long Bytes)>();
        var last = 0UL;
        for (var step = 0; step < 10_000; step++)
        {
            if (!window.IsFull && chance.Happens(2, 3))
            {
                last += chance.Below(3UL) + 1;
                var bytes = (long)chance.Below(200);
                window.Add(last, bytes);
                model.Add((last, bytes));
            }
            else
            {
                var through = chance.Below(last + 2);
                window.FreeThrough(through);
                model.RemoveAll(message => message.Last <= through);
            }

            Assert.Equal(model.Count, window.Count);
            Assert.Equal(model.Sum(message => message.Bytes), window.Bytes);
            Assert.Equal(model.Count == 9 || model.Sum(message => message.Bytes) >= 1000, window.IsFull);
        }
    }

    private static FollowerProgress Follower(ulong match, ulong next, int maxAppends = 10, long maxBytes = 1000)
    {
        var follower = new FollowerProgress(new NodeId(2), maxAppends, maxBytes);
        follower.Reset(match, next);
        return follower;
    }

    private static FollowerProgress Replicating(ulong match, int maxAppends = 10, long maxBytes = 1000)
    {
        var follower = Follower(match, match + 1, maxAppends, maxBytes);
        follower.BecomeReplicate();
        return follower;
    }
}
