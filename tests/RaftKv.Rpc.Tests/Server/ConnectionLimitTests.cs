using System.Net;
using System.Net.Sockets;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc.Server;
using RaftKv.Rpc.Tests.RawHttp2;

namespace RaftKv.Rpc.Tests.Server;

/// <summary>What one connection may ask of the server, and how long it may be silent.</summary>
public sealed class ConnectionLimitTests
{
    private const int MaxConcurrentStreams = 0x3;
    private const int InitialWindowSize = 0x4;

    [Fact]
    public async Task The_limits_of_a_connection_are_announced_to_its_client()
    {
        await using var host = await StartAsync(new RpcConnectionLimits { MaxStreams = 17, StreamWindowBytes = 123_456 });
        await using var connection = await RawConnection.ConnectAsync(EndPoint(host));

        var settings = await connection.NextAsync(FrameKind.Settings);

        Assert.Equal(17u, Setting(settings, MaxConcurrentStreams));
        Assert.Equal(123_456u, Setting(settings, InitialWindowSize));
    }

    [Fact]
    public async Task A_stream_beyond_the_limit_is_refused_unprocessed_and_the_others_go_on()
    {
        var release = new SemaphoreSlim(0);
        await using var host = await StartAsync(new RpcConnectionLimits { MaxStreams = 2 }, async () => await release.WaitAsync());
        await using var connection = await RawConnection.ConnectAsync(EndPoint(host));
        foreach (var stream in new[] { 1, 3, 5 })
        {
            await connection.WriteAsync(Call(stream), RawFrame.Data(stream, RawCall.Framed([]), endStream: true));
        }

        var refused = await connection.NextAsync(FrameKind.Reset);
        release.Release(2);

        Assert.Equal((5, Http2Code.RefusedStream), (refused.Stream, refused.Code));
        await connection.NextHeadersAsync(1);
    }

    [Fact]
    public async Task A_silent_connection_is_pinged_and_one_that_answers_stays()
    {
        await using var host = await StartAsync(new RpcConnectionLimits { KeepAliveInterval = TimeSpan.FromSeconds(1) });
        await using var connection = await RawConnection.ConnectAsync(EndPoint(host));

        for (var i = 0; i < 2; i++)
        {
            await connection.NextAsync(FrameKind.Ping); // Answered while it is read.
        }

        await connection.WriteAsync(Call(1), RawFrame.Data(1, RawCall.Framed([]), endStream: true));
        await connection.NextHeadersAsync(1);
    }

    [Fact]
    public async Task A_connection_that_does_not_answer_its_ping_is_closed()
    {
        await using var host = await StartAsync(
            new RpcConnectionLimits { KeepAliveInterval = TimeSpan.FromSeconds(1), KeepAliveTimeout = TimeSpan.FromSeconds(1) });
        await using var connection = await RawConnection.ConnectAsync(EndPoint(host));
        await connection.NextAsync(FrameKind.Settings);
        connection.IsPolite = false;

        while (await connection.ReadAsync() is not null)
        {
        }
    }

    [Fact]
    public async Task One_connection_too_many_is_closed_and_those_before_it_are_served()
    {
        await using var host = await StartAsync(new RpcConnectionLimits { MaxConnections = 1 });
        await using var first = await RawConnection.ConnectAsync(EndPoint(host));
        await first.NextAsync(FrameKind.Settings);

        // Says nothing: it may be closed before it could.
        using var second = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await second.ConnectAsync(EndPoint(host), TestContext.Current.CancellationToken);
        Assert.Equal(0, await second.ReceiveAsync(new byte[1], TestContext.Current.CancellationToken));

        await first.WriteAsync(Call(1), RawFrame.Data(1, RawCall.Framed([]), endStream: true));
        await first.NextHeadersAsync(1);
    }

    private static IPEndPoint EndPoint(RpcHost host) => new(IPAddress.Loopback, host.Address().Port);

    private static RawFrame Call(int stream) => RawFrame.Headers(
        stream,
        endStream: false,
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/etcdserverpb.KV/Range"),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"));

    private static uint? Setting(RawFrame settings, int id)
    {
        for (var rest = settings.Payload.Span; !rest.IsEmpty; rest = rest[6..])
        {
            if (System.Buffers.Binary.BinaryPrimitives.ReadUInt16BigEndian(rest) == id)
            {
                return System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(rest[2..]);
            }
        }

        return null;
    }

    private static Task<RpcHost> StartAsync(RpcConnectionLimits limits, Func<Task>? work = null)
    {
        var options = TestHost.Options(TestHost.Kv().Unary<RangeRequest, RangeResponse>("Range", async (_, _) =>
        {
            await (work?.Invoke() ?? Task.CompletedTask);
            return new RangeResponse();
        }));
        options.Connections = limits;
        return RpcHost.StartAsync(options, TestContext.Current.CancellationToken);
    }
}
