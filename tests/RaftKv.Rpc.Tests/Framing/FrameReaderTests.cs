using System.Buffers;
using System.IO.Pipelines;
using RaftKv.Rpc.Framing;
using RaftKv.Rpc.Tests.Server;

namespace RaftKv.Rpc.Tests.Framing;

public sealed class FrameReaderTests
{
    private const int Limit = 1000;

    [Fact]
    public async Task Messages_are_the_same_wherever_the_bytes_are_cut()
    {
        byte[][] messages = [[], [1], [2, 3, 4], new byte[Limit]];
        var bytes = messages.SelectMany(message => RawCall.Framed(message)).ToArray();

        // Every two-piece cut, so that headers and messages are split in every way.
        for (var cut = 0; cut <= bytes.Length; cut++)
        {
            var pipe = new Pipe();
            using var reader = new FrameReader();
            reader.Reset(pipe.Reader, Limit, gzip: false);
            await pipe.Writer.WriteAsync(bytes.AsMemory(0, cut), TestContext.Current.CancellationToken);

            var reading = ReadAllAsync(reader);
            await pipe.Writer.WriteAsync(bytes.AsMemory(cut), TestContext.Current.CancellationToken);
            await pipe.Writer.CompleteAsync();

            Assert.Equal(messages, await reading);
        }
    }

    [Fact]
    public async Task A_stream_that_ends_inside_a_message_says_how_far_it_came()
    {
        var bytes = RawCall.Framed(new byte[10]);

        Assert.Contains("3 of 5 bytes", (await RefusedAsync(bytes[..3])).Status.Detail, StringComparison.Ordinal);
        Assert.Contains("4 of 10 bytes", (await RefusedAsync(bytes[..9])).Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_message_over_the_limit_is_refused_from_its_header_alone()
    {
        // No byte of the announced message exists.
        var refused = await RefusedAsync([0, 0x7f, 0xff, 0xff, 0xff]);

        Assert.Equal(RpcStatusCode.ResourceExhausted, refused.Code);
        Assert.Equal($"grpc: received message larger than max ({0x7fffffff} vs. {Limit})", refused.Status.Detail);
    }

    [Fact]
    public async Task A_length_with_the_highest_bit_set_is_a_large_length()
        => Assert.Equal(RpcStatusCode.ResourceExhausted, (await RefusedAsync([0, 0xff, 0xff, 0xff, 0xff])).Code);

    [Fact]
    public async Task An_unknown_flag_is_refused()
        => Assert.Equal("grpc: received unexpected payload format 2", (await RefusedAsync([2, 0, 0, 0, 0])).Status.Detail);

    [Fact]
    public async Task A_compressed_message_without_an_encoding_is_refused()
        => Assert.Equal(
            "grpc: compressed flag set with identity or empty encoding", (await RefusedAsync(RawCall.Framed([1, 2], flag: 1))).Status.Detail);

    [Fact]
    public async Task A_compressed_message_is_unpacked()
    {
        var message = Enumerable.Range(0, Limit).Select(i => (byte)(i / 7)).ToArray();

        var read = await ReadAllAsync(ReaderOf(RawCall.Framed(Packed(message), flag: 1), gzip: true));

        Assert.Equal([message], read);
    }

    [Fact]
    public async Task A_message_that_unpacks_beyond_the_limit_is_refused()
    {
        var refused = await RefusedAsync(RawCall.Framed(Packed(new byte[50_000]), flag: 1), gzip: true);

        Assert.Equal(RpcStatusCode.ResourceExhausted, refused.Code);
        Assert.StartsWith("grpc: received message after decompression larger than max", refused.Status.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new byte[0])]
    [InlineData(new byte[] { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 })]
    public async Task Bytes_that_are_no_gzip_are_refused(byte[] garbage)
        => Assert.Equal(RpcStatusCode.Internal, (await RefusedAsync(RawCall.Framed(garbage, flag: 1), gzip: true)).Code);

    [Fact]
    public async Task A_gzip_member_cut_short_is_not_taken_for_a_short_message()
    {
        var packed = Packed(Enumerable.Range(0, Limit).Select(i => (byte)(i * 31)).ToArray());

        for (var cut = 1; cut < packed.Length; cut++)
        {
            var refused = await RefusedAsync(RawCall.Framed(packed[..cut], flag: 1), gzip: true);
            Assert.Equal(RpcStatusCode.Internal, refused.Code);
        }
    }

    [Fact]
    public async Task The_only_message_is_taken_when_the_stream_has_ended()
    {
        var pipe = new Pipe();
        using var reader = new FrameReader();
        reader.Reset(pipe.Reader, Limit, gzip: false);
        await pipe.Writer.WriteAsync(RawCall.Framed([7, 8]), TestContext.Current.CancellationToken);

        var reading = reader.ReadOnlyMessageAsync(TestContext.Current.CancellationToken);
        Assert.False(reading.IsCompleted);
        await pipe.Writer.CompleteAsync();
        await reading;

        Assert.Equal([7, 8], reader.Message.ToArray());
    }

    [Fact]
    public async Task Two_messages_are_not_one()
    {
        byte[] two = [.. RawCall.Framed([1]), .. RawCall.Framed([2])];

        var refused = await Assert.ThrowsAsync<RpcException>(async () => await ReaderOf(two).ReadOnlyMessageAsync(default));

        Assert.Equal(RpcStatusCode.Internal, refused.Code);
    }

    [Fact]
    public async Task No_message_is_not_one()
    {
        var refused = await Assert.ThrowsAsync<RpcException>(async () => await ReaderOf([]).ReadOnlyMessageAsync(default));

        Assert.Contains("without a message", refused.Status.Detail, StringComparison.Ordinal);
    }

    private static byte[] Packed(byte[] message)
    {
        using var packed = new PooledBuffer();
        Gzip.Compress(new ReadOnlySequence<byte>(message), packed);
        return packed.Written.ToArray();
    }

    private static FrameReader ReaderOf(byte[] bytes, bool gzip = false)
    {
        var reader = new FrameReader();
        reader.Reset(PipeReader.Create(new ReadOnlySequence<byte>(bytes)), Limit, gzip);
        return reader;
    }

    private static async Task<RpcException> RefusedAsync(byte[] bytes, bool gzip = false)
        => await Assert.ThrowsAsync<RpcException>(() => ReadAllAsync(ReaderOf(bytes, gzip)));

    private static async Task<List<byte[]>> ReadAllAsync(FrameReader reader)
    {
        var messages = new List<byte[]>();
        while (await reader.ReadNextAsync(TestContext.Current.CancellationToken))
        {
            messages.Add(reader.Message.ToArray());
        }

        return messages;
    }
}
