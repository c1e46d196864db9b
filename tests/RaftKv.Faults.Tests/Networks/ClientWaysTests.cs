using System.Net;
using System.Net.Sockets;
using RaftKv.Faults.Networks;
using RaftKv.Stores;

namespace RaftKv.Faults.Tests.Networks;

public sealed class ClientWaysTests : IAsyncLifetime
{
    private static readonly byte[] Settings = [0, 0, 2, 4, 0, 0, 0, 0, 0, 1, 2];
    private static readonly byte[] Answer = [0, 0, 3, 1, 4, 0, 0, 0, 1, 7, 8, 9];

    private readonly TcpListener _member = new(IPAddress.Loopback, 0);
    private readonly List<Socket> _sockets = [];
    private ClientWays _ways = null!;
    private Uri _way = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync()
    {
        _member.Start();
        _ways = new ClientWays(new OneGround(((IPEndPoint)_member.LocalEndpoint).Port));
        _way = _ways.Place("m1").Client;
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        _sockets.ForEach(socket => socket.Dispose());
        _member.Dispose();
        await _ways.DisposeAsync();
    }

    [Fact]
    public void Members_advertise_the_proxy_and_listen_behind_it()
    {
        var place = _ways.Place("m1");

        Assert.NotEqual(place.Client, place.ListenClient);
        Assert.Equal(((IPEndPoint)_member.LocalEndpoint).Port, place.ListenClient.Port);
    }

    [Fact]
    public async Task An_answer_that_is_lost_ends_the_connection_after_the_request_went_through()
    {
        var (client, member) = await ConnectAsync();
        _ways.LoseAnswers(answers: 1, requests: 0, seed: 1);

        await client.SendAsync("ask"u8.ToArray(), Stop);
        Assert.Equal("ask"u8.ToArray(), await ReceiveAsync(member, 3));
        await member.SendAsync(Settings, Stop);
        Assert.Equal(Settings, await ReceiveAsync(client, Settings.Length));
        await member.SendAsync(Answer, Stop);

        await Assert.ThrowsAsync<SocketException>(async () => await client.ReceiveAsync(new byte[1], Stop));
        Assert.Equal(1, _ways.Hits);
    }

    [Fact]
    public async Task Answers_come_through_when_the_ways_are_mended()
    {
        var (client, member) = await ConnectAsync();
        _ways.LoseAnswers(answers: 1, requests: 1, seed: 1);
        _ways.Mend();

        await client.SendAsync("ask"u8.ToArray(), Stop);
        Assert.Equal("ask"u8.ToArray(), await ReceiveAsync(member, 3));
        await member.SendAsync(Answer, Stop);

        Assert.Equal(Answer, await ReceiveAsync(client, Answer.Length));
        Assert.Equal(0, _ways.Hits);
    }

    [Fact]
    public async Task A_request_can_be_the_last_of_its_connection()
    {
        var (client, member) = await ConnectAsync();
        _ways.LoseAnswers(answers: 0, requests: 1, seed: 1);

        await client.SendAsync("ask"u8.ToArray(), Stop);

        await Assert.ThrowsAsync<SocketException>(async () => await client.ReceiveAsync(new byte[1], Stop));
        Assert.True(_ways.Hits > 0);
    }

    [Fact]
    public async Task All_connections_are_dropped_and_counted()
    {
        var (one, _) = await ConnectAsync();
        var (other, _) = await ConnectAsync();

        Assert.Equal(2, _ways.DropAll());

        await Assert.ThrowsAsync<SocketException>(async () => await one.ReceiveAsync(new byte[1], Stop));
        await Assert.ThrowsAsync<SocketException>(async () => await other.ReceiveAsync(new byte[1], Stop));
        Assert.Equal(2, _ways.Hits);
    }

    [Fact]
    public void Answers_are_found_however_the_pieces_are_cut()
    {
        byte[] bytes = [.. Settings, .. Answer, .. Settings];
        for (var cut = 1; cut < bytes.Length; cut++)
        {
            var frames = new AnswerFrames();
            bool[] found = [frames.Take(bytes.AsSpan(..cut)), frames.Take(bytes.AsSpan(cut..))];

            // By the last byte of the frame's header.
            var isInFirst = cut >= Settings.Length + 9;
            Assert.Equal([isInFirst, !isInFirst], found);
        }
    }

    private async Task<(Socket Client, Socket Member)> ConnectAsync()
    {
        var client = new Socket(SocketType.Stream, ProtocolType.Tcp);
        _sockets.Add(client);
        await client.ConnectAsync(_way.Host, _way.Port, Stop);
        var member = await _member.AcceptSocketAsync(Stop);
        _sockets.Add(member);

        // Only when something came through is the way behind the proxy carried on.
        await client.SendAsync("!"u8.ToArray(), Stop);
        await ReceiveAsync(member, 1);
        return (client, member);
    }

    private static async Task<byte[]> ReceiveAsync(Socket socket, int length)
    {
        var bytes = new byte[length];
        for (var received = 0; received < length;)
        {
            var more = await socket.ReceiveAsync(bytes.AsMemory(received), Stop);
            Assert.NotEqual(0, more);
            received += more;
        }

        return bytes;
    }

    private sealed class OneGround(int port) : IStoreGround
    {
        public MemberPlace Place(string name) => new()
        {
            Name = name,
            Folder = "unused",
            Client = new Uri($"http://127.0.0.1:{port}"),
            Peer = new Uri("http://127.0.0.1:1"),
        };
    }
}
