using System.Net.Sockets;
using RaftKv.Raft;
using RaftKv.Raft.Messages;
using RaftKv.Server.Peers;

namespace RaftKv.Server.Tests.Peers;

public sealed class PeerTransportTests
{
    [Fact]
    public async Task Three_members_hear_each_other_in_order()
    {
        await using var one = await TestMember.StartAsync(1);
        await using var two = await TestMember.StartAsync(2);
        await using var three = await TestMember.StartAsync(3);
        TestMember[] all = [one, two, three];
        foreach (var member in all)
        {
            member.Knows([.. all.Where(other => other != member)]);
        }

        const int Count = 3000;
        var sending = from sender in all
                      from receiver in all
                      where sender != receiver
                      select Task.Run(async () =>
                      {
                          for (var i = 1UL; i <= Count; i++)
                          {
                              await sender.SendsAsync(sender.Heartbeat(receiver.Id, i));
                              await sender.SendsAsync(sender.Append(receiver.Id, i, (int)(i % 2000)));
                          }
                      });
        await Task.WhenAll(sending);
        foreach (var receiver in all)
        {
            await TestMember.Until(() => receiver.Received.Count == 4 * Count);
            foreach (var sender in all.Where(other => other != receiver))
            {
                var heard = receiver.Received.Where(message => message.From == sender.Id).ToArray();
                Assert.All(heard, message => Assert.Equal(receiver.Id, message.To));
                Assert.Equal(
                    Enumerable.Range(1, Count).Select(i => (ulong)i),
                    heard.Where(message => message.Kind == MessageKind.Heartbeat).Select(message => message.Token));
                var appends = heard.Where(message => message.Kind == MessageKind.Append).ToArray();
                for (var i = 0; i < Count; i++)
                {
                    Assert.Equal(
                        RandomMessages.Describe(sender.Append(receiver.Id, (ulong)i + 1, (i + 1) % 2000)),
                        RandomMessages.Describe(appends[i]));
                }

                // What was sent is counted once it is written, and by then it may have been received.
                await TestMember.Until(() => sender.StatusOf(receiver).SentMessages == 2 * Count);
                var status = sender.StatusOf(receiver);
                Assert.Equal(2 * Count, receiver.StatusOf(sender).ReceivedMessages);
                Assert.Equal(status.SentBytes, receiver.StatusOf(sender).ReceivedBytes);
                Assert.Equal($"0.1.{receiver.Id}", status.ServerVersion);
            }
        }
    }

    [Fact]
    public async Task What_was_sent_before_the_first_connection_is_up_arrives()
    {
        await using var one = await TestMember.StartAsync(1);
        await using var two = await TestMember.StartAsync(2);
        one.Knows(two);
        await one.SendsAsync(one.Heartbeat(two.Id, 9));
        await TestMember.Until(() => two.Received.Count == 1);
    }

    [Fact]
    public async Task A_member_that_restarts_on_its_port_is_found_again()
    {
        await using var one = await TestMember.StartAsync(1);
        var port = FreePorts.Find(1)[0];
        var two = await TestMember.StartAsync(2, port: port);
        one.Knows(two);
        two.Knows(one);
        await one.ConnectedTo(two);
        await two.ConnectedTo(one);
        await two.DisposeAsync();
        await one.Sees(PeerEventKind.Disconnected, "Member 2 is stopping");
        await TestMember.Until(() => !one.Unreachables.IsEmpty);
        await TestMember.Until(() => !one.Transport.Send(one.Heartbeat(two.Id, 1)));
        Assert.False(one.StatusOf(two).IsConnected);
        Assert.True(one.StatusOf(two).DroppedMessages > 0);
        await TestMember.Until(() => one.GoneOnes.Contains(two.Id));

        await using var again = await TestMember.StartAsync(2, port: port);
        again.Knows(one);
        await one.ConnectedTo(again);
        await one.SendsAsync(one.Heartbeat(again.Id, 5));
        await again.SendsAsync(again.Heartbeat(one.Id, 6));
        await TestMember.Until(() => again.Received.Any(message => message.Token == 5));
        await TestMember.Until(() => one.Received.Any(message => message.Token == 6));
        Assert.True(one.StatusOf(again).Disconnects >= 2);
    }

    [Fact]
    public async Task A_peer_that_never_reads_costs_no_more_than_the_queue_may_hold()
    {
        const long Bound = 1024 * 1024;

        // Time stands still, or the silence of the peer would end the connections.
        await using var one = await TestMember.StartAsync(
            1, options => options with { MaxQueuedBytes = Bound, MaxQueuedMessages = 1000, Time = new ManualTime() });
        using var listener = new RawListener();
        one.Transport.AddPeer(new NodeId(2), [listener.Url]);
        var (first, _) = await listener.AcceptAsync(2);
        var (second, _) = await listener.AcceptAsync(2);
        using var both = new Pair(first, second);
        await TestMember.Until(() => one.Transport.StatusOf(new NodeId(2))!.IsConnected);

        var taken = 0UL;
        for (var full = 0; full < 100;)
        {
            if (one.Transport.Send(one.Append(new NodeId(2), taken + 1, 50_000)))
            {
                one.Transport.Flush();
                taken++;
                full = 0;
            }
            else
            {
                full++;
                await Task.Delay(1, TestContext.Current.CancellationToken);
            }
        }

        var status = one.Transport.StatusOf(new NodeId(2))!;
        Assert.InRange(status.QueuedBytes, Bound / 2, Bound);
        Assert.True(status.DroppedMessages >= 100);
        Assert.True(status.IsConnected);

        // The other lane is not concerned.
        for (var i = 0UL; i < 500; i++)
        {
            Assert.True(one.Transport.Send(one.Heartbeat(new NodeId(2), i)));
        }
    }

    [Fact]
    public async Task Heartbeats_pass_while_bulk_is_stuck()
    {
        using var released = new ManualResetEventSlim();
        await using var one = await TestMember.StartAsync(1, options => options with { MaxQueuedBytes = 80_000_000 });
        await using var two = await TestMember.StartAsync(2);
        two.OnMessage = message =>
        {
            if (message.Kind == MessageKind.Append)
            {
                released.Wait(TestContext.Current.CancellationToken);
            }
        };
        one.Knows(two);
        for (var i = 1UL; i <= 64; i++)
        {
            await one.SendsAsync(one.Append(two.Id, i, 1024 * 1024));
        }

        for (var i = 1UL; i <= 100; i++)
        {
            await one.SendsAsync(one.Heartbeat(two.Id, i));
            await TestMember.Until(() => two.Received.LastOrDefault().Token == i);
        }

        Assert.DoesNotContain(two.Received, message => message.Kind == MessageKind.Append);
        released.Set();
        await TestMember.Until(() => two.Received.Count == 164);
        Assert.Equal(0, one.StatusOf(two).Disconnects);
    }

    [Fact]
    public async Task A_message_too_large_for_a_frame_is_not_taken()
    {
        await using var one = await TestMember.StartAsync(1, options => options with { MaxFrameBytes = 1000 });
        await using var two = await TestMember.StartAsync(2);
        one.Knows(two);
        await one.ConnectedTo(two);
        Assert.False(one.Transport.Send(one.Append(two.Id, 1, 1000)));
        Assert.True(one.Transport.Send(one.Append(two.Id, 1, 500)));
    }

    [Fact]
    public async Task A_peer_that_goes_silent_is_noticed()
    {
        var time = new ManualTime();
        await using var one = await TestMember.StartAsync(1, options => options with { Time = time });
        using var listener = new RawListener();
        one.Transport.AddPeer(new NodeId(2), [listener.Url]);
        var (first, _) = await listener.AcceptAsync(2);
        var (second, _) = await listener.AcceptAsync(2);
        using var both = new Pair(first, second);
        await TestMember.Until(() => one.Transport.StatusOf(new NodeId(2))!.IsConnected);
        time.Advance(TimeSpan.FromSeconds(4));
        Assert.Equal(TimeSpan.FromSeconds(4), one.Transport.StatusOf(new NodeId(2))!.ConnectedFor);
        await TestMember.AdvancesUntil(time, () => one.Events.Count(said => said.Kind == PeerEventKind.Disconnected) == 2);
        Assert.All(
            one.Events.Where(said => said.Kind == PeerEventKind.Disconnected),
            said => Assert.Contains("Nothing was heard for 5 s.", said.Text, StringComparison.Ordinal));
        await TestMember.Until(() => one.Unreachables.Count >= 2);
    }

    [Fact]
    public async Task A_caller_that_goes_silent_is_noticed()
    {
        var time = new ManualTime();
        await using var one = await TestMember.StartAsync(1, options => options with { Time = time });
        using var raw = await RawPeer.ConnectAsync(one.Url);
        Assert.Equal(PeerVerdict.Welcome, (await raw.GreetAsync(RawPeer.Hello(2, 1))).Verdict);
        await TestMember.Until(() => one.Events.Any(said => said.Kind == PeerEventKind.Accepted));
        var since = time.GetTimestamp();
        await TestMember.AdvancesUntil(time, () => one.Saw(PeerEventKind.Left, "Nothing was heard for 5 s."));
        Assert.True(time.GetElapsedTime(since) >= TimeSpan.FromSeconds(5));

        // It was told all the while that the other end is there.
        var told = await raw.ReadToEndAsync();
        Assert.True(told.Length >= PeerFrame.HeaderBytes);
        Assert.Equal((byte)FrameKind.Alive, told[4]);
    }

    [Fact]
    public async Task Members_that_have_nothing_to_say_stay_connected()
    {
        var time = new ManualTime();

        // Much longer than a step, because a machine may not get round to one of the readers for some steps.
        var patience = TimeSpan.FromSeconds(40);
        await using var one = await TestMember.StartAsync(1, options => options with { Time = time, ReadTimeout = patience });
        await using var two = await TestMember.StartAsync(2, options => options with { Time = time, ReadTimeout = patience });
        one.Knows(two);
        await one.ConnectedTo(two);
        await one.KeepsHearingOf(two, time, seconds: 50);
        Assert.True(one.StatusOf(two).ConnectedFor >= TimeSpan.FromSeconds(50));
        Assert.NotNull(one.StatusOf(two).RoundTrip);
    }

    [Fact]
    public async Task Damaged_bytes_end_the_connection_and_nothing_else()
    {
        await using var one = await TestMember.StartAsync(1);
        using var raw = await RawPeer.ConnectAsync(one.Url);
        await raw.GreetAsync(RawPeer.Hello(2, 1));
        var writer = new MessageBatchWriter();
        writer.Add(one.Heartbeat(one.Id, 3));
        var frame = writer.Finish().ToArray();
        await raw.SendAsync(frame);
        await TestMember.Until(() => one.Received.Count == 1);
        frame[^1] ^= 1;
        await raw.SendAsync(frame);
        await one.Sees(PeerEventKind.Left, "its sum does not match");
        var told = System.Text.Encoding.UTF8.GetString(await raw.ReadToEndAsync());
        Assert.Contains("The body of a frame", told, StringComparison.Ordinal);
        Assert.Single(one.Received);
    }

    [Fact]
    public async Task Random_bytes_after_the_handshake_never_reach_the_core()
    {
        await using var one = await TestMember.StartAsync(1);
        var random = new Random(5);
        for (var i = 0; i < 50; i++)
        {
            using var raw = await RawPeer.ConnectAsync(one.Url);
            Assert.Equal(PeerVerdict.Welcome, (await raw.GreetAsync(RawPeer.Hello(2, 1, (PeerLane)(1 + (i % 3))))).Verdict);
            var noise = new byte[random.Next(12, 2000)];
            random.NextBytes(noise);
            await raw.SendAsync(noise);
            await raw.ReadToEndAsync();
        }

        Assert.Empty(one.Received);
    }

    [Fact]
    public async Task A_removed_peer_is_cut_off_and_told_why()
    {
        await using var one = await TestMember.StartAsync(1);
        await using var two = await TestMember.StartAsync(2);
        one.Knows(two);
        two.Knows(one);
        await one.ConnectedTo(two);
        await two.ConnectedTo(one);
        one.Transport.RemovePeer(two.Id);
        Assert.Null(one.Transport.StatusOf(two.Id));
        Assert.False(one.Transport.Send(one.Heartbeat(two.Id, 1)));
        await TestMember.Until(() => two.RemovedBy.Contains(one.Id));
        await TestMember.Until(() => two.StatusOf(one).LastError.Contains("removed from the cluster", StringComparison.Ordinal));
        await one.Sees(PeerEventKind.Refused, "Member 2 was removed from the cluster.");
    }

    [Fact]
    public async Task A_peer_with_a_new_address_is_found_there()
    {
        await using var one = await TestMember.StartAsync(1);
        await using var two = await TestMember.StartAsync(2);
        await using var three = await TestMember.StartAsync(3, options => options with { Self = two.Id });
        one.Knows(two);
        await one.ConnectedTo(two);
        one.Transport.UpdatePeer(two.Id, [three.Url]);
        await one.Sees(PeerEventKind.Disconnected, "another address");
        await one.ConnectedTo(two);
        await one.SendsAsync(one.Heartbeat(two.Id, 4));
        await TestMember.Until(() => three.Received.Any(message => message.Token == 4));
        Assert.Equal([three.Url], one.StatusOf(two).Urls);
    }

    [Fact]
    public async Task Of_several_addresses_one_that_works_is_found()
    {
        using var nobody = new DeadPort();
        await using var one = await TestMember.StartAsync(1);
        await using var two = await TestMember.StartAsync(2);
        one.Transport.AddPeer(two.Id, [nobody.Url, two.Url]);
        await one.ConnectedTo(two);
        await one.Sees(PeerEventKind.CannotConnect, "It cannot be reached");
    }

    [Fact]
    public async Task Disposal_leaves_nothing_behind()
    {
        var time = new ManualTime();
        var one = await TestMember.StartAsync(1, options => options with { Time = time });
        var two = await TestMember.StartAsync(2, options => options with { Time = time });
        one.Knows(two);
        two.Knows(one);
        one.Transport.AddPeer(new NodeId(9), [new Uri("http://127.0.0.1:1")]);
        await one.ConnectedTo(two);
        await two.ConnectedTo(one);
        await one.SendsAsync(one.Heartbeat(two.Id, 1));
        await one.DisposeAsync();
        await TestMember.Until(() => two.Received.Count == 1);
        await two.DisposeAsync();
        await TestMember.Until(() => time.PendingTimers == 0); // those of sockets go when their streams have ended
        Assert.False(one.Transport.Send(one.Heartbeat(two.Id, 1)));

        // Who stops may still be told of members.
        one.Transport.AddPeer(new NodeId(4), [two.Url]);
        Assert.Null(one.Transport.StatusOf(new NodeId(4)));
    }

    [Fact]
    public async Task What_waits_is_sent_before_the_member_stops()
    {
        var one = await TestMember.StartAsync(1, options => options with { StopTimeout = TimeSpan.FromMinutes(1) });
        await using var two = await TestMember.StartAsync(2);
        one.Knows(two);
        await one.ConnectedTo(two);
        for (var i = 1UL; i <= 1000; i++)
        {
            Assert.True(one.Transport.Send(one.Append(two.Id, i, 1000)));
        }

        await one.DisposeAsync();
        await TestMember.Until(() => two.Received.Count == 1000);
    }

    private sealed class Pair(Socket first, Socket second) : IDisposable
    {
        public void Dispose()
        {
            first.Dispose();
            second.Dispose();
        }
    }
}
