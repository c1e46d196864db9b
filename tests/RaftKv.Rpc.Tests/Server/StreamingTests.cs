using System.Buffers;
using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc.Server;

namespace RaftKv.Rpc.Tests.Server;

public sealed class StreamingTests
{
    private const string Watch = "/etcdserverpb.Watch/Watch";
    private const string Snapshot = "/etcdserverpb.Maintenance/Snapshot";

    [Fact]
    public async Task A_server_stream_arrives_message_by_message()
    {
        var next = new SemaphoreSlim(0);
        await using var host = await TestHost.StartAsync(TestHost.Maintenance().ServerStreaming<SnapshotRequest, SnapshotResponse>(
            "Snapshot",
            async (_, responses, _) =>
            {
                for (var i = 0; i < 3; i++)
                {
                    await next.WaitAsync();
                    await responses.WriteAsync(new SnapshotResponse { RemainingBytes = (ulong)i });
                }
            }));
        await using var stream = new RawStream(host.Address(), Snapshot);
        await stream.WriteAsync(RawCall.Framed([]));
        stream.EndRequest();

        for (var i = 0; i < 3; i++)
        {
            // Only now is the next one written: none waits for the one behind it.
            next.Release();
            Assert.Equal((ulong)i, SnapshotResponse.Parser.ParseFrom(await stream.ReadAsync()).RemainingBytes);
        }

        Assert.Equal((RpcStatusCode.Ok, ""), await stream.StatusAsync());
    }

    [Fact]
    public async Task A_duplex_call_answers_while_it_is_asked()
    {
        await using var host = await TestHost.StartAsync(EchoWatch());
        await using var stream = new RawStream(host.Address(), Watch);

        foreach (var id in new[] { 1, 700, 3 })
        {
            await stream.WriteAsync(RawCall.Framed(new WatchRequest { CancelRequest = new WatchCancelRequest { WatchId = id } }));
            Assert.Equal(id, WatchResponse.Parser.ParseFrom(await stream.ReadAsync()).WatchId);
        }

        stream.EndRequest();
        Assert.Equal((RpcStatusCode.Ok, ""), await stream.StatusAsync());
    }

    [Fact]
    public async Task A_duplex_call_takes_messages_cut_anywhere()
    {
        await using var host = await TestHost.StartAsync(EchoWatch());
        await using var stream = new RawStream(host.Address(), Watch);
        var framed = RawCall.Framed(new WatchRequest { CancelRequest = new WatchCancelRequest { WatchId = 99 } });

        foreach (var b in framed)
        {
            await stream.WriteAsync([b]);
        }

        Assert.Equal(99, WatchResponse.Parser.ParseFrom(await stream.ReadAsync()).WatchId);
    }

    [Fact]
    public async Task A_stream_of_bytes_lends_each_request_until_the_next()
    {
        await using var host = await TestHost.StartAsync(TestHost.Watch().DuplexBytes("Watch", async (requests, responses, _) =>
        {
            await foreach (var request in requests)
            {
                await Task.Yield();
                responses.BeginMessage().Write(request.ToArray());
                responses.EndMessage();
                await responses.WriteAsync(request);
            }
        }));
        await using var stream = new RawStream(host.Address(), Watch);

        foreach (var size in new[] { 0, 1, 100, 10_000, 300_000 })
        {
            var bytes = Enumerable.Range(0, size).Select(i => (byte)(i * 13)).ToArray();
            await stream.WriteAsync(RawCall.Framed(bytes));

            Assert.Equal(bytes, await stream.ReadAsync());
            Assert.Equal(bytes, await stream.ReadAsync());
        }
    }

    [Fact]
    public async Task A_stream_may_fail_in_the_middle()
    {
        await using var host = await TestHost.StartAsync(TestHost.Watch().Duplex<WatchRequest, WatchResponse>(
            "Watch",
            async (_, responses, call) =>
            {
                await responses.WriteAsync(new WatchResponse { WatchId = 1 });
                call.ResponseTrailers.Add("why", "because");
                throw new RpcException(RpcStatusCode.DataLoss, "corrupt");
            }));
        await using var stream = new RawStream(host.Address(), Watch);

        Assert.NotNull(await stream.ReadAsync());
        Assert.Equal((RpcStatusCode.DataLoss, "corrupt"), await stream.StatusAsync());
        Assert.Equal("because", Assert.Single((await stream.HeadersAsync()).TrailingHeaders.GetValues("why")));
    }

    [Fact]
    public async Task A_stream_that_is_refused_at_once_has_only_a_status()
    {
        await using var host = await TestHost.StartAsync(TestHost.Watch().Duplex<WatchRequest, WatchResponse>(
            "Watch", (_, _, call) => call.Refuse(new RpcStatus(RpcStatusCode.PermissionDenied, "not you"))));
        await using var stream = new RawStream(host.Address(), Watch);

        Assert.Equal((RpcStatusCode.PermissionDenied, "not you"), await stream.StatusAsync());
    }

    [Fact]
    public async Task Headers_can_go_ahead_of_the_first_message()
    {
        var go = new SemaphoreSlim(0);
        await using var host = await TestHost.StartAsync(TestHost.Watch().Duplex<WatchRequest, WatchResponse>(
            "Watch",
            async (_, responses, call) =>
            {
                call.ResponseHeaders.Add("early", "bird");
                await call.SendHeadersAsync();
                await go.WaitAsync();
                await responses.WriteAsync(new WatchResponse());
            }));
        await using var stream = new RawStream(host.Address(), Watch);

        var headers = await stream.HeadersAsync();
        go.Release();

        Assert.Equal("bird", Assert.Single(headers.Headers.GetValues("early")));
        Assert.Equal((RpcStatusCode.Ok, ""), await stream.StatusAsync());
    }

    [Fact]
    public async Task A_client_that_goes_cancels_the_handler()
    {
        var cancelled = new TaskCompletionSource();
        var ended = new TaskCompletionSource();
        await using var host = await TestHost.StartAsync(TestHost.Watch().Duplex<WatchRequest, WatchResponse>(
            "Watch",
            async (requests, responses, call) =>
            {
                await responses.WriteAsync(new WatchResponse());
                using var told = call.CancellationToken.Register(() => cancelled.SetResult());
                try
                {
                    await requests.MoveNextAsync();
                }
                catch (Exception trouble) when (trouble is OperationCanceledException or IOException)
                {
                    // Which of the two comes first is up to the transport; the token must follow in any case.
                    await cancelled.Task;
                    ended.SetResult();
                }
            }));
        await using var stream = new RawStream(host.Address(), Watch);
        await stream.ReadAsync();

        stream.Reset();

        await ended.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_client_that_does_not_read_stops_the_writer_and_costs_little()
    {
        var message = new SnapshotResponse { Blob = ByteString.CopyFrom(new byte[16 * 1024]) };
        var written = 0L;
        var stalled = new TaskCompletionSource();
        await using var host = await TestHost.StartAsync(TestHost.Maintenance().ServerStreaming<SnapshotRequest, SnapshotResponse>(
            "Snapshot",
            async (_, responses, call) =>
            {
                for (var i = 0; i < 10_000; i++)
                {
                    var sending = responses.WriteAsync(message);
                    written += message.Blob.Length;
                    if (!sending.IsCompleted)
                    {
                        // It may be waiting for the connection's own writer only; what matters is where it comes to rest.
                        var pending = sending.AsTask();
                        if (await Task.WhenAny(pending, Task.Delay(2000, call.CancellationToken)) != pending)
                        {
                            stalled.TrySetResult();
                        }

                        await pending;
                        continue;
                    }

                    await sending;
                }
            }));
        await using var stream = new RawStream(host.Address(), Snapshot);
        await stream.WriteAsync(RawCall.Framed([]));
        stream.EndRequest();
        await stream.ReadAsync();

        await stalled.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

        // The client's window, the server's buffer, and a message: of 160 MB, a fraction of one is in memory.
        Assert.InRange(Interlocked.Read(ref written), 1, 1024 * 1024);
    }

    [Fact]
    public async Task Many_messages_written_before_one_flush_all_arrive_in_order()
    {
        await using var host = await TestHost.StartAsync(TestHost.Maintenance().ServerStreaming<SnapshotRequest, SnapshotResponse>(
            "Snapshot",
            async (_, responses, _) =>
            {
                for (var i = 0; i < 10_000; i++)
                {
                    responses.Write(new SnapshotResponse { RemainingBytes = (ulong)i });
                    if (i % 100 == 99)
                    {
                        await responses.FlushAsync();
                    }
                }
            }));
        await using var stream = new RawStream(host.Address(), Snapshot);
        await stream.WriteAsync(RawCall.Framed([]));
        stream.EndRequest();

        for (var i = 0; i < 10_000; i++)
        {
            Assert.Equal((ulong)i, SnapshotResponse.Parser.ParseFrom(await stream.ReadAsync()).RemainingBytes);
        }

        Assert.Null(await stream.ReadAsync());
    }

    [Fact]
    public async Task What_was_written_arrives_in_order_whoever_flushes_it()
    {
        // Small ones beside each other, some that begin where a block of the pipe ends, some that need several; in pieces.
        int[] sizes = [0, 1, 5, 4_090, 4_091, 4_096, 3, 10_000, 0, 7, 40_000, 2];
        await using var host = await TestHost.StartAsync(TestHost.Watch().DuplexBytes("Watch", async (requests, responses, call) =>
        {
            Assert.True(await requests.MoveNextAsync());
            for (var i = 0; i < 5 * sizes.Length; i++)
            {
                var bytes = Bytes(i, sizes[i % sizes.Length]);
                if (i % 3 == 0)
                {
                    responses.Write(new ReadOnlySequence<byte>(bytes));
                }
                else
                {
                    var output = responses.BeginMessage();
                    output.Write(bytes.AsSpan(0, bytes.Length / 3));
                    output.Write(bytes.AsSpan(bytes.Length / 3));
                    responses.EndMessage();
                }

                if (i == sizes.Length)
                {
                    await call.SendHeadersAsync();
                }
                else if (i == 2 * sizes.Length)
                {
                    await responses.FlushAsync();
                }
            }

            // The rest is sent with the status.
        }));
        await using var stream = new RawStream(host.Address(), Watch);
        await stream.WriteAsync(RawCall.Framed([]));
        stream.EndRequest();

        for (var i = 0; i < 5 * sizes.Length; i++)
        {
            Assert.Equal(Bytes(i, sizes[i % sizes.Length]), await stream.ReadAsync());
        }

        Assert.Null(await stream.ReadAsync());
        Assert.Equal((RpcStatusCode.Ok, ""), await stream.StatusAsync());

        static byte[] Bytes(int seed, int size) => [.. Enumerable.Range(seed, size).Select(n => (byte)(n * 13))];
    }

    [Fact]
    public async Task A_server_that_stops_ends_its_streams_as_unavailable()
    {
        await using var host = await TestHost.StartAsync(EchoWatch());
        await using var stream = new RawStream(host.Address(), Watch);
        await stream.WriteAsync(RawCall.Framed(new WatchRequest()));
        await stream.ReadAsync();

        var stopping = host.StopAsync(TestContext.Current.CancellationToken);

        Assert.Equal(RpcStatusCode.Unavailable, (await stream.StatusAsync()).Code);
        await stopping;
    }

    [Fact]
    public async Task A_unary_call_that_waits_for_others_ends_with_the_server_too()
    {
        var isWaiting = new TaskCompletionSource();
        await using var host = await TestHost.StartAsync(TestHost.Kv().Unary<PutRequest, PutResponse>(
            "Put",
            async (_, call) =>
            {
                isWaiting.SetResult();
                await Task.Delay(Timeout.Infinite, call.CancellationToken);
                return new PutResponse();
            },
            new RpcMethodLimits { EndsWithServer = true }));
        await using var stream = new RawStream(host.Address(), "/etcdserverpb.KV/Put");
        await stream.WriteAsync(RawCall.Framed(new PutRequest()));
        stream.EndRequest();
        await isWaiting.Task.WaitAsync(TestContext.Current.CancellationToken);

        var stopping = host.StopAsync(TestContext.Current.CancellationToken);

        Assert.Equal(RpcStatusCode.Unavailable, (await stream.StatusAsync()).Code);
        await stopping;
    }

    private static RpcService EchoWatch() => TestHost.Watch().Duplex<WatchRequest, WatchResponse>("Watch", async (requests, responses, _) =>
    {
        await foreach (var request in requests)
        {
            await responses.WriteAsync(new WatchResponse { WatchId = request.CancelRequest?.WatchId ?? 0 });
        }
    });
}
