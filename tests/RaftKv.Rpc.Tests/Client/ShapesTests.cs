using System.Buffers;
using System.Text;
using Google.Protobuf.WellKnownTypes;
using RaftKv.Rpc.Client;
using RaftKv.Rpc.Server;

namespace RaftKv.Rpc.Tests.Client;

/// <summary>The four shapes against a server that does what it should.</summary>
public class ShapesTests : IAsyncLifetime
{
    private IAsyncDisposable? _host;
    private RpcChannel _channel = null!;

    public async ValueTask InitializeAsync() => (_host, _channel) = await OpenAsync(EchoService.Service());

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await _channel.DisposeAsync();
        await _host!.DisposeAsync();
    }

    /// <summary>A server of a service, and a channel to it.</summary>
    protected virtual async Task<(IAsyncDisposable Server, RpcChannel Channel)> OpenAsync(RpcService service)
    {
        var host = await EchoService.StartAsync(service);
        return (host, new RpcChannel(new RpcChannelOptions { Addresses = host.EndPoints }));
    }

    [Fact]
    public async Task A_unary_call_brings_one_response_for_one_request()
    {
        var response = await _channel.UnaryAsync(EchoService.Unary, EchoService.Message("hello"), Within());

        Assert.Equal("hello", EchoService.Text(response));
    }

    [Fact]
    public async Task A_unary_call_brings_headers_and_trailers_too()
    {
        var options = Within() with { Metadata = new RpcMetadata { { "ping", "42" } } };

        var (message, headers, trailers) = await _channel.UnaryWithMetadataAsync(EchoService.Unary, EchoService.Message("x"), options);

        Assert.Equal("x", EchoService.Text(message));
        Assert.Equal("42", headers.Text("pong"));
        Assert.Equal("42", trailers.Text("pong-end"));
    }

    [Fact]
    public async Task Many_unary_calls_at_once_each_get_their_own_response()
    {
        var calls = Enumerable.Range(0, 300).Select(async i =>
        {
            var response = await _channel.UnaryAsync(EchoService.Unary, EchoService.Message($"call {i}"), Within());
            Assert.Equal($"call {i}", EchoService.Text(response));
        });

        await Task.WhenAll(calls);
    }

    [Fact]
    public async Task A_unary_response_in_bytes_is_the_callers_own()
    {
        var method = RpcMethod.OfBytes(EchoService.Descriptor.FindMethodByName("Unary"));
        var request = new ReadOnlySequence<byte>([0x0a, 2, (byte)'h', (byte)'i']);

        var first = await _channel.UnaryAsync(method, request, Within());
        await _channel.UnaryAsync(method, new ReadOnlySequence<byte>([0x0a, 2, (byte)'n', (byte)'o']), Within());

        Assert.Equal(request.ToArray(), first.ToArray());
    }

    [Fact]
    public async Task Server_streaming_brings_every_response_in_order()
    {
        await using var call = _channel.ServerStreaming(EchoService.ServerStream, EchoService.Message("abc"), Within());

        Assert.Equal(["a", "b", "c"], await ReadAllAsync(call.Responses));
        Assert.Equal(RpcStatus.Ok, call.Responses.Status);
    }

    [Fact]
    public async Task A_stream_without_responses_ends_at_once()
    {
        await using var call = _channel.ServerStreaming(EchoService.ServerStream, EchoService.Message(""), Within());

        Assert.Empty(await ReadAllAsync(call.Responses));
        Assert.Equal(RpcStatus.Ok, call.Responses.Status);
    }

    [Fact]
    public async Task Client_streaming_joins_the_requests_into_one_response()
    {
        await using var call = _channel.ClientStreaming(EchoService.ClientStream, Within());
        foreach (var part in new[] { "one ", "two ", "three" })
        {
            Assert.True(await call.Requests.WriteAsync(EchoService.Message(part)));
        }

        Assert.Equal("one two three", EchoService.Text(await call.ResponseAsync()));
    }

    [Fact]
    public async Task Duplex_answers_each_request_before_the_next_is_sent()
    {
        await using var call = _channel.Duplex(EchoService.Duplex, Within());
        await using var responses = call.Responses.GetAsyncEnumerator(TestContext.Current.CancellationToken);
        for (var i = 0; i < 50; i++)
        {
            Assert.True(await call.Requests.WriteAsync(EchoService.Message($"{i}")));
            Assert.True(await responses.MoveNextAsync());
            Assert.Equal($"{i}", EchoService.Text(responses.Current));
        }

        await call.Requests.CompleteAsync();
        Assert.False(await responses.MoveNextAsync());
        Assert.Equal(RpcStatus.Ok, call.Responses.Status);
    }

    [Fact]
    public async Task Requests_written_without_a_flush_go_out_together()
    {
        await using var call = _channel.Duplex(EchoService.Duplex, Within());
        for (var i = 0; i < 1000; i++)
        {
            call.Requests.Write(EchoService.Message($"{i}"));
        }

        await call.Requests.CompleteAsync();

        Assert.Equal(Enumerable.Range(0, 1000).Select(i => $"{i}"), await ReadAllAsync(call.Responses));
    }

    [Fact]
    public async Task A_request_can_be_written_as_bytes_into_the_stream()
    {
        var method = RpcMethod.OfBytes(EchoService.Descriptor.FindMethodByName("Duplex"));
        await using var call = _channel.Duplex(method, Within());
        var output = call.Requests.BeginMessage();
        output.Write((ReadOnlySpan<byte>)[0x0a, 2]);
        output.Write("hi"u8);
        call.Requests.EndMessage();
        await call.Requests.CompleteAsync();

        var seen = new List<string>();
        await foreach (var response in call.Responses)
        {
            seen.Add(Encoding.UTF8.GetString(response.Slice(2).ToArray()));
        }

        Assert.Equal(["hi"], seen);
    }

    [Fact]
    public async Task Headers_come_before_the_first_response()
    {
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var service = new RpcService(EchoService.Descriptor)
            .Duplex<BytesValue, BytesValue>("Duplex", async (_, _, call) =>
            {
                call.ResponseHeaders.Add("ready", "yes");
                await call.SendHeadersAsync();
                await started.Task.WaitAsync(call.CancellationToken);
            });
        await using var host = await EchoService.StartAsync(service);
        await using var channel = new RpcChannel(new RpcChannelOptions { Addresses = host.EndPoints });
        await using var call = channel.Duplex(EchoService.Duplex, Within());

        Assert.Equal("yes", (await call.HeadersAsync()).Text("ready"));

        started.SetResult();
        Assert.Empty(await ReadAllAsync(call.Responses));
    }

    [Fact]
    public async Task Trailers_of_a_stream_come_with_its_end()
    {
        var options = Within() with { Metadata = new RpcMetadata { { "ping", "7" } } };
        await using var call = _channel.ServerStreaming(EchoService.ServerStream, EchoService.Message("ab"), options);

        Assert.Equal("7", (await call.HeadersAsync()).Text("pong"));
        Assert.Empty(call.Responses.Trailers);
        await ReadAllAsync(call.Responses);

        Assert.Equal("7", call.Responses.Trailers.Text("pong-end"));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4096)]
    [InlineData(3_000_000)]
    public async Task Messages_of_any_size_pass_with_and_without_gzip(int length)
    {
        await using var host = await EchoService.StartAsync(configure: options => options.Server.MaxReceiveMessageBytes = 8 << 20);
        await using var channel = new RpcChannel(new RpcChannelOptions { Addresses = host.EndPoints });
        foreach (var gzip in new[] { false, true })
        {
            var options = Within() with { GzipRequests = gzip };
            var response = await channel.UnaryAsync(EchoService.Unary, EchoService.Message(length), options);
            Assert.Equal(length, response.Value.Length);

            await using var call = channel.Duplex(EchoService.Duplex, options);
            await call.Requests.WriteAsync(EchoService.Message(length));
            await call.Requests.CompleteAsync();
            await foreach (var echoed in call.Responses)
            {
                Assert.Equal(length, echoed.Value.Length);
            }
        }
    }

    [Fact]
    public async Task A_method_is_only_called_in_its_own_shape()
    {
        var wrong = await Assert.ThrowsAsync<ArgumentException>(async ()
            => await _channel.UnaryAsync(EchoService.Duplex, EchoService.Message("x"), Within()));

        Assert.Contains("/test.Echo/Duplex is Duplex, and cannot be called as Unary.", wrong.Message, StringComparison.Ordinal);
    }

    private static RpcCallOptions Within() => new()
    {
        Timeout = TimeSpan.FromSeconds(30),
        CancellationToken = TestContext.Current.CancellationToken,
    };

    private static async Task<List<string>> ReadAllAsync(RpcResponseReader<BytesValue> responses)
    {
        var texts = new List<string>();
        await foreach (var response in responses)
        {
            texts.Add(EchoService.Text(response));
        }

        return texts;
    }
}
