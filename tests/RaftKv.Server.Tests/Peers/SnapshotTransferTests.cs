using RaftKv.Raft;
using RaftKv.Server.Peers;

namespace RaftKv.Server.Tests.Peers;

public sealed class SnapshotTransferTests
{
    [Fact]
    public async Task A_snapshot_arrives_whole_and_its_message_with_it()
    {
        await using var one = await TestMember.StartAsync(1);
        await using var two = await TestMember.StartAsync(2);
        one.Knows(two);
        var source = new TestSource(1, 3_000_001);
        var message = one.InstallSnapshot(two.Id, 70);
        one.Transport.SendSnapshot(message, source);
        await TestMember.Until(() => one.SnapshotReports.Contains((two.Id, true)));
        var sink = Assert.Single(two.Sinks);
        Assert.Equal(source.All, sink.Bytes.ToArray());
        Assert.True(sink.IsComplete);
        Assert.Equal(RandomMessages.Describe(message), RandomMessages.Describe(sink.Offer!.Message));
        Assert.Equal(source.Length, sink.Offer.Length);
        await TestMember.Until(() => source.IsDisposed && sink.IsDisposed);
        Assert.Equal(1, one.StatusOf(two).SnapshotsDelivered);
    }

    [Fact]
    public async Task An_empty_snapshot_of_unknown_length_arrives()
    {
        await using var one = await TestMember.StartAsync(1);
        await using var two = await TestMember.StartAsync(2);
        one.Knows(two);
        one.Transport.SendSnapshot(one.InstallSnapshot(two.Id, 70), new TestSource(1, 0) { Length = null });
        await TestMember.Until(() => one.SnapshotReports.Contains((two.Id, true)));
        Assert.Null(two.Sinks.Single().Offer!.Length);
    }

    [Fact]
    public async Task After_a_cut_it_goes_on_where_it_stopped()
    {
        await using var one = await TestMember.StartAsync(1);
        await using var two = await TestMember.StartAsync(2);
        await using var proxy = new CuttingProxy(two.Url);
        foreach (var cut in (int[])[1_000_000, 1_500_000, 50, 2_000_000])
        {
            proxy.SnapshotCuts.Enqueue(cut);
        }

        one.Transport.AddPeer(two.Id, [proxy.Url]);
        var source = new TestSource(1, 8_000_000);
        one.Transport.SendSnapshot(one.InstallSnapshot(two.Id, 70), source);
        await TestMember.Until(() => !one.SnapshotReports.IsEmpty);
        Assert.Equal((two.Id, true), one.SnapshotReports.Single());
        var sink = Assert.Single(two.Sinks);
        Assert.Equal(source.All, sink.Bytes.ToArray());
        Assert.Equal(4, proxy.Cuts);

        // What each connection brought was kept.
        var offsets = source.Offsets.ToArray();
        Assert.Equal(0, offsets[0]);
        Assert.InRange(offsets[1], 500_000, 1_000_000);
        Assert.InRange(offsets[^1], 3_000_000, 4_500_000);
    }

    [Fact]
    public async Task If_only_the_last_word_was_lost_it_is_said_again()
    {
        await using var one = await TestMember.StartAsync(1);
        await using var two = await TestMember.StartAsync(2);
        var inPlace = new TaskCompletionSource();
        two.NewSink = _ => new TestSink { OnComplete = () => inPlace.Task };
        using var raw = await RawPeer.ConnectAsync(two.Url);
        await raw.GreetAsync(RawPeer.Hello(1, 2, PeerLane.Snapshot));
        var transfer = Guid.NewGuid();
        var offer = SnapshotFrames.Offer(Guid.NewGuid(), transfer, 0, one.InstallSnapshot(two.Id, 5));
        await raw.SendAsync([.. offer, .. SnapshotFrames.Number(FrameKind.SnapshotEnd, 0)]);
        await TestMember.Until(() => !two.Sinks.IsEmpty);
        inPlace.SetResult();
        await TestMember.Until(() => two.Events.Any(said => said.Kind == PeerEventKind.Snapshot));
        raw.Dispose();

        using var again = await RawPeer.ConnectAsync(two.Url);
        await again.GreetAsync(RawPeer.Hello(1, 2, PeerLane.Snapshot));
        await again.SendAsync(offer);
        var answer = new byte[PeerFrame.HeaderBytes];
        await again.Stream.ReadExactlyAsync(answer, TestContext.Current.CancellationToken);
        Assert.Equal((byte)FrameKind.SnapshotDelivered, answer[4]);
        Assert.Single(two.Sinks);
    }

    [Fact]
    public async Task A_receiver_that_cannot_store_it_says_so_and_the_sender_stops()
    {
        await using var one = await TestMember.StartAsync(1);
        await using var two = await TestMember.StartAsync(2);
        two.NewSink = _ => new TestSink
        {
            OnWrite = (sink, _) => sink.Bytes.Length > 500_000 ? throw new IOException("No space left.") : Task.CompletedTask,
        };
        one.Knows(two);
        var source = new TestSource(1, 20_000_000);
        one.Transport.SendSnapshot(one.InstallSnapshot(two.Id, 70), source);
        await TestMember.Until(() => one.SnapshotReports.Contains((two.Id, false)));
        await one.Sees(PeerEventKind.Snapshot, "was not delivered. No space left.");
        await TestMember.Until(() => two.Sinks.Single().IsDisposed && source.IsDisposed);
        Assert.False(two.Sinks.Single().IsComplete);
    }

    [Fact]
    public async Task A_receiver_that_refuses_is_heard()
    {
        await using var one = await TestMember.StartAsync(1);
        await using var two = await TestMember.StartAsync(2);
        two.NewSink = _ => throw new InvalidOperationException("Not now.");
        one.Knows(two);
        one.Transport.SendSnapshot(one.InstallSnapshot(two.Id, 70), new TestSource(1, 20_000));
        await TestMember.Until(() => one.SnapshotReports.Contains((two.Id, false)));
        await one.Sees(PeerEventKind.Snapshot, "Not now.");
    }

    [Fact]
    public async Task A_source_that_fails_is_reported()
    {
        await using var one = await TestMember.StartAsync(1);
        await using var two = await TestMember.StartAsync(2);
        one.Knows(two);
        var source = new TestSource(1, 2_000_000) { BeforePiece = at => at > 1_000_000 ? throw new IOException("Bad sector.") : Task.CompletedTask };
        one.Transport.SendSnapshot(one.InstallSnapshot(two.Id, 70), source);
        await TestMember.Until(() => one.SnapshotReports.Contains((two.Id, false)));
        await one.Sees(PeerEventKind.Snapshot, "Bad sector.");
        Assert.True(source.IsDisposed);
    }

    [Fact]
    public async Task A_newer_snapshot_for_the_same_member_takes_the_place_of_the_older()
    {
        await using var one = await TestMember.StartAsync(1);
        await using var two = await TestMember.StartAsync(2);
        one.Knows(two);
        var never = new TaskCompletionSource();
        var old = new TestSource(1, 2_000_000) { BeforePiece = at => at > 1_000_000 ? never.Task : Task.CompletedTask };
        one.Transport.SendSnapshot(one.InstallSnapshot(two.Id, 70), old);
        await TestMember.Until(() => two.Sinks.Count == 1);
        var newer = new TestSource(2, 1_000_000);
        one.Transport.SendSnapshot(one.InstallSnapshot(two.Id, 80), newer);
        await TestMember.Until(() => one.SnapshotReports.Contains((two.Id, true)));
        Assert.Single(one.SnapshotReports);
        await TestMember.Until(() => two.Sinks.Count == 2 && two.Sinks.First().IsDisposed);
        Assert.False(two.Sinks.First().IsComplete);
        Assert.Equal(newer.All, two.Sinks.Last().Bytes.ToArray());
        Assert.True(old.IsDisposed);
    }

    [Fact]
    public async Task A_later_leader_interrupts_an_earlier_one_and_not_the_other_way_round()
    {
        await using var one = await TestMember.StartAsync(1);
        await using var two = await TestMember.StartAsync(2);
        await using var three = await TestMember.StartAsync(3);
        one.Knows(three);
        two.Knows(three);
        var slow = new TaskCompletionSource();
        one.Transport.SendSnapshot(
            one.InstallSnapshot(three.Id, 70, term: 5),
            new TestSource(1, 500_000) { BeforePiece = at => at > 300_000 ? slow.Task : Task.CompletedTask });
        await TestMember.Until(() => three.Sinks.Count == 1);
        two.Transport.SendSnapshot(two.InstallSnapshot(three.Id, 90, term: 4), new TestSource(2, 500_000));
        await TestMember.Until(() => two.SnapshotReports.Contains((three.Id, false)));
        await two.Sees(PeerEventKind.Snapshot, "A newer snapshot is being received, from member 1.");

        two.Transport.SendSnapshot(two.InstallSnapshot(three.Id, 90, term: 6), new TestSource(3, 500_000));
        await TestMember.Until(() => two.SnapshotReports.Contains((three.Id, true)));
        Assert.True(three.Sinks.First().IsDisposed);
        Assert.False(three.Sinks.First().IsComplete);
    }

    [Fact]
    public async Task A_slow_receiver_holds_the_sender_back_and_is_not_taken_for_dead()
    {
        var time = new ManualTime();

        // Much longer than a step, because a machine may not get round to one of the readers for some steps.
        var patience = TimeSpan.FromSeconds(40);
        await using var one = await TestMember.StartAsync(1, options => options with { Time = time, ReadTimeout = patience, WriteTimeout = patience });
        await using var two = await TestMember.StartAsync(2, options => options with { Time = time, ReadTimeout = patience, WriteTimeout = patience });
        var goOn = new TaskCompletionSource();
        two.NewSink = _ => new TestSink { OnWrite = (_, _) => goOn.Task };
        one.Knows(two);
        var furthest = 0L;
        var source = new TestSource(1, 60_000_000)
        {
            BeforePiece = at =>
            {
                Volatile.Write(ref furthest, at);
                return Task.CompletedTask;
            },
        };
        one.Transport.SendSnapshot(one.InstallSnapshot(two.Id, 70), source);
        await TestMember.Until(() => two.Sinks.Count == 1);

        // Signs of life come on all streams alike; those of the others tell when a step is over.
        await one.KeepsHearingOf(two, time, seconds: 50);
        Assert.InRange(Volatile.Read(ref furthest), 0, 30_000_000);
        goOn.SetResult();
        await TestMember.Until(() => one.SnapshotReports.Contains((two.Id, true)));
        Assert.Single(source.Offsets);
    }

    [Fact]
    public async Task A_member_that_cannot_be_reached_is_given_up_in_the_end()
    {
        using var nobody = new DeadPort();
        await using var one = await TestMember.StartAsync(1, options => options with { SnapshotAttempts = 3 });
        one.Transport.AddPeer(new NodeId(2), [nobody.Url]);
        var source = new TestSource(1, 1000);
        one.Transport.SendSnapshot(one.InstallSnapshot(new NodeId(2), 70), source);
        await TestMember.Until(() => one.SnapshotReports.Contains((new NodeId(2), false)));
        await one.Sees(PeerEventKind.Snapshot, "After 3 attempts in a row that brought it no further: It cannot be reached");
        Assert.True(source.IsDisposed);

        one.Transport.SendSnapshot(one.InstallSnapshot(new NodeId(9), 70), new TestSource(1, 1000));
        await TestMember.Until(() => one.SnapshotReports.Contains((new NodeId(9), false)));
    }

    [Fact]
    public async Task The_rate_is_kept()
    {
        var time = new ManualTime();
        var rate = new ByteRate(1000, time);
        Assert.True(rate.TakeAsync(3000, TestContext.Current.CancellationToken).IsCompleted);
        var second = rate.TakeAsync(500, TestContext.Current.CancellationToken);
        time.Advance(TimeSpan.FromSeconds(2.9));
        Assert.False(second.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(0.1));
        await second;
        time.Advance(TimeSpan.FromSeconds(10));
        Assert.True(rate.TakeAsync(1, TestContext.Current.CancellationToken).IsCompleted);
    }

    [Fact]
    public async Task No_more_snapshots_are_sent_at_once_than_allowed()
    {
        await using var one = await TestMember.StartAsync(1, options => options with { MaxSnapshotsSent = 1 });
        await using var two = await TestMember.StartAsync(2);
        await using var three = await TestMember.StartAsync(3);
        one.Knows(two, three);
        var slow = new TaskCompletionSource();
        one.Transport.SendSnapshot(one.InstallSnapshot(two.Id, 70), new TestSource(1, 5000) { BeforePiece = _ => slow.Task });
        await TestMember.Until(() => two.Sinks.Count == 1);
        var waiting = new TestSource(2, 5000);
        one.Transport.SendSnapshot(one.InstallSnapshot(three.Id, 70), waiting);
        await Task.Delay(50, TestContext.Current.CancellationToken);
        Assert.Empty(waiting.Offsets);
        slow.SetResult();
        await TestMember.Until(() => one.SnapshotReports.Count == 2);
        Assert.All(one.SnapshotReports, report => Assert.True(report.IsDelivered));
    }

    [Fact]
    public async Task What_was_received_is_forgotten_when_nobody_comes_back()
    {
        var time = new ManualTime();
        await using var two = await TestMember.StartAsync(2, options => options with { Time = time });
        using (var raw = await RawPeer.ConnectAsync(two.Url))
        {
            await raw.GreetAsync(RawPeer.Hello(1, 2, PeerLane.Snapshot));
            await raw.SendAsync(SnapshotFrames.Offer(
                Guid.NewGuid(), Guid.NewGuid(), null, two.InstallSnapshot(two.Id, 5)));
            await TestMember.Until(() => two.Sinks.Count == 1);
        }

        await two.Sees(PeerEventKind.Left, "closed the connection");
        Assert.False(two.Sinks.Single().IsDisposed);
        await TestMember.AdvancesUntil(time, () => two.Sinks.Single().IsDisposed);
    }

    [Fact]
    public async Task Stopping_in_the_middle_leaves_nothing_open()
    {
        var one = await TestMember.StartAsync(1);
        var two = await TestMember.StartAsync(2);
        one.Knows(two);
        var never = new TaskCompletionSource();
        var source = new TestSource(1, 2_000_000) { BeforePiece = at => at > 1_000_000 ? never.Task : Task.CompletedTask };
        one.Transport.SendSnapshot(one.InstallSnapshot(two.Id, 70), source);
        await TestMember.Until(() => two.Sinks.Count == 1);
        await one.DisposeAsync();
        Assert.True(source.IsDisposed);
        await two.DisposeAsync();
        Assert.True(two.Sinks.Single().IsDisposed);
    }
}
