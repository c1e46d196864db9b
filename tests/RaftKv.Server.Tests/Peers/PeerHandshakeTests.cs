using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using RaftKv.Raft;
using RaftKv.Server.Peers;

namespace RaftKv.Server.Tests.Peers;

public sealed class PeerHandshakeTests
{
    [Fact]
    public async Task A_member_of_another_cluster_is_refused_on_both_sides()
    {
        await using var one = await TestMember.StartAsync(1);
        await using var two = await TestMember.StartAsync(2, options => options with { ClusterId = 0xBAD });
        one.Knows(two);
        await one.Sees(PeerEventKind.CannotConnect, "Member 2 refuses this member: It belongs to cluster c1, this member to cluster bad.");
        await two.Sees(PeerEventKind.Refused, "It belongs to cluster c1, this member to cluster bad.");
        Assert.False(one.StatusOf(two).IsConnected);
    }

    [Fact]
    public async Task An_address_of_another_member_is_noticed_on_both_sides()
    {
        await using var one = await TestMember.StartAsync(1);
        await using var two = await TestMember.StartAsync(2);
        one.Transport.AddPeer(new NodeId(3), [two.Url]);
        await one.Sees(PeerEventKind.CannotConnect, "It looks for member 3, this is member 2.");
        await two.Sees(PeerEventKind.Refused, "It looks for member 3, this is member 2.");
    }

    [Fact]
    public async Task A_second_process_of_one_identity_is_refused_while_the_first_lives()
    {
        await using var one = await TestMember.StartAsync(1);
        await using var two = await TestMember.StartAsync(2);
        var impostor = await TestMember.StartAsync(2);
        two.Knows(one);
        await two.ConnectedTo(one);
        impostor.Knows(one);
        await impostor.Sees(PeerEventKind.CannotConnect, "Another process that is member 2 is connected");
        await one.Sees(PeerEventKind.Refused, "Another process that is member 2 is connected");
        Assert.True(two.StatusOf(one).IsConnected);
        Assert.False(impostor.StatusOf(one).IsConnected);

        // Once the first is gone, the other may come: it is a restart like any other.
        await two.DisposeAsync();
        await impostor.ConnectedTo(one);
        await impostor.DisposeAsync();
    }

    [Fact]
    public async Task A_member_that_has_run_and_remembers_nothing_is_sent_away()
    {
        await using var one = await TestMember.StartAsync(1, options => options with { HasRun = id => id == new NodeId(2) });
        await using var two = await TestMember.StartAsync(2, options => options with { IsBlank = () => true });
        await using var three = await TestMember.StartAsync(3, options => options with { IsBlank = () => true });
        two.Knows(one);
        three.Knows(one);
        await two.Sees(PeerEventKind.CannotConnect, "Member 2 has run before, and this one has no data");
        await one.Sees(PeerEventKind.Refused, "Member 2 has run before");
        await TestMember.Until(() => two.LostDataSaid.Contains(one.Id));

        // One that comes for the first time is welcome.
        await three.ConnectedTo(one);
        Assert.Empty(three.LostDataSaid);
    }

    [Fact]
    public async Task One_that_cannot_tell_whether_a_blank_member_has_run_sends_it_away_until_it_can()
    {
        bool? answer = null;
        await using var one = await TestMember.StartAsync(1, options => options with { HasRun = _ => answer });
        await using var two = await TestMember.StartAsync(2, options => options with { IsBlank = () => true });
        two.Knows(one);
        await two.Sees(PeerEventKind.CannotConnect, "cannot tell whether member 2 has run before");
        answer = false;
        await two.ConnectedTo(one);
        Assert.Empty(two.LostDataSaid);
    }

    [Fact]
    public async Task A_process_that_died_without_a_word_does_not_keep_its_successor_out()
    {
        var time = new ManualTime();
        await using var one = await TestMember.StartAsync(1, options => options with { Time = time });
        using var dead = await RawPeer.ConnectAsync(one.Url);
        Assert.Equal(PeerVerdict.Welcome, (await dead.GreetAsync(RawPeer.Hello(2, 1, process: 1))).Verdict);
        using (var early = await RawPeer.ConnectAsync(one.Url))
        {
            Assert.Equal(PeerVerdict.SameIdentity, (await early.GreetAsync(RawPeer.Hello(2, 1, process: 2))).Verdict);
        }

        // It comes again and again, as a process does; the silence counts from when somebody listens.
        PeerVerdict verdict;
        do
        {
            time.Advance(TimeSpan.FromSeconds(1));
            using var successor = await RawPeer.ConnectAsync(one.Url);
            verdict = (await successor.GreetAsync(RawPeer.Hello(2, 1, process: 2))).Verdict;
        }
        while (verdict == PeerVerdict.SameIdentity);

        Assert.Equal(PeerVerdict.Welcome, verdict);
        await one.Sees(PeerEventKind.Left, "The member has made a new connection.");
    }

    [Fact]
    public async Task A_new_stream_of_the_same_process_replaces_the_old_one()
    {
        await using var one = await TestMember.StartAsync(1);
        using var first = await RawPeer.ConnectAsync(one.Url);
        await first.GreetAsync(RawPeer.Hello(2, 1));
        using var other = await RawPeer.ConnectAsync(one.Url);
        await other.GreetAsync(RawPeer.Hello(2, 1, PeerLane.Bulk));
        using var second = await RawPeer.ConnectAsync(one.Url);
        Assert.Equal(PeerVerdict.Welcome, (await second.GreetAsync(RawPeer.Hello(2, 1))).Verdict);
        await first.ReadToEndAsync();
        await TestMember.Until(() => one.Events.Any(said => said.Kind == PeerEventKind.Left));
        Assert.Single(one.Events, said => said.Kind == PeerEventKind.Left);
    }

    [Fact]
    public async Task A_member_does_not_connect_to_itself()
    {
        await using var one = await TestMember.StartAsync(1);
        using var raw = await RawPeer.ConnectAsync(one.Url);
        var welcome = await raw.GreetAsync(RawPeer.Hello(1, 1));
        Assert.Equal(PeerVerdict.SameIdentity, welcome.Verdict);
        Assert.Equal("It says that it is member 1; so is this one.", welcome.Reason);
        Assert.Throws<ArgumentException>(() => one.Transport.AddPeer(one.Id, [one.Url]));
    }

    [Fact]
    public async Task Another_protocol_version_is_refused()
    {
        await using var one = await TestMember.StartAsync(1);
        using var raw = await RawPeer.ConnectAsync(one.Url);
        var welcome = await raw.GreetAsync(RawPeer.Hello(2, 1) with { OldestProtocol = 2, NewestProtocol = 4 });
        Assert.Equal(PeerVerdict.OtherProtocol, welcome.Verdict);
        Assert.Equal("It speaks peer protocol 2 to 4, this member speaks 1.", welcome.Reason);
        using var newer = await RawPeer.ConnectAsync(one.Url);
        Assert.Equal(PeerVerdict.Welcome, (await newer.GreetAsync(RawPeer.Hello(2, 1) with { NewestProtocol = 9 })).Verdict);
    }

    [Fact]
    public async Task A_lane_that_does_not_exist_is_refused()
    {
        await using var one = await TestMember.StartAsync(1);
        using var raw = await RawPeer.ConnectAsync(one.Url);
        Assert.Equal(PeerVerdict.Malformed, (await raw.GreetAsync(RawPeer.Hello(2, 1, (PeerLane)9))).Verdict);
    }

    [Fact]
    public async Task A_damaged_hello_is_refused()
    {
        await using var one = await TestMember.StartAsync(1);
        var hello = RawPeer.Hello(2, 1).Encode();
        for (var at = HandshakeFrame.Magic.Length; at < hello.Length; at++)
        {
            var damaged = hello.ToArray();
            damaged[at] ^= 0x20;
            using var raw = await RawPeer.ConnectAsync(one.Url);
            await raw.SendAsync(damaged);
            if (at == 8)
            {
                continue; // It announces more than there is: refused when its time is up.
            }

            Assert.Equal(PeerVerdict.Malformed, (await raw.WelcomeAsync()).Verdict);
        }
    }

    [Fact]
    public async Task Whoever_does_not_say_who_it_is_is_cut_off_in_time()
    {
        var time = new ManualTime();
        await using var one = await TestMember.StartAsync(1, options => options with { Time = time });
        using var silent = await RawPeer.ConnectAsync(one.Url);
        using var half = await RawPeer.ConnectAsync(one.Url);
        await half.SendAsync(RawPeer.Hello(2, 1).Encode()[..20]);
        await TestMember.Until(() => time.PendingTimers == 2);
        time.Advance(TimeSpan.FromSeconds(3));
        Assert.Empty(await silent.ReadToEndAsync());
        Assert.Empty(await half.ReadToEndAsync());
    }

    [Fact]
    public async Task Strangers_beyond_the_limit_are_not_let_in()
    {
        var time = new ManualTime();
        await using var one = await TestMember.StartAsync(1, options => options with { MaxStrangers = 2, Time = time });
        using var first = await RawPeer.ConnectAsync(one.Url);
        using var second = await RawPeer.ConnectAsync(one.Url);
        await first.SendAsync([0x8B]);
        await second.SendAsync([0x8B]);
        await TestMember.Until(() => time.PendingTimers == 2);
        try
        {
            using var third = await RawPeer.ConnectAsync(one.Url);
            Assert.Empty(await third.ReadToEndAsync());
        }
        catch (SocketException sentAway) when (sentAway.SocketErrorCode == SocketError.ConnectionReset)
        {
            // Sent away before it knew that it was connected.
        }
    }

    [Fact]
    public async Task An_HTTP_request_is_told_what_this_port_is()
    {
        await using var one = await TestMember.StartAsync(1);
        using var http = new HttpClient();
        var answer = await http.GetAsync(new Uri(one.Url, "/v3/kv/range"), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.StartsWith(
            "This is the peer port of RaftKv member 1 in cluster c1",
            await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Plain_HTTP_endpoints_live_on_the_same_port()
    {
        var hosting = new PeerHostOptions
        {
            Http = app => app.Map("/version", branch => branch.Run(http => http.Response.WriteAsJsonAsync(new[] { "3.6.0" }))),
        };
        await using var one = await TestMember.StartAsync(1, hosting: hosting);
        await using var two = await TestMember.StartAsync(2);
        two.Knows(one);
        await two.ConnectedTo(one);
        using var http = new HttpClient();
        Assert.Equal(["3.6.0"], (await http.GetFromJsonAsync<string[]>(new Uri(one.Url, "/version"), TestContext.Current.CancellationToken))!);
    }

    [Theory]
    [InlineData("\x16\x03\x01\x00\xff\x01garbage that looks like TLS\r\n\r\n")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")]
    [InlineData("\x8b\x52\x4b nearly ours\r\n\r\n")]
    [InlineData("hello?\r\n\r\n")]
    public async Task Garbage_gets_an_end_and_disturbs_nobody(string garbage)
    {
        await using var one = await TestMember.StartAsync(1);
        using (var raw = await RawPeer.ConnectAsync(one.Url))
        {
            await raw.SendAsync(Encoding.Latin1.GetBytes(garbage));
            await raw.ReadToEndAsync();
        }

        await using var two = await TestMember.StartAsync(2);
        two.Knows(one);
        await two.ConnectedTo(one);
    }

    [Theory]
    [InlineData("HTTP/1.1 400 Bad Request\r\n\r\n", "It speaks HTTP (\"HTTP/1.1 400 Bad Request\"): that is not a RaftKv peer port.")]
    [InlineData("220 mail.example.com ESMTP\r\n", "It does not speak the protocol of RaftKv's peers.")]
    [InlineData("", "It closed the connection in the middle of the handshake.")]
    public async Task A_peer_address_where_something_else_answers_is_named_as_such(string answer, string reason)
    {
        using var listener = new RawListener();
        await using var one = await TestMember.StartAsync(1);
        one.Transport.AddPeer(new NodeId(2), [listener.Url]);
        for (var i = 0; i < 2; i++)
        {
            using var socket = await listener.AcceptAnyAsync();
            await socket.ReceiveAsync(new byte[1000], TestContext.Current.CancellationToken);
            await socket.SendAsync(Encoding.ASCII.GetBytes(answer), TestContext.Current.CancellationToken);
        }

        await one.Sees(PeerEventKind.CannotConnect, reason);
    }

    [Fact]
    public async Task A_peer_that_accepts_and_never_answers_is_given_up()
    {
        var time = new ManualTime();
        using var listener = new RawListener();
        await using var one = await TestMember.StartAsync(1, options => options with { Time = time });
        one.Transport.AddPeer(new NodeId(2), [listener.Url]);
        using var first = await listener.AcceptAnyAsync();
        using var second = await listener.AcceptAnyAsync();
        await TestMember.AdvancesUntil(time, () => one.Saw(PeerEventKind.CannotConnect, "It did not answer within 3 s."));
    }
}
