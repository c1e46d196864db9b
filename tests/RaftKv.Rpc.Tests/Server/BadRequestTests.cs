using System.Net;
using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc.Server;

namespace RaftKv.Rpc.Tests.Server;

/// <summary>What a server says to requests that break a rule. Each answer names what was wrong.</summary>
public sealed class BadRequestTests : IAsyncLifetime
{
    private const string Range = "/etcdserverpb.KV/Range";

    private readonly RawCall _raw = new();
    private RpcHost _host = null!;

    public async ValueTask InitializeAsync()
        => _host = await TestHost.StartAsync(TestHost.Kv().Unary<RangeRequest, RangeResponse>(
            "Range",
            (request, _) => new(new RangeResponse { Count = request.Limit }),
            new RpcMethodLimits { MaxReceiveMessageBytes = 1000, MaxSendMessageBytes = 2000 }));

    public async ValueTask DisposeAsync()
    {
        _raw.Dispose();
        await _host.DisposeAsync();
    }

    [Theory]
    [InlineData("/etcdserverpb.KV/Nothing", "unknown method Nothing for service etcdserverpb.KV")]
    [InlineData("/nobody.Here/Range", "unknown service nobody.Here")]
    [InlineData("/Range", "malformed method name: \"/Range\"")]
    [InlineData("/", "malformed method name: \"/\"")]
    public async Task An_unknown_service_or_method_is_unimplemented(string path, string text)
    {
        var answer = await _raw.PostAsync(_host.Address(), path, RawCall.Framed([]));

        Assert.Equal((200, RpcStatusCode.Unimplemented, text), (answer.HttpStatus, answer.Code, answer.Text));
    }

    [Fact]
    public async Task A_method_nothing_is_bound_to_is_unimplemented()
    {
        var answer = await _raw.PostAsync(_host.Address(), "/etcdserverpb.KV/Compact", RawCall.Framed([]));

        Assert.Equal((RpcStatusCode.Unimplemented, "method Compact not implemented"), (answer.Code, answer.Text));
    }

    [Theory]
    [InlineData("application/json")]
    [InlineData("application/grpc-web")]
    [InlineData("application/grpc+json")]
    [InlineData("text/plain")]
    [InlineData(null)]
    public async Task Another_content_type_is_415(string? contentType)
    {
        var answer = await _raw.SendAsync(_host.Address(), HttpMethod.Post, Range, RawCall.Framed([]), contentType, HttpVersion.Version20);

        Assert.Equal(415, answer.HttpStatus);
    }

    [Theory]
    [InlineData("application/grpc")]
    [InlineData("application/grpc+proto")]
    [InlineData("application/grpc;charset=utf-8")]
    [InlineData("Application/GRPC")]
    public async Task The_content_type_of_gRPC_may_be_dressed(string contentType)
    {
        var answer = await _raw.SendAsync(_host.Address(), HttpMethod.Post, Range, RawCall.Framed([]), contentType, HttpVersion.Version20);

        Assert.Equal(RpcStatusCode.Ok, answer.Code);
    }

    [Fact]
    public async Task A_call_over_HTTP_1_is_told_to_upgrade()
    {
        var answer = await _raw.SendAsync(_host.Address(), HttpMethod.Post, Range, RawCall.Framed([]), "application/grpc", HttpVersion.Version11);

        Assert.Equal(426, answer.HttpStatus);
    }

    [Fact]
    public async Task A_call_that_is_no_POST_is_405()
    {
        var answer = await _raw.SendAsync(_host.Address(), HttpMethod.Put, Range, RawCall.Framed([]), "application/grpc", HttpVersion.Version20);

        Assert.Equal(405, answer.HttpStatus);
    }

    [Theory]
    [InlineData(0, "without a message")]
    [InlineData(3, "inside a frame header")]
    [InlineData(7, "inside a message: 2 of 4 bytes")]
    public async Task A_truncated_frame_is_internal_and_says_how_far_it_came(int length, string text)
    {
        var answer = await _raw.PostAsync(_host.Address(), Range, RawCall.Framed([10, 2, 97, 97])[..length]);

        Assert.Equal(RpcStatusCode.Internal, answer.Code);
        Assert.Contains(text, answer.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_frame_longer_than_its_length_says_is_internal()
    {
        byte[] body = [.. RawCall.Framed([]), 1, 2, 3];

        var answer = await _raw.PostAsync(_host.Address(), Range, body);

        Assert.Equal(RpcStatusCode.Internal, answer.Code);
        Assert.Contains("more bytes followed", answer.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new byte[] { 0xff })]
    [InlineData(new byte[] { 10, 200, 1 })] // A length beyond the end.
    [InlineData(new byte[] { 0 })] // Field number zero.
    [InlineData(new byte[] { 0x0f })] // A wire type that does not exist.
    public async Task Garbage_for_protobuf_is_internal(byte[] garbage)
    {
        var answer = await _raw.PostAsync(_host.Address(), Range, RawCall.Framed(garbage));

        Assert.Equal(RpcStatusCode.Internal, answer.Code);
        Assert.StartsWith("grpc: error unmarshalling request: ", answer.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_message_over_the_limit_is_refused_by_its_announced_length()
    {
        var answer = await _raw.PostAsync(_host.Address(), Range, RawCall.Framed(new byte[1001]));

        Assert.Equal((RpcStatusCode.ResourceExhausted, "grpc: received message larger than max (1001 vs. 1000)"), (answer.Code, answer.Text));
    }

    [Fact]
    public async Task A_compressed_message_is_measured_unpacked()
    {
        var answer = await _raw.PostAsync(
            _host.Address(), Range, RawCall.Framed(UnaryTests.Gzipped(new byte[50_000]), flag: 1), ("grpc-encoding", "gzip"));

        Assert.Equal(RpcStatusCode.ResourceExhausted, answer.Code);
        Assert.Contains("after decompression", answer.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_answer_over_the_limit_is_refused_and_nothing_of_it_sent()
    {
        await using var host = await TestHost.StartAsync(TestHost.Kv().Unary<PutRequest, PutResponse>(
            "Put",
            (_, _) => new(new PutResponse { PrevKv = new() { Value = ByteString.CopyFrom(new byte[3000]) } }),
            new RpcMethodLimits { MaxSendMessageBytes = 2000 }));

        var answer = await _raw.PostAsync(host.Address(), "/etcdserverpb.KV/Put", RawCall.Framed([]));

        Assert.Equal(RpcStatusCode.ResourceExhausted, answer.Code);
        Assert.StartsWith("grpc: trying to send message larger than max (30", answer.Text, StringComparison.Ordinal);
        Assert.Empty(answer.Body);
    }

    [Fact]
    public async Task An_unknown_compression_is_unimplemented_with_the_accepted_ones()
    {
        var answer = await _raw.PostAsync(_host.Address(), Range, RawCall.Framed([1], flag: 1), ("grpc-encoding", "zstd"));

        Assert.Equal(RpcStatusCode.Unimplemented, answer.Code);
        Assert.Contains("\"zstd\"", answer.Text, StringComparison.Ordinal);
        Assert.Equal("identity,gzip", answer.Either("grpc-accept-encoding"));
    }

    [Fact]
    public async Task The_compressed_flag_without_an_encoding_is_internal()
    {
        var answer = await _raw.PostAsync(_host.Address(), Range, RawCall.Framed(UnaryTests.Gzipped([1]), flag: 1));

        Assert.Equal((RpcStatusCode.Internal, "grpc: compressed flag set with identity or empty encoding"), (answer.Code, answer.Text));
    }

    [Fact]
    public async Task A_flag_that_means_nothing_is_internal()
    {
        var answer = await _raw.PostAsync(_host.Address(), Range, RawCall.Framed([], flag: 9));

        Assert.Equal((RpcStatusCode.Internal, "grpc: received unexpected payload format 9"), (answer.Code, answer.Text));
    }

    [Theory]
    [InlineData("5")]
    [InlineData("S")]
    [InlineData("-5S")]
    [InlineData("123456789S")]
    [InlineData("soon")]
    public async Task A_bad_timeout_is_internal(string timeout)
    {
        var answer = await _raw.PostAsync(_host.Address(), Range, RawCall.Framed([]), ("grpc-timeout", timeout));

        Assert.Equal((RpcStatusCode.Internal, $"malformed grpc-timeout: \"{timeout}\""), (answer.Code, answer.Text));
    }

    [Fact]
    public async Task The_server_goes_on_after_every_one_of_these()
    {
        byte[][] bodies = [[], [0], [9, 0, 0, 0, 0], RawCall.Framed(new byte[2000]), RawCall.Framed([0xff]), [0, 0xff, 0xff, 0xff, 0xff]];
        foreach (var body in bodies)
        {
            await _raw.PostAsync(_host.Address(), Range, body);
            var good = await _raw.PostAsync(_host.Address(), Range, RawCall.Framed(new RangeRequest { Limit = 5 }));

            Assert.Equal(RpcStatusCode.Ok, good.Code);
        }
    }
}
