using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using RaftKv.Rpc.Server;
using RaftKv.Rpc.Tests.RawHttp2;

namespace RaftKv.Rpc.Tests.Server.Http2;

/// <summary>A server of one plain HTTP endpoint, for clients that speak to it frame by frame.</summary>
internal sealed class PlainHttp : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private PlainHttp(RpcHost host, LoggedErrors errors)
    {
        Host = host;
        Errors = errors;
    }

    public RpcHost Host { get; }

    public LoggedErrors Errors { get; }

    public static async Task<PlainHttp> StartAsync(RequestDelegate handler, Action<RpcHostOptions>? configure = null)
    {
        var errors = new LoggedErrors();
        var options = TestHost.Options();
        options.Server.Loggers = errors;
        options.Http = app => app.Run(handler);
        configure?.Invoke(options);
        return new(await RpcHost.StartAsync(options, TestContext.Current.CancellationToken), errors);
    }

    public Task<RawConnection> ConnectAsync(params (ushort Id, uint Value)[] settings)
        => RawConnection.ConnectAsync(new IPEndPoint(IPAddress.Loopback, Host.Address().Port), settings);

    public static RawFrame Get(int stream, string path = "/") => RawFrame.Headers(stream, endStream: true, Head("GET", path));

    public static RawFrame Post(int stream, params (string Name, string Value)[] more)
        => RawFrame.Headers(stream, endStream: false, [.. Head("POST", "/"), .. more]);

    public static (string Name, string Value)[] Head(string method, string path)
        => [(":method", method), (":scheme", "http"), (":path", path), (":authority", "127.0.0.1")];

    /// <summary>Everything sent so far has been worked on when this returns.</summary>
    public static async Task HasReadAllAsync(RawConnection connection)
    {
        await connection.WriteAsync(RawFrame.Ping(42));
        while (await connection.ReadAsync() is { } frame)
        {
            if (frame is { Kind: FrameKind.Ping, IsAck: true })
            {
                return;
            }

            if (frame.Kind == FrameKind.GoAway)
            {
                Assert.Fail($"The server ends the connection: {frame.Code}.");
            }
        }

        Assert.Fail("The server has closed.");
    }

    /// <summary>Why the server ends the connection.</summary>
    public static async Task<Http2Code> GoodbyeAsync(RawConnection connection) => (await connection.NextAsync(FrameKind.GoAway)).Code;

    public ValueTask DisposeAsync() => Host.DisposeAsync();
}
