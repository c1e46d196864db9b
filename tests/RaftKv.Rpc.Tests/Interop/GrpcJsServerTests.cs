using System.Globalization;
using Google.Protobuf;
using RaftKv.Rpc.Client;
using RaftKv.Rpc.Tests.Server;
using Outcome = RaftKv.Rpc.Tests.Interop.OutcomeResponse.Types.Outcome;

namespace RaftKv.Rpc.Tests.Interop;

/// <summary>Our client before the server of grpc-js, which nobody here wrote.</summary>
public sealed class GrpcJsServerTests(GrpcJsServer server) : IClassFixture<GrpcJsServer>
{
    private const string Text = "grüße, 世界, 🙂";
    private const string FailText = "Schlüssel „größe“ fehlt: 100 % von 値\nzweite Zeile";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task A_unary_call_comes_back()
    {
        await using var channel = server.Connect();

        var answer = await channel.UnaryAsync(GrpcJsServer.Unary, new EchoRequest { Payload = ByteString.CopyFrom(0, 1, 255), Text = Text }, Within());

        Assert.Equal([0, 1, 255], answer.Payload.ToByteArray());
        Assert.Equal(Text, answer.Text);
        Assert.Equal(1u, answer.Received);
        Assert.InRange(answer.RemainingMs, 1u, (uint)Patience.TotalMilliseconds);
    }

    [Fact]
    public async Task An_empty_message_is_a_message()
    {
        await using var channel = server.Connect();

        var answer = await channel.UnaryAsync(GrpcJsServer.Unary, new EchoRequest(), new RpcCallOptions { CancellationToken = TestContext.Current.CancellationToken });

        Assert.Equal("", answer.Text);
        Assert.Equal(0u, answer.RemainingMs); // No deadline was set, and none may arrive.
    }

    [Fact]
    public async Task Large_messages_pass_both_ways()
    {
        await using var channel = server.Connect();
        var payload = Pattern(8 * 1024 * 1024);

        var answer = await channel.UnaryAsync(GrpcJsServer.Unary, new EchoRequest { Payload = payload }, Within());

        Assert.Equal(payload, answer.Payload);
    }

    [Fact]
    public async Task Many_calls_at_once_each_get_their_own_answer()
    {
        await using var channel = server.Connect();

        await Task.WhenAll(Enumerable.Range(0, 500).Select(async i =>
        {
            var request = new EchoRequest { Text = $"{i}", Payload = Pattern(i) };
            var answer = await channel.UnaryAsync(GrpcJsServer.Unary, request, Within());
            Assert.Equal(request.Text, answer.Text);
            Assert.Equal(request.Payload, answer.Payload);
        }));
    }

    [Fact]
    public async Task A_client_stream_arrives_whole_and_in_order()
    {
        await using var channel = server.Connect();
        await using var call = channel.ClientStreaming(GrpcJsServer.ClientStream, Within());
        var expected = "";
        for (var i = 0; i < 1000; i++)
        {
            expected += $"{i},";
            Assert.True(await call.Requests.WriteAsync(new EchoRequest { Text = $"{i},", Payload = Pattern(i) }));
        }

        var answer = await call.ResponseAsync();

        Assert.Equal(expected, answer.Text);
        Assert.Equal(1000u, answer.Received);
        Assert.Equal(999u * 1000 / 2, answer.ReceivedBytes);
    }

    [Fact]
    public async Task A_client_stream_may_be_empty()
    {
        await using var channel = server.Connect();
        await using var call = channel.ClientStreaming(GrpcJsServer.ClientStream, Within());

        Assert.Equal(0u, (await call.ResponseAsync()).Received);
    }

    [Fact]
    public async Task A_client_stream_may_be_refused_before_it_ends()
    {
        await using var channel = server.Connect();
        await using var call = channel.ClientStreaming(GrpcJsServer.ClientStream, Within());
        await call.Requests.WriteAsync(new EchoRequest { FailCode = 9, FailText = FailText });

        // The server has answered without reading on; writing goes on until the client has heard of it.
        while (await call.Requests.WriteAsync(new EchoRequest { Payload = Pattern(1000) }))
        {
        }

        var failure = await Assert.ThrowsAsync<RpcException>(async () => await call.ResponseAsync());
        Assert.Equal(new RpcStatus(RpcStatusCode.FailedPrecondition, FailText), failure.Status);
    }

    [Theory]
    [InlineData(0, 100)]
    [InlineData(1000, 10)]
    [InlineData(20, 1024 * 1024)]
    public async Task A_server_stream_arrives_whole_and_in_order(int count, int size)
    {
        await using var channel = server.Connect();
        await using var call = channel.ServerStreaming(
            GrpcJsServer.ServerStream, new EchoRequest { Count = (uint)count, ResponseSize = (uint)size }, Within());

        var index = 0u;
        var pattern = Pattern(size);
        await foreach (var answer in call.Responses)
        {
            Assert.Equal(index++, answer.Index);
            Assert.Equal(pattern, answer.Payload);
        }

        Assert.Equal((uint)count, index);
        Assert.Equal(RpcStatus.Ok, call.Responses.Status);
    }

    [Fact]
    public async Task A_duplex_call_answers_while_it_is_asked()
    {
        await using var channel = server.Connect();
        await using var call = channel.Duplex(GrpcJsServer.Duplex, Within());
        var responses = call.Responses.GetAsyncEnumerator(TestContext.Current.CancellationToken);

        for (var i = 0; i < 200; i++)
        {
            await call.Requests.WriteAsync(new EchoRequest { Text = $"{i}", Count = 1 });
            Assert.True(await responses.MoveNextAsync());
            Assert.Equal($"{i}", responses.Current.Text);
        }

        await call.Requests.CompleteAsync();
        Assert.False(await responses.MoveNextAsync());
        Assert.Equal(RpcStatus.Ok, call.Responses.Status);
    }

    [Fact]
    public async Task Both_directions_of_a_duplex_call_flow_at_once()
    {
        await using var channel = server.Connect();
        await using var call = channel.Duplex(GrpcJsServer.Duplex, Within());
        var writing = WriteAsync();

        var received = 0;
        await foreach (var answer in call.Responses)
        {
            Assert.Equal((uint)received++, answer.Index);
            Assert.Equal(100_000, answer.Payload.Length);
        }

        await writing;
        Assert.Equal(200, received);

        async Task WriteAsync()
        {
            for (var i = 0; i < 100; i++)
            {
                await call.Requests.WriteAsync(new EchoRequest { Count = 2, Payload = Pattern(100_000) });
            }

            await call.Requests.CompleteAsync();
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    public async Task Metadata_goes_both_ways(int failCode)
    {
        await using var channel = server.Connect();
        var metadata = new RpcMetadata
        {
            { "echo-initial-text", "plain, with commas; and = signs" },
            { "echo-initial-bytes-bin", new byte[] { 0, 1, 2, 254, 255 } },
            { "echo-trailing-text", "at the end" },
            { "echo-trailing-bytes-bin", new byte[] { 255, 0 } },
            { "echo-trailing-none-bin", Array.Empty<byte>() },
        };
        await using var call = channel.ServerStreaming(
            GrpcJsServer.ServerStream, new EchoRequest { Count = 1, FailCode = failCode, FailText = FailText }, Within() with { Metadata = metadata });

        var headers = await call.HeadersAsync();
        var answers = new List<EchoResponse>();
        RpcException? failure = null;
        try
        {
            await foreach (var answer in call.Responses)
            {
                answers.Add(answer);
            }
        }
        catch (RpcException e)
        {
            failure = e;
        }

        Assert.Equal("plain, with commas; and = signs", headers.Text("echo-initial-text"));
        Assert.Equal([0, 1, 2, 254, 255], headers.Bytes("echo-initial-bytes-bin")!.Value.ToArray());
        Assert.Equal("at the end", call.Responses.Trailers.Text("echo-trailing-text"));
        Assert.Equal([255, 0], call.Responses.Trailers.Bytes("echo-trailing-bytes-bin")!.Value.ToArray());
        Assert.Equal([], call.Responses.Trailers.Bytes("echo-trailing-none-bin")!.Value.ToArray());
        Assert.Equal(failCode == 0 ? null : new RpcStatus(RpcStatusCode.NotFound, FailText), failure?.Status);
        Assert.Equal("at the end", (failure?.Trailers ?? call.Responses.Trailers).Text("echo-trailing-text"));

        var seen = Assert.Single(answers).Metadata.ToDictionary(header => header.Key, header => header.Value);
        Assert.Equal("plain, with commas; and = signs", seen["echo-initial-text"].ToStringUtf8());
        Assert.Equal([0, 1, 2, 254, 255], seen["echo-initial-bytes-bin"].ToByteArray());
        Assert.Equal([], seen["echo-trailing-none-bin"].ToByteArray());
    }

    [Fact]
    public async Task Several_values_of_one_key_stay_several()
    {
        await using var channel = server.Connect();
        var metadata = new RpcMetadata
        {
            { "echo-initial-many-bin", new byte[] { 1 } },
            { "echo-initial-many-bin", new byte[] { 2, 3 } },
            { "echo-initial-many-bin", new byte[] { 4, 5, 6 } },
        };

        var (answer, headers, _) = await channel.UnaryWithMetadataAsync(GrpcJsServer.Unary, new EchoRequest(), Within() with { Metadata = metadata });

        byte[][] expected = [[1], [2, 3], [4, 5, 6]];
        Assert.Equal(expected, answer.Metadata.Select(header => header.Value.ToByteArray()));
        Assert.Equal(expected, headers.Where(entry => entry.Key == "echo-initial-many-bin").Select(entry => entry.Bytes.ToArray()));
    }

    [Theory]
    [InlineData(RpcStatusCode.Cancelled)]
    [InlineData(RpcStatusCode.Unknown)]
    [InlineData(RpcStatusCode.InvalidArgument)]
    [InlineData(RpcStatusCode.DeadlineExceeded)]
    [InlineData(RpcStatusCode.NotFound)]
    [InlineData(RpcStatusCode.AlreadyExists)]
    [InlineData(RpcStatusCode.PermissionDenied)]
    [InlineData(RpcStatusCode.ResourceExhausted)]
    [InlineData(RpcStatusCode.FailedPrecondition)]
    [InlineData(RpcStatusCode.Aborted)]
    [InlineData(RpcStatusCode.OutOfRange)]
    [InlineData(RpcStatusCode.Unimplemented)]
    [InlineData(RpcStatusCode.Internal)]
    [InlineData(RpcStatusCode.Unavailable)]
    [InlineData(RpcStatusCode.DataLoss)]
    [InlineData(RpcStatusCode.Unauthenticated)]
    public async Task Every_status_arrives_with_its_text_and_trailers(RpcStatusCode code)
    {
        await using var channel = server.Connect();
        var request = new EchoRequest { FailCode = (int)code, FailText = FailText };
        var options = Within() with { Metadata = new RpcMetadata { { "echo-trailing-why", "because" } } };

        var failure = await Assert.ThrowsAsync<RpcException>(async () => await channel.UnaryAsync(GrpcJsServer.Unary, request, options));

        Assert.Equal(new RpcStatus(code, FailText), failure.Status);
        Assert.Equal("because", failure.Trailers.Text("echo-trailing-why"));
    }

    [Fact]
    public async Task A_failure_after_messages_loses_none_of_them()
    {
        await using var channel = server.Connect();
        await using var call = channel.ServerStreaming(
            GrpcJsServer.ServerStream, new EchoRequest { Count = 100, FailCode = 11, FailText = FailText }, Within());

        var count = 0;
        var failure = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            await foreach (var _ in call.Responses)
            {
                count++;
            }
        });

        Assert.Equal(100, count);
        Assert.Equal(new RpcStatus(RpcStatusCode.OutOfRange, FailText), failure.Status);
    }

    [Fact]
    public async Task A_method_nobody_has_is_unimplemented()
    {
        await using var channel = server.Connect();
        var method = new RpcMethod<EchoRequest, EchoResponse>(
            "raftkv.interop.Echo", "Nothing", RpcShape.Unary, MessageCodec.Of<EchoRequest>(), MessageCodec.Of<EchoResponse>());

        var failure = await Assert.ThrowsAsync<RpcException>(async () => await channel.UnaryAsync(method, new EchoRequest(), Within()));

        Assert.Equal(RpcStatusCode.Unimplemented, failure.Code);
    }

    [Fact]
    public async Task A_deadline_ends_a_call_on_both_ends()
    {
        await using var channel = server.Connect();
        await EndAtDeadlineAsync(async (callId, timeout) =>
        {
            var failure = await Assert.ThrowsAsync<RpcException>(async () => await channel.UnaryAsync(
                GrpcJsServer.Unary, new EchoRequest { SleepMs = 60_000, CallId = callId }, Within() with { Timeout = timeout }));

            Assert.Equal(RpcStatusCode.DeadlineExceeded, failure.Code);
        });
    }

    [Fact]
    public async Task A_deadline_ends_a_stream_on_both_ends()
    {
        await using var channel = server.Connect();
        await EndAtDeadlineAsync(async (callId, timeout) =>
        {
            await using var call = channel.ServerStreaming(
                GrpcJsServer.ServerStream, new EchoRequest { Count = 1_000_000, SleepMs = 20, CallId = callId }, Within() with { Timeout = timeout });

            var count = 0;
            var failure = await Assert.ThrowsAsync<RpcException>(async () =>
            {
                await foreach (var _ in call.Responses)
                {
                    count++;
                }
            });

            Assert.Equal(RpcStatusCode.DeadlineExceeded, failure.Code);
            Assert.InRange(count, 0, timeout.TotalMilliseconds / 20); // On a busy machine the first may not make it.
        });
    }

    [Fact]
    public async Task Cancelling_a_unary_call_reaches_the_server()
    {
        await using var channel = server.Connect();
        var callId = NewCallId();
        using var cancel = new CancellationTokenSource();
        var call = channel.UnaryAsync(
            GrpcJsServer.Unary, new EchoRequest { SleepMs = 20_000, CallId = callId }, Within() with { CancellationToken = cancel.Token }).AsTask();
        await server.AssertOutcomeAsync(callId, Outcome.Running);

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        await server.AssertOutcomeAsync(callId, Outcome.Cancelled);
    }

    [Fact]
    public async Task Leaving_a_server_stream_reaches_the_server_and_the_connection_goes_on()
    {
        await using var channel = server.Connect();
        var callId = NewCallId();
        await using (var call = channel.ServerStreaming(
            GrpcJsServer.ServerStream, new EchoRequest { Count = 1_000_000, SleepMs = 1, CallId = callId }, Within()))
        {
            await call.Responses.GetAsyncEnumerator(TestContext.Current.CancellationToken).MoveNextAsync();
        }

        await server.AssertOutcomeAsync(callId, Outcome.Cancelled);
        Assert.Equal(Text, (await channel.UnaryAsync(GrpcJsServer.Unary, new EchoRequest { Text = Text }, Within())).Text);
    }

    [Fact]
    public async Task Cancelling_a_duplex_call_reaches_the_server()
    {
        await using var channel = server.Connect();
        var callId = NewCallId();
        using var cancel = new CancellationTokenSource();
        await using var call = channel.Duplex(GrpcJsServer.Duplex, Within() with { CancellationToken = cancel.Token });
        await call.Requests.WriteAsync(new EchoRequest { CallId = callId, Count = 1 });
        var responses = call.Responses.GetAsyncEnumerator(TestContext.Current.CancellationToken);
        Assert.True(await responses.MoveNextAsync());

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await responses.MoveNextAsync());
        await server.AssertOutcomeAsync(callId, Outcome.Cancelled);
    }

    [Fact]
    public async Task A_channel_that_is_disposed_takes_its_calls_along()
    {
        var callId = NewCallId();
        var channel = server.Connect();
        var call = channel.UnaryAsync(GrpcJsServer.Unary, new EchoRequest { SleepMs = 20_000, CallId = callId }, Within()).AsTask();
        await server.AssertOutcomeAsync(callId, Outcome.Running);

        await channel.DisposeAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => call);
        await server.AssertOutcomeAsync(callId, Outcome.Cancelled);
    }

    [Fact]
    public async Task Compressed_requests_are_understood()
    {
        await using var channel = server.Connect();
        var payload = ByteString.CopyFromUtf8(string.Concat(Enumerable.Repeat("compressible ", 80_000)));

        var answer = await channel.UnaryAsync(GrpcJsServer.Unary, new EchoRequest { Payload = payload }, Within() with { GzipRequests = true });

        Assert.Equal(payload, answer.Payload);
    }

    [Fact]
    public async Task A_stream_of_compressed_requests_is_understood()
    {
        await using var channel = server.Connect();
        await using var call = channel.ClientStreaming(GrpcJsServer.ClientStream, Within() with { GzipRequests = true });
        for (var i = 0; i < 100; i++)
        {
            // Some are too small to be worth it and go as they are, under the same encoding.
            await call.Requests.WriteAsync(new EchoRequest { Payload = ByteString.CopyFrom(new byte[i % 2 == 0 ? 10_000 : 3]) });
        }

        Assert.Equal(50u * 10_003, (await call.ResponseAsync()).ReceivedBytes);
    }

    [Fact]
    public async Task Compressed_responses_are_read()
    {
        await using var channel = server.ConnectCompressed();

        var answer = await channel.UnaryAsync(GrpcJsServer.Unary, new EchoRequest { ResponseSize = 1024 * 1024 }, Within() with { GzipRequests = true });

        Assert.Equal(Pattern(1024 * 1024), answer.Payload);
    }

    [Fact]
    public async Task A_stream_of_compressed_responses_is_read()
    {
        await using var channel = server.ConnectCompressed();
        await using var call = channel.ServerStreaming(
            GrpcJsServer.ServerStream, new EchoRequest { Count = 100, ResponseSize = 10_000 }, Within());

        var count = 0;
        await foreach (var answer in call.Responses)
        {
            Assert.Equal((uint)count++, answer.Index);
            Assert.Equal(Pattern(10_000), answer.Payload);
        }

        Assert.Equal(100, count);
    }

    [Fact]
    public async Task A_request_too_large_is_refused_and_the_channel_goes_on()
    {
        await using var channel = server.Connect();
        var largest = new EchoRequest { ResponseSize = 1, Payload = ByteString.CopyFrom(new byte[EchoService.MaxMessageBytes - 7]) };
        Assert.Equal(EchoService.MaxMessageBytes, largest.CalculateSize());
        var tooLarge = new EchoRequest { ResponseSize = 1, Payload = ByteString.CopyFrom(new byte[EchoService.MaxMessageBytes - 6]) };

        var answer = await channel.UnaryAsync(GrpcJsServer.Unary, largest, Within());
        var failure = await Assert.ThrowsAsync<RpcException>(async () => await channel.UnaryAsync(GrpcJsServer.Unary, tooLarge, Within()));

        Assert.Equal((ulong)largest.Payload.Length, answer.ReceivedBytes);
        Assert.Equal(RpcStatusCode.ResourceExhausted, failure.Code);
        Assert.Equal(Text, (await channel.UnaryAsync(GrpcJsServer.Unary, new EchoRequest { Text = Text }, Within())).Text);
    }

    [Fact]
    public async Task A_response_too_large_is_refused_and_the_channel_goes_on()
    {
        await using var channel = server.Connect(options => options with { MaxReceiveMessageBytes = 1024 * 1024 });

        var failure = await Assert.ThrowsAsync<RpcException>(
            async () => await channel.UnaryAsync(GrpcJsServer.Unary, new EchoRequest { ResponseSize = 2 * 1024 * 1024 }, Within()));

        Assert.Equal(RpcStatusCode.ResourceExhausted, failure.Code);
        Assert.Equal(Text, (await channel.UnaryAsync(GrpcJsServer.Unary, new EchoRequest { Text = Text }, Within())).Text);
    }

    [Fact]
    public async Task A_server_that_renews_its_connections_costs_no_call()
    {
        await using var renewing = new GrpcJsServer("http", "--max-connection-age-ms", "100");
        await renewing.InitializeAsync();
        await using var channel = renewing.Connect();

        // 8 callers over some ten lives of a connection. None of the calls is marked as safe to retry.
        await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            for (var i = 0; i < 100; i++)
            {
                var answer = await channel.UnaryAsync(GrpcJsServer.Unary, new EchoRequest { Text = $"{i}", SleepMs = 10 }, Within());
                Assert.Equal($"{i}", answer.Text);
            }
        }));
    }

    [Fact]
    public async Task Tls_with_a_certificate_of_our_own_is_accepted()
    {
        using var authority = TestAuthority.Create();
        using var clientCertificate = authority.Issue("alice", server: false);
        using var files = CertificateFiles.Write(authority);
        await using var secure = new GrpcJsServer(
            "https", "--cert", files.ServerCertificate, "--key", files.ServerKey, "--client-ca", files.Authority);
        await secure.InitializeAsync();
        var tls = new RpcClientTls { Authorities = [authority.Certificate], Certificate = clientCertificate };
        await using var channel = secure.Connect(options => options with { Tls = tls });
        await using var stranger = secure.Connect(options => options with { Tls = tls with { Certificate = null } });

        var answer = await channel.UnaryAsync(GrpcJsServer.Unary, new EchoRequest { Text = Text }, Within());
        var failure = await Assert.ThrowsAsync<RpcException>(
            async () => await stranger.UnaryAsync(GrpcJsServer.Unary, new EchoRequest { Text = Text }, Within()));

        Assert.Equal(Text, answer.Text);
        Assert.True(failure.Code == RpcStatusCode.Unavailable, failure.ToString());
    }

    // A call whose time is over before the server has read it leaves nothing there that could be cancelled, and is made again
    // with more time.
    private async Task EndAtDeadlineAsync(Func<string, TimeSpan, Task> callAsync)
    {
        for (var timeout = TimeSpan.FromMilliseconds(500); ; timeout *= 2)
        {
            var callId = NewCallId();
            await callAsync(callId, timeout);
            if (await server.OutcomeAsync(callId) != Outcome.Unknown || timeout > Patience / 4)
            {
                await server.AssertOutcomeAsync(callId, Outcome.Cancelled);
                return;
            }
        }
    }

    private static RpcCallOptions Within() => new() { Timeout = Patience, CancellationToken = TestContext.Current.CancellationToken };

    private static string NewCallId() => Guid.NewGuid().ToString("N", CultureInfo.InvariantCulture);

    private static ByteString Pattern(int size)
    {
        var bytes = new byte[size];
        for (var i = 0; i < size; i++)
        {
            bytes[i] = (byte)(i % 251);
        }

        return UnsafeByteOperations.UnsafeWrap(bytes);
    }
}
