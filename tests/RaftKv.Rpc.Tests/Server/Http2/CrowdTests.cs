using System.Buffers;
using System.Diagnostics;
using System.Net;
using RaftKv.Rpc.Server;
using RaftKv.Rpc.Tests.RawHttp2;

namespace RaftKv.Rpc.Tests.Server.Http2;

/// <summary>Many calls of every shape at once, from clients that do all that HTTP/2 allows; see <see cref="UnevenClient"/>.</summary>
[Collection(nameof(FloodCollection))]
public sealed class CrowdTests : IRpcServerObserver, IRpcMethodObserver
{
    private const string Unary = "/etcdserverpb.KV/Range";
    private const string BriefUnary = "/etcdserverpb.KV/Put";
    private const string ServerStreaming = "/etcdserverpb.Maintenance/Snapshot";
    private const string Duplex = "/etcdserverpb.Watch/Watch";
    private const int Connections = 4;
    private const int CallsAtOnce = 6;
    private const int Calls = 12;
    private const int WindowChanges = 30;

    private int _begun;
    private int _open;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Every_answer_is_right_and_nothing_is_left(int seed)
    {
        var errors = new LoggedErrors();
        await using var host = await StartAsync(errors);
        await Task.WhenAll(Enumerable.Range(0, Connections).Select(i => Task.Run(() => BeOneOfThemAsync(host, (1_000 * seed) + i))));

        await NoCallIsOpenAsync();
        var last = await ConnectAsync(host, seed);
        await last.CallAsync(Unary, GrpcFrames.Framed([1, 2, 3]), GrpcFrames.Framed(Turned([1, 2, 3], 1)), CallManner.Whole, seed);
        Assert.True(_begun > Connections * CallsAtOnce * Calls / 2);
        Assert.Empty(errors.Lines);

        // Its patience is for calls, and there are none.
        await host.StopAsync(TestContext.Current.CancellationToken).WaitAsync(PlainHttp.Patience, TestContext.Current.CancellationToken);
        await last.LeaveAsync();
    }

    IRpcMethodObserver IRpcServerObserver.Of(RpcMethod method) => this;

    long IRpcMethodObserver.Begin()
    {
        Interlocked.Increment(ref _open);
        return Interlocked.Increment(ref _begun);
    }

    void IRpcMethodObserver.MessageReceived(long bytes)
    {
    }

    void IRpcMethodObserver.MessageSent(long bytes)
    {
    }

    void IRpcMethodObserver.End(long began, RpcStatusCode code) => Interlocked.Decrement(ref _open);

    private Task<RpcHost> StartAsync(LoggedErrors errors)
    {
        var kv = TestHost.Kv()
            .UnaryBytes("Range", async (request, response, _) =>
            {
                await Task.Yield();
                response.Write(Turned(request.ToArray(), 1));
            })
            .UnaryBytes(
                "Put",
                (request, response, _) =>
                {
                    response.Write(Turned(request.ToArray(), 1));
                    return default;
                },
                new RpcMethodLimits { IsBrief = true });
        var maintenance = TestHost.Maintenance().ServerStreamingBytes("Snapshot", async (request, responses, _) =>
        {
            var bytes = request.ToArray();
            for (var i = 0; i < Answers(bytes); i++)
            {
                await responses.WriteAsync(new ReadOnlySequence<byte>(Turned(bytes, i)));
            }
        });
        var watch = TestHost.Watch().DuplexBytes("Watch", async (requests, responses, _) =>
        {
            await foreach (var request in requests)
            {
                await responses.WriteAsync(new ReadOnlySequence<byte>(Turned(request.ToArray(), 2)));
            }
        });
        var options = TestHost.Options(kv, maintenance, watch);
        options.Server.Loggers = errors;
        options.Server.Observer = this;
        options.StopTimeout = TimeSpan.FromMinutes(2);
        options.Connections = new RpcConnectionLimits { StreamWindowBytes = 10_000, ConnectionWindowBytes = 65_535, ResponseBufferBytes = 4_000 };
        return RpcHost.StartAsync(options, TestContext.Current.CancellationToken);
    }

    private static Task<UnevenClient> ConnectAsync(RpcHost host, int seed)
        => UnevenClient.ConnectAsync(new IPEndPoint(IPAddress.Loopback, host.Address().Port), seed);

    private static async Task BeOneOfThemAsync(RpcHost host, int seed)
    {
        var client = await ConnectAsync(host, seed);
        var changes = new Random(seed);
        await Task.WhenAll(Enumerable.Range(0, CallsAtOnce).Select(i => Task.Run(async () =>
        {
            var random = new Random((100 * seed) + i);
            for (var call = 0; call < Calls; call++)
            {
                var isHeld = random.Next(5) == 0;
                await (isHeld
                    ? CallAsync(client, random, [Unary, BriefUnary, ServerStreaming], () => CallAsync(client, random, [Unary, BriefUnary, ServerStreaming, Duplex]))
                    : CallAsync(client, random, [Unary, BriefUnary, ServerStreaming, Duplex]));
                if (i < WindowChanges / Calls)
                {
                    lock (changes)
                    {
                        client.ChangeWindows(changes.Next(3) == 0 ? changes.Next(3) : changes.Next(20_000));
                    }
                }
            }
        })));

        if (seed % 2 == 0)
        {
            await client.LeaveAsync();
            return;
        }

        // In the middle of some calls.
        var midst = Enumerable.Range(0, CallsAtOnce).Select(i => CallAsync(client, new Random(i), [Unary, ServerStreaming, Duplex])).ToArray();
        await Task.WhenAny(midst);
        await client.VanishAsync();
        await Task.WhenAll(midst).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private static Task CallAsync(UnevenClient client, Random random, string[] paths, Func<Task>? meanwhile = null)
    {
        var path = paths[random.Next(paths.Length)];
        var manner = random.Next(5) switch
        {
            0 => CallManner.GivenUpWhileAsking,
            1 => CallManner.GivenUpWhileListening,
            _ => CallManner.Whole,
        };
        var messages = Enumerable.Range(0, path == Duplex ? random.Next(1, 10) : 1).Select(_ => Message(random)).ToArray();
        var expected = path switch
        {
            ServerStreaming => Enumerable.Range(0, Answers(messages[0])).Select(i => Turned(messages[0], i)),
            Duplex => messages.Select(message => Turned(message, 2)),
            _ => [Turned(messages[0], 1)],
        };
        return client.CallAsync(path, Framed(messages), Framed(expected), manner, random.Next(), meanwhile);
    }

    private static byte[] Message(Random random)
    {
        var message = new byte[1 + (random.Next(3) == 0 ? random.Next(20_000) : random.Next(200))];
        random.NextBytes(message);
        return message;
    }

    private static byte[] Framed(IEnumerable<byte[]> messages) => messages.SelectMany(message => GrpcFrames.Framed(message)).ToArray();

    private static int Answers(byte[] request) => 1 + (request[0] % 8);

    private static byte[] Turned(byte[] bytes, int by) => Array.ConvertAll(bytes, b => (byte)(b + by));

    private async Task NoCallIsOpenAsync()
    {
        for (var since = Stopwatch.StartNew(); Volatile.Read(ref _open) > 0;)
        {
            Assert.True(since.Elapsed < PlainHttp.Patience, $"Of {_begun} calls {_open} are open.");
            await Task.Yield();
        }
    }
}
