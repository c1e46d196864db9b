using System.Buffers;
using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc.Server;

namespace RaftKv.Rpc.Tests.Server;

public sealed class UnaryTests
{
    private const string Range = "/etcdserverpb.KV/Range";
    private const string Put = "/etcdserverpb.KV/Put";

    [Fact]
    public async Task A_handler_takes_and_returns_messages()
    {
        await using var host = await TestHost.StartAsync(TestHost.Kv().Unary<RangeRequest, RangeResponse>(
            "Range", (request, _) => new(new RangeResponse { Count = request.Key.Length })));
        using var raw = new RawCall();

        var answer = await raw.PostAsync(host.Address(), Range, RawCall.Framed(new RangeRequest { Key = ByteString.CopyFromUtf8("abc") }));

        Assert.Equal(RpcStatusCode.Ok, answer.Code);
        Assert.Equal("application/grpc", answer.ContentHeaders.ContentType!.MediaType);
        Assert.Equal(3, RangeResponse.Parser.ParseFrom(Assert.Single(answer.Messages()).Message).Count);
    }

    [Fact]
    public async Task A_handler_takes_and_returns_bytes()
    {
        await using var host = await TestHost.StartAsync(TestHost.Kv().UnaryBytes("Put", async (request, response, _) =>
        {
            await Task.Yield(); // The request stays lent while the handler waits.
            foreach (var segment in request)
            {
                response.Write(segment.Span);
            }
        }));
        using var raw = new RawCall();

        foreach (var size in new[] { 0, 1, 255, 256, 5_000, 100_000, 2_000_000 })
        {
            var bytes = Enumerable.Range(0, size).Select(i => (byte)(i * 7)).ToArray();

            var answer = await raw.PostAsync(host.Address(), Put, RawCall.Framed(bytes));

            Assert.Equal(RpcStatusCode.Ok, answer.Code);
            Assert.Equal(bytes, Assert.Single(answer.Messages()).Message);
        }
    }

    [Fact]
    public async Task A_refusal_carries_its_text_and_no_message()
    {
        await using var host = await TestHost.StartAsync(TestHost.Kv()
            .Unary<RangeRequest, RangeResponse>("Range", (_, call) =>
            {
                call.Fail(RpcStatusCode.NotFound, "nicht gefunden: Ümlaut");
                return new(new RangeResponse { Count = 1 });
            })
            .Unary<PutRequest, PutResponse>("Put", (_, _) => throw new RpcException(RpcStatusCode.OutOfRange, "thrown")));
        using var raw = new RawCall();

        var failed = await raw.PostAsync(host.Address(), Range, RawCall.Framed([]));
        var thrown = await raw.PostAsync(host.Address(), Put, RawCall.Framed([]));

        Assert.Equal((RpcStatusCode.NotFound, "nicht gefunden: Ümlaut"), (failed.Code, failed.Text));
        Assert.Empty(failed.Body);
        Assert.Equal((RpcStatusCode.OutOfRange, "thrown"), (thrown.Code, thrown.Text));
    }

    [Fact]
    public async Task A_bytes_handler_that_fails_before_it_writes_leaves_no_trace()
    {
        await using var host = await TestHost.StartAsync(TestHost.Kv().UnaryBytes(
            "Put", (_, _, call) => call.Refuse(new RpcStatus(RpcStatusCode.Aborted, "no"))));
        using var raw = new RawCall();

        var answer = await raw.PostAsync(host.Address(), Put, RawCall.Framed([1, 2, 3]));

        Assert.Equal(RpcStatusCode.Aborted, answer.Code);
        Assert.Empty(answer.Body);
    }

    [Fact]
    public async Task A_bytes_handler_that_fails_after_it_wrote_still_frames_what_it_wrote()
    {
        await using var host = await TestHost.StartAsync(TestHost.Kv().UnaryBytes("Put", (_, response, _) =>
        {
            response.Write("half"u8);
            throw new RpcException(RpcStatusCode.DataLoss, "then it broke");
        }));
        using var raw = new RawCall();

        var answer = await raw.PostAsync(host.Address(), Put, RawCall.Framed([]));

        Assert.Equal(RpcStatusCode.DataLoss, answer.Code);
        Assert.Equal("application/grpc", answer.ContentHeaders.ContentType?.MediaType);
        Assert.Equal("half"u8.ToArray(), Assert.Single(answer.Messages()).Message);
    }

    [Fact]
    public async Task An_unexpected_exception_keeps_its_text_to_itself()
    {
        await using var host = await TestHost.StartAsync(TestHost.Kv().Unary<RangeRequest, RangeResponse>(
            "Range", (_, _) => throw new InvalidOperationException("the password is hunter2")));
        using var raw = new RawCall();

        var answer = await raw.PostAsync(host.Address(), Range, RawCall.Framed([]));

        Assert.Equal(RpcStatusCode.Unknown, answer.Code);
        Assert.DoesNotContain("hunter2", answer.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Metadata_goes_both_ways()
    {
        await using var host = await TestHost.StartAsync(TestHost.Kv().Unary<RangeRequest, RangeResponse>("Range", (_, call) =>
        {
            Assert.Equal("secret", call.Metadata("token"));
            Assert.Equal("secret", call.RequestMetadata.Text("token"));
            Assert.Equal(new byte[] { 0, 255, 7 }, call.RequestMetadata.Bytes("trace-bin")!.Value.ToArray());
            Assert.DoesNotContain(call.RequestMetadata, entry => entry.Key is "content-type" or "te" or "grpc-timeout");
            call.ResponseHeaders.Add("seen", "yes");
            call.ResponseTrailers.Add("sum-bin", new byte[] { 1, 2 });
            return new(new RangeResponse());
        }));
        using var raw = new RawCall();

        var answer = await raw.PostAsync(
            host.Address(), Range, RawCall.Framed([]), ("token", "secret"), ("trace-bin", "AP8H"), ("te", "trailers"), ("grpc-timeout", "5S"));

        Assert.Equal(RpcStatusCode.Ok, answer.Code);
        Assert.Equal("yes", Assert.Single(answer.Headers.GetValues("seen")));
        Assert.Equal("AQI=", Assert.Single(answer.Trailers.GetValues("sum-bin")));
    }

    [Fact]
    public async Task Metadata_of_one_call_is_not_seen_by_the_next_on_the_same_connection()
    {
        await using var host = await TestHost.StartAsync(TestHost.Kv().Unary<RangeRequest, RangeResponse>("Range", (_, call) =>
        {
            if (call.RequestMetadata.Text("token") is { } token)
            {
                call.ResponseTrailers.Add("token", token);
                call.Fail(RpcStatusCode.Aborted, token);
            }

            return new(new RangeResponse());
        }));
        using var raw = new RawCall();

        for (var i = 0; i < 50; i++)
        {
            var with = await raw.PostAsync(host.Address(), Range, RawCall.Framed([]), ("token", $"t{i}"));
            var without = await raw.PostAsync(host.Address(), Range, RawCall.Framed([]));

            Assert.Equal((RpcStatusCode.Aborted, $"t{i}", $"t{i}"), (with.Code, with.Text, with.Either("token")));
            Assert.Equal((RpcStatusCode.Ok, "", null), (without.Code, without.Text, without.Either("token")));
        }
    }

    [Fact]
    public async Task A_compressed_request_is_read_and_answered_in_kind()
    {
        await using var host = await TestHost.StartAsync(TestHost.Kv().UnaryBytes("Put", (request, response, _) =>
        {
            response.Write(request.ToArray());
            return default;
        }));
        using var raw = new RawCall();
        var text = Enumerable.Repeat((byte)'x', 10_000).ToArray();

        var answer = await raw.PostAsync(
            host.Address(), Put, RawCall.Framed(Gzipped(text), flag: 1), ("grpc-encoding", "gzip"), ("grpc-accept-encoding", "gzip, identity"));

        var (flag, message) = Assert.Single(answer.Messages());
        Assert.Equal("gzip", answer.Either("grpc-encoding"));
        Assert.Equal(1, flag);
        Assert.True(message.Length < 1000);
        Assert.Equal(text, Gunzipped(message));
    }

    [Fact]
    public async Task A_client_that_does_not_accept_gzip_is_answered_plainly()
    {
        await using var host = await TestHost.StartAsync(TestHost.Kv().UnaryBytes("Put", (request, response, _) =>
        {
            response.Write(request.ToArray());
            return default;
        }));
        using var raw = new RawCall();

        var answer = await raw.PostAsync(host.Address(), Put, RawCall.Framed(Gzipped(new byte[5000]), flag: 1), ("grpc-encoding", "gzip"));

        Assert.Null(answer.Either("grpc-encoding"));
        Assert.Equal(new byte[5000], Assert.Single(answer.Messages()).Message);
    }

    [Fact]
    public void Binding_checks_names_shapes_and_types()
    {
        Assert.Throws<ArgumentException>(() => TestHost.Kv().UnaryBytes("Nothing", (_, _, _) => default));
        Assert.Throws<ArgumentException>(() => TestHost.Watch().UnaryBytes("Watch", (_, _, _) => default));
        Assert.Throws<ArgumentException>(() => TestHost.Kv().Unary<PutRequest, RangeResponse>("Range", (_, _) => default));
        Assert.Throws<ArgumentException>(() => TestHost.Kv().UnaryBytes("Put", (_, _, _) => default).UnaryBytes("Put", (_, _, _) => default));
        Assert.Throws<ArgumentException>(() => new RpcDispatcher(new RpcServerOptions(), [TestHost.Kv(), TestHost.Kv()]));
    }

    [Fact]
    public async Task Interceptors_wrap_every_call_and_see_how_it_ended()
    {
        var seen = new List<string>();
        var options = TestHost.Options(TestHost.Kv()
            .Unary<RangeRequest, RangeResponse>("Range", (_, _) => new(new RangeResponse()))
            .Unary<PutRequest, PutResponse>("Put", (_, _) => throw new RpcException(RpcStatusCode.Aborted, "no")));
        options.Server.Interceptors.Add((method, next) => async call =>
        {
            await next(call);
            lock (seen)
            {
                seen.Add($"{method.Name} {call.Status.Code}");
            }
        });
        options.Server.Interceptors.Add((_, next) => call =>
            call.Metadata("token") == "right" ? next(call) : call.Refuse(new RpcStatus(RpcStatusCode.Unauthenticated, "who are you")));
        await using var host = await RpcHost.StartAsync(options);
        using var raw = new RawCall();

        var refused = await raw.PostAsync(host.Address(), Range, RawCall.Framed([]));
        await raw.PostAsync(host.Address(), Range, RawCall.Framed([]), ("token", "right"));
        await raw.PostAsync(host.Address(), Put, RawCall.Framed([]), ("token", "right"));

        Assert.Equal(RpcStatusCode.Unauthenticated, refused.Code);
        Assert.Equal(["Range Unauthenticated", "Range Ok", "Put Aborted"], seen);
    }

    [Fact]
    public async Task One_call_too_many_is_refused_and_room_comes_back()
    {
        var entered = new SemaphoreSlim(0);
        var release = new SemaphoreSlim(0);
        await using var host = await TestHost.StartAsync(TestHost.Kv().Unary<RangeRequest, RangeResponse>(
            "Range",
            async (_, _) =>
            {
                entered.Release();
                await release.WaitAsync();
                return new RangeResponse();
            },
            new RpcMethodLimits { MaxConcurrentCalls = 2 }));
        using var raw = new RawCall();

        var first = raw.PostAsync(host.Address(), Range, RawCall.Framed([]));
        var second = raw.PostAsync(host.Address(), Range, RawCall.Framed([]));
        await entered.WaitAsync(TestContext.Current.CancellationToken);
        await entered.WaitAsync(TestContext.Current.CancellationToken);
        var third = await raw.PostAsync(host.Address(), Range, RawCall.Framed([]));
        release.Release(3);
        await Task.WhenAll(first, second);
        var fourth = await raw.PostAsync(host.Address(), Range, RawCall.Framed([]));

        Assert.Equal(RpcStatusCode.ResourceExhausted, third.Code);
        Assert.Equal(RpcStatusCode.Ok, fourth.Code);
    }

    internal static byte[] Gzipped(byte[] bytes)
    {
        using var packed = new MemoryStream();
        using (var gzip = new System.IO.Compression.GZipStream(packed, System.IO.Compression.CompressionLevel.Optimal))
        {
            gzip.Write(bytes);
        }

        return packed.ToArray();
    }

    private static byte[] Gunzipped(byte[] bytes)
    {
        using var gzip = new System.IO.Compression.GZipStream(new MemoryStream(bytes), System.IO.Compression.CompressionMode.Decompress);
        using var plain = new MemoryStream();
        gzip.CopyTo(plain);
        return plain.ToArray();
    }
}
