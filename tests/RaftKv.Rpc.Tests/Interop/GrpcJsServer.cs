using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json;
using RaftKv.Rpc.Client;
using Outcome = RaftKv.Rpc.Tests.Interop.OutcomeResponse.Types.Outcome;

namespace RaftKv.Rpc.Tests.Interop;

/// <summary>server.js as a child process, and the methods of its Echo service. It ends with the object.</summary>
public sealed class GrpcJsServer : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly string[] _arguments;
    private readonly string _scheme;
    private Process? _node;
    private Task<string>? _errors;
    private int _port;
    private int _gzipPort;

    public GrpcJsServer()
        : this("http")
    {
    }

    internal GrpcJsServer(string scheme, params string[] arguments)
    {
        _scheme = scheme;
        _arguments = ["server.js", .. arguments];
    }

    internal static RpcMethod<EchoRequest, EchoResponse> Unary { get; } = Method<EchoRequest, EchoResponse>("Unary");

    internal static RpcMethod<EchoRequest, EchoResponse> ClientStream { get; } = Method<EchoRequest, EchoResponse>("ClientStream");

    internal static RpcMethod<EchoRequest, EchoResponse> ServerStream { get; } = Method<EchoRequest, EchoResponse>("ServerStream");

    internal static RpcMethod<EchoRequest, EchoResponse> Duplex { get; } = Method<EchoRequest, EchoResponse>("Duplex");

    internal static RpcMethod<OutcomeRequest, OutcomeResponse> OutcomeOf { get; } = Method<OutcomeRequest, OutcomeResponse>("Outcome");

    public async ValueTask InitializeAsync()
    {
        if (NodeProgram.Obstacle is not null)
        {
            return; // The tests skip; see Connect.
        }

        _node = NodeProgram.Start(_arguments);
        _errors = _node.StandardError.ReadToEndAsync(CancellationToken.None);
        var line = await _node.StandardOutput.ReadLineAsync().WaitAsync(Patience)
            ?? throw new InvalidOperationException($"server.js ended before it listened: {await _errors}");
        using var ports = JsonDocument.Parse(line);
        _port = ports.RootElement.GetProperty("port").GetInt32();
        _gzipPort = ports.RootElement.GetProperty("gzip_port").GetInt32();
    }

    public async ValueTask DisposeAsync()
    {
        if (_node is null)
        {
            return;
        }

        // It ends when its input does; a handler that is still sleeping must not keep it.
        _node.StandardInput.Close();
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            await _node.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            _node.Kill(entireProcessTree: true);
        }

        _node.Dispose();
    }

    /// <summary>A channel to the server that takes messages as large as the server does. Skips the test where there is no Node.</summary>
    internal RpcChannel Connect(Func<RpcChannelOptions, RpcChannelOptions>? configure = null) => Connect(_scheme, _port, configure);

    /// <summary>A channel to the port that answers compressed.</summary>
    internal RpcChannel ConnectCompressed() => Connect("http", _gzipPort, null);

    /// <summary>The server learns of a cancellation a moment later than its client: this asks until it has.</summary>
    internal async Task AssertOutcomeAsync(string callId, Outcome expected)
    {
        await using var channel = Connect();
        var since = Stopwatch.StartNew();
        while (true)
        {
            var outcome = await OutcomeAsync(channel, callId);
            if (outcome == expected)
            {
                return;
            }

            Assert.True(since.Elapsed < Patience, string.Create(
                CultureInfo.InvariantCulture, $"After {since.Elapsed.TotalSeconds:F1} s the server still calls {callId} {outcome}, not {expected}."));
            await Task.Yield();
        }
    }

    /// <summary>What the server says now of a call.</summary>
    internal async Task<Outcome> OutcomeAsync(string callId)
    {
        await using var channel = Connect();
        return await OutcomeAsync(channel, callId);
    }

    private static async Task<Outcome> OutcomeAsync(RpcChannel channel, string callId)
    {
        var options = new RpcCallOptions { Timeout = Patience, CancellationToken = TestContext.Current.CancellationToken };
        return (await channel.UnaryAsync(OutcomeOf, new OutcomeRequest { CallId = callId }, options)).Outcome;
    }

    private static RpcMethod<TRequest, TResponse> Method<TRequest, TResponse>(string name)
        where TRequest : Google.Protobuf.IMessage<TRequest>, new()
        where TResponse : Google.Protobuf.IMessage<TResponse>, new()
        => RpcMethod.Of<TRequest, TResponse>(InteropReflection.Descriptor.Services.Single().FindMethodByName(name));

    private static RpcChannel Connect(string scheme, int port, Func<RpcChannelOptions, RpcChannelOptions>? configure)
    {
        Assert.SkipWhen(NodeProgram.Obstacle is not null, NodeProgram.Obstacle ?? "");
        var options = new RpcChannelOptions
        {
            Addresses = [new Uri($"{scheme}://{IPAddress.Loopback}:{port}")],
            MaxReceiveMessageBytes = EchoService.MaxMessageBytes,
        };
        return new RpcChannel(configure?.Invoke(options) ?? options);
    }
}
