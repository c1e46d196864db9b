using System.Buffers.Binary;
using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Raft.Messages;
using RaftKv.Server.Peers;

namespace RaftKv.Server.Tests.Peers;

public sealed class MessageCodecTests
{
    private static readonly NodeId One = new(1);
    private static readonly NodeId Two = new(2);

    public static TheoryData<string, string> GoldenBytes() => new()
    {
        { "01 01000000 00000000 03 19 07 ac02 09", "1 -> 2 Heartbeat t7 commit=300 round=9" },
        { "01 01000000 00000000 04 11 07 05", "1 -> 2 HeartbeatResponse t7 round=5" },
        { "01 01000000 00000000 0a 01 08", "1 -> 2 PreVote t8 last=0/0" },
        { "01 01000000 00000000 8c 03 08 0709", "1 -> 2 Vote t8 last=7/9 transfer" },
        { "01 01000000 00000000 42 07 08 0709 0608", "1 -> 2 AppendResponse t8 rejected=7/9 hint=6/8" },
        { "01 01000000 02000000 01 2b 03 0207 07 02 20 03 02 6162 30 00", "1 -> 2 Append t3 prev=2/7 entries=[3/8 3/9] commit=7" },
        { "01 01000000 01000000 1e 20 01 10 00 03 787978", "1 -> 2 Propose entries=1" },
        {
            "01 01000000 00000000 05 41 03 0207 01 02 0100000000000000 0300000000000000 01 0200000000000000 00 01 0200000000000000",
            "1 -> 2 InstallSnapshot t3 2/7 voters=(1 3)&(2) next=(2) auto-leave"
        },
        { "01 02000000 00000000 20 18 2a ffffffffffffffffff01 0d 00", "1 -> 2 ReadIndexResponse token=18446744073709551615 index=42\n1 -> 2 VoteResponse granted" },
        { "01 00000000 00000000", "" },
    };

    [Theory]
    [MemberData(nameof(GoldenBytes))]
    public void The_bytes_of_a_batch_never_change(string hex, string expected)
    {
        var bytes = FromHex(hex);
        var messages = Read(bytes);
        Assert.Equal(expected, string.Join('\n', messages));
        Assert.Equal(Convert.ToHexString(bytes), Convert.ToHexString(Body(messages)));
    }

    [Fact]
    public void The_bytes_of_a_frame_never_change()
    {
        var writer = new MessageBatchWriter();
        writer.Add(new Message { Kind = MessageKind.Heartbeat, To = Two, Term = 7, Commit = 300 });
        Assert.Equal("0E000000014F9F19798C91B3010100000000000000030907AC02", Convert.ToHexString(writer.Finish().Span));
    }

    [Fact]
    public void Every_field_of_every_kind_comes_back()
    {
        for (var seed = 0; seed < 2000; seed++)
        {
            var source = new RandomMessages(seed);
            var messages = Enumerable.Range(0, 1 + (seed % 7)).Select(_ => source.Next(One, Two)).ToList();
            var body = Body(messages);
            var back = Read(body);
            Assert.Equal(messages.Select(RandomMessages.Describe), back.Select(RandomMessages.Describe));
            Assert.Equal(body, Body(back));
        }
    }

    [Fact]
    public void No_message_is_longer_than_its_bound()
    {
        var room = new byte[1 << 20];
        for (var seed = 0; seed < 5000; seed++)
        {
            var message = new RandomMessages(seed).Next(One, Two);
            Assert.True(MessageCodec.Write(message, room) <= MessageCodec.BoundOf(message));
        }
    }

    [Fact]
    public void Payloads_are_slices_of_the_frame()
    {
        var entries = new[] { new Entry(0, 0, EntryKind.Command, "abc"u8.ToArray()) };
        var body = Body([new Message { Kind = MessageKind.Propose, To = Two, Entries = entries }]);
        var payload = Read(body)[0].Entries.Span[0].Payload;
        body[^1] = (byte)'X';
        Assert.Equal("abX"u8.ToArray(), payload.ToArray());
    }

    /// <summary>Whatever the bytes, they are refused with a reason or they are the one form of what they say.</summary>
    [Fact]
    public void Damaged_bytes_are_refused_or_mean_exactly_what_they_say()
    {
        var refused = 0;
        for (var seed = 0; seed < 20_000; seed++)
        {
            var random = new Random(seed);
            var source = new RandomMessages(seed);
            var body = Body(Enumerable.Range(0, random.Next(1, 4)).Select(_ => source.Next(One, Two)).ToList());
            body = random.Next(4) switch
            {
                0 => body[..random.Next(body.Length)],
                1 => [.. body, .. body.AsSpan(0, random.Next(body.Length))],
                _ => Flipped(body, random),
            };
            try
            {
                Assert.Equal(body, Body(Read(body)));
            }
            catch (PeerProtocolException problem)
            {
                refused++;
                Assert.NotEmpty(problem.Message);
            }
        }

        Assert.InRange(refused, 5_000, 20_000);
    }

    [Fact]
    public void Noise_is_refused()
    {
        var random = new Random(1);
        for (var i = 0; i < 20_000; i++)
        {
            var noise = new byte[random.Next(1, 200)];
            random.NextBytes(noise);
            noise[0] = (byte)random.Next(0, 2);
            if (noise.Length >= 9 && i % 2 == 0)
            {
                BinaryPrimitives.WriteInt32LittleEndian(noise.AsSpan(1), random.Next(1, 4));
                BinaryPrimitives.WriteInt32LittleEndian(noise.AsSpan(5), random.Next(0, 4));
            }

            try
            {
                Assert.Equal(noise, Body(Read(noise)));
            }
            catch (PeerProtocolException problem)
            {
                Assert.NotEmpty(problem.Message);
            }
        }
    }

    [Theory]
    [InlineData("", "ends in the middle")]
    [InlineData("02 01000000 00000000 03 00", "in format 2")]
    [InlineData("01 ffffffff 00000000 03 00", "4294967295 messages")]
    [InlineData("01 01000000 ffffffff 03 00", "4294967295 entries")]
    [InlineData("01 01000000 00000000 06 00", "of kind 6")]
    [InlineData("01 01000000 00000000 03 80", "a field that is unknown")]
    [InlineData("01 01000000 00000000 03 01 00", "left out")]
    [InlineData("01 01000000 00000000 03 02 0000", "left out")]
    [InlineData("01 01000000 00000000 03 01 8100", "longer than it need be")]
    [InlineData("01 01000000 00000000 03 01 ffffffffffffffffff02", "does not fit")]
    [InlineData("01 01000000 00000000 03 01 81", "ends in the middle")]
    [InlineData("01 01000000 00000000 03 00 00", "behind the last message")]
    [InlineData("01 01000000 01000000 03 01 05", "in no message")]
    [InlineData("01 01000000 01000000 1e 20 02 30 00 30 00", "2 entries where 1")]
    [InlineData("01 01000000 01000000 1e 20 01 32 00", "An entry's head")]
    [InlineData("01 01000000 01000000 1e 20 01 20 00 00", "follows from the entry before")]
    [InlineData("01 01000000 01000000 1e 20 01 30 05 00", "ends in the middle")]
    [InlineData("01 01000000 00000000 05 40 0207 00 00 00 01 0100000000000000 00", "contradicts itself")]
    [InlineData("01 01000000 00000000 05 40 0207 00 01 0000000000000000 00 00 00", "not in order")]
    [InlineData("01 01000000 00000000 05 40 0207 00 ff01 00 00 00", "255 members")]
    public void What_is_wrong_is_said(string hex, string reason)
    {
        var problem = Assert.Throws<PeerProtocolException>(() => Read(FromHex(hex)));
        Assert.Contains(reason, problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Frames_end_where_the_receiver_would_need_a_large_array()
    {
        var writer = new MessageBatchWriter();
        for (var i = 0; i < 100; i++)
        {
            var entries = new[] { new Entry(1, (ulong)i + 1, EntryKind.Command, new byte[4000]) };
            writer.Add(new Message { Kind = MessageKind.Append, To = Two, Entries = entries });
        }

        var rest = writer.Finish();
        var messages = new List<Message>();
        var frames = 0;
        while (rest.Length > 0)
        {
            var (kind, length, sum) = PeerFrame.ReadHeader(rest.Span[..PeerFrame.HeaderBytes], int.MaxValue);
            var body = rest.Slice(PeerFrame.HeaderBytes, length);
            PeerFrame.CheckBody(body.Span, sum);
            Assert.Equal(FrameKind.MessagesWithEntries, kind);
            Assert.InRange(length, 1, 80_000);
            MessageCodec.Read(body, One, Two, messages);
            rest = rest[(PeerFrame.HeaderBytes + length)..];
            frames++;
        }

        Assert.Equal(6, frames);
        Assert.Equal(100, messages.Count);
    }

    [Fact]
    public void A_frame_with_one_wrong_bit_is_refused()
    {
        var writer = new MessageBatchWriter();
        writer.Add(new RandomMessages(7).Next(One, Two));
        var frame = writer.Finish().ToArray();
        for (var bit = 0; bit < frame.Length * 8; bit++)
        {
            var damaged = frame.ToArray();
            damaged[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Throws<PeerProtocolException>(() =>
            {
                var (_, length, sum) = PeerFrame.ReadHeader(damaged.AsSpan(0, PeerFrame.HeaderBytes), int.MaxValue);
                PeerFrame.CheckBody(damaged.AsSpan(PeerFrame.HeaderBytes, length), sum);
            });
        }
    }

    private static byte[] FromHex(string hex) => Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));

    private static byte[] Flipped(byte[] body, Random random)
    {
        for (var i = random.Next(1, 4); i > 0; i--)
        {
            body[random.Next(body.Length)] ^= (byte)(1 << random.Next(8));
        }

        return body;
    }

    private static List<Message> Read(byte[] body)
    {
        var messages = new List<Message>();
        MessageCodec.Read(body, One, Two, messages);
        return messages;
    }

    private static byte[] Body(List<Message> messages)
    {
        var body = new byte[MessageCodec.BatchHeaderBytes + messages.Sum(message => MessageCodec.BoundOf(message))];
        MessageCodec.WriteBatchHeader(body, messages.Count, messages.Sum(message => message.Entries.Length));
        var length = MessageCodec.BatchHeaderBytes;
        foreach (var message in messages)
        {
            length += MessageCodec.Write(message, body.AsSpan(length));
        }

        return body[..length];
    }
}
