using System.Diagnostics;
using System.Net;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc.Server;
using RaftKv.Rpc.Tests.RawHttp2;

namespace RaftKv.Rpc.Tests.Server;

/// <summary>
/// A server whose calls of Put stay open until they are cancelled or let go, and that counts them; Range answers at
/// once, and Watch answers each request. For tests of what calls leave behind.
/// </summary>
internal sealed class HeldCalls : IAsyncDisposable
{
    public const string Range = "/etcdserverpb.KV/Range";
    public const string Put = "/etcdserverpb.KV/Put";
    public const string Watch = "/etcdserverpb.Watch/Watch";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly TaskCompletionSource _letGo = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _begun;
    private int _open;
    private int _cancelled;

    private HeldCalls()
    {
    }

    public RpcHost Host { get; private set; } = null!;

    public LoggedErrors Errors { get; } = new();

    public int Begun => Volatile.Read(ref _begun);

    public int Open => Volatile.Read(ref _open);

    public int Cancelled => Volatile.Read(ref _cancelled);

    public static async Task<HeldCalls> StartAsync(Action<RpcHostOptions>? configure = null)
    {
        var calls = new HeldCalls();
        var kv = TestHost.Kv()
            .Unary<RangeRequest, RangeResponse>("Range", (request, _) => new(new RangeResponse { Count = request.Limit }))
            .Unary<PutRequest, PutResponse>("Put", (_, call) => calls.CountedAsync(async () =>
            {
                await calls._letGo.Task.WaitAsync(call.CancellationToken);
                return new PutResponse();
            }));
        var watch = TestHost.Watch().Duplex<WatchRequest, WatchResponse>("Watch", async (requests, responses, _) => await calls.CountedAsync(async () =>
        {
            await foreach (var request in requests)
            {
                await responses.WriteAsync(new WatchResponse { WatchId = request.CancelRequest?.WatchId ?? -1 });
            }

            return true;
        }));
        var options = TestHost.Options(kv, watch);
        options.Server.Loggers = calls.Errors;
        configure?.Invoke(options);
        calls.Host = await RpcHost.StartAsync(options, TestContext.Current.CancellationToken);
        return calls;
    }

    public Task<RawConnection> ConnectAsync(params (ushort Id, uint Value)[] settings)
        => RawConnection.ConnectAsync(new IPEndPoint(IPAddress.Loopback, Host.Address().Port), settings);

    public void LetGo() => _letGo.TrySetResult();

    /// <summary>A call on a connection of its own succeeds.</summary>
    public async Task AnswersAsync()
    {
        using var raw = new RawCall();
        var answer = await raw.PostAsync(Host.Address(), Range, RawCall.Framed(new RangeRequest { Limit = 7 })).WaitAsync(Patience);
        Assert.Equal(RpcStatusCode.Ok, answer.Code);
        Assert.Equal(7, RangeResponse.Parser.ParseFrom(Assert.Single(answer.Messages()).Message).Count);
    }

    /// <summary>Waits for a condition on the counts.</summary>
    public async Task UntilAsync(Func<HeldCalls, bool> condition)
    {
        for (var since = Stopwatch.StartNew(); !condition(this);)
        {
            Assert.True(since.Elapsed < Patience, $"After {Patience}: {Begun} calls begun, {Open} open, {Cancelled} cancelled. {string.Join('\n', Errors.Lines)}");
            await Task.Yield();
        }
    }

    public async ValueTask DisposeAsync()
    {
        LetGo();
        await Host.DisposeAsync();
    }

    private async ValueTask<T> CountedAsync<T>(Func<Task<T>> run)
    {
        Interlocked.Increment(ref _begun);
        Interlocked.Increment(ref _open);
        try
        {
            return await run();
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            Interlocked.Increment(ref _cancelled);
            throw;
        }
        finally
        {
            Interlocked.Decrement(ref _open);
        }
    }
}
