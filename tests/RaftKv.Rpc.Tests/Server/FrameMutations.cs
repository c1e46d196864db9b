using System.Buffers.Binary;
using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc.Tests.RawHttp2;

namespace RaftKv.Rpc.Tests.Server;

/// <summary>Conversations as a good client would have them, and what a seed makes of them.</summary>
internal static class FrameMutations
{
    private static readonly (string Name, string[] Values)[] StrangeHeaders =
    [
        ("grpc-timeout", ["", "1", "S", "-1S", "99999999H", "0n", "123456789S", "1x"]),
        ("grpc-encoding", ["gzip", "identity", "snappy", "", "gzip,gzip"]),
        ("grpc-accept-encoding", ["gzip", "", ",,,", "\u00ff"]),
        ("content-type", ["application/grpc+proto", "text/plain", "application/grpc;", ""]),
        ("content-length", ["0", "5", "-1", "999999999999999999999"]),
        ("x-bin", ["not base64!", "AA", "AA==,AA"]),
        ("te", ["trailers", "gzip"]),
    ];

    /// <summary>The frames of one to three calls, each of a shape the seed chooses, that are right in every respect.</summary>
    public static List<RawFrame> Conversation(Random chance)
    {
        var frames = new List<RawFrame>();
        for (int i = 0, count = chance.Next(1, 4); i < count; i++)
        {
            var stream = 1 + (2 * i);
            switch (chance.Next(3))
            {
                case 0:
                    frames.Add(GrpcFrames.Request(stream, HeldCalls.Range));
                    frames.Add(GrpcFrames.Message(stream, new RangeRequest { Key = SomeBytes(chance), Limit = 3 }, endStream: true));
                    break;
                case 1:
                    frames.Add(GrpcFrames.Request(stream, HeldCalls.Watch));
                    for (var n = chance.Next(4); n > 0; n--)
                    {
                        frames.Add(GrpcFrames.Message(stream, new WatchRequest { CancelRequest = new WatchCancelRequest { WatchId = n } }));
                    }

                    frames.Add(RawFrame.Data(stream, default, endStream: true));
                    break;
                default:
                    // One message over several frames.
                    var message = GrpcFrames.Framed(new RangeRequest { Key = SomeBytes(chance), RangeEnd = SomeBytes(chance) }.ToByteArray());
                    var cut = chance.Next(message.Length);
                    frames.Add(GrpcFrames.Request(stream, HeldCalls.Range));
                    frames.Add(RawFrame.Data(stream, message.AsMemory(0, cut)));
                    frames.Add(RawFrame.Data(stream, message.AsMemory(cut), endStream: true));
                    break;
            }
        }

        frames.Insert(chance.Next(frames.Count), RawFrame.Ping(1));
        frames.Insert(chance.Next(frames.Count), RawFrame.WindowUpdate(0, 1000));
        return frames;
    }

    /// <summary>Damage at the level of HTTP/2: bytes that need not be frames any more.</summary>
    public static byte[] Damage(List<RawFrame> conversation, Random chance)
    {
        var frames = conversation.Select(frame => frame.ToBytes()).ToList();
        for (var n = chance.Next(1, 4); n > 0; n--)
        {
            var at = chance.Next(frames.Count);
            var frame = frames[at];
            switch (chance.Next(9))
            {
                case 0 when frame.Length > 0:
                    frame[chance.Next(frame.Length)] ^= (byte)(1 << chance.Next(8));
                    break;
                case 1:
                    frames[at] = frame[..chance.Next(frame.Length + 1)];
                    break;
                case 2:
                    frames.Insert(chance.Next(frames.Count + 1), [.. frame]);
                    break;
                case 3:
                    var other = chance.Next(frames.Count);
                    (frames[at], frames[other]) = (frames[other], frames[at]);
                    break;
                case 4 when frame.Length >= RawFrame.HeaderSize:
                    // A length that lies: a little, or in any way at all.
                    frame[chance.Next(2) == 0 ? 2 : chance.Next(3)] = (byte)chance.Next(256);
                    break;
                case 5 when frame.Length >= RawFrame.HeaderSize:
                    frame[chance.Next(3, RawFrame.HeaderSize)] = (byte)chance.Next(256);
                    break;
                case 6:
                    var noise = new byte[chance.Next(1, 40)];
                    chance.NextBytes(noise);
                    frames.Insert(at, noise);
                    break;
                case 7 when frames.Count > 1:
                    frames.RemoveAt(at);
                    break;
                default:
                    if (frame.Length > RawFrame.HeaderSize)
                    {
                        chance.NextBytes(frame.AsSpan(chance.Next(RawFrame.HeaderSize, frame.Length)));
                    }

                    break;
            }
        }

        return [.. frames.SelectMany(frame => frame)];
    }

    /// <summary>Damage at the level of gRPC: frames that HTTP/2 has nothing against, in calls that are wrong.</summary>
    public static byte[] Distort(List<RawFrame> conversation, Random chance)
    {
        var frames = new List<RawFrame>(conversation);
        for (var n = chance.Next(1, 4); n > 0; n--)
        {
            var at = chance.Next(frames.Count);
            var frame = frames[at];
            if (frame.Kind == FrameKind.Headers)
            {
                var (name, values) = StrangeHeaders[chance.Next(StrangeHeaders.Length)];
                var more = HeaderBlock.Encode((name, values[chance.Next(values.Length)]));
                frames[at] = frame with { Payload = (byte[])[.. frame.Payload.Span, .. more] };
            }
            else if (frame.Kind == FrameKind.Data)
            {
                frames[at] = frame with { Payload = DistortMessage(frame.Payload.ToArray(), chance) };
            }
        }

        return [.. frames.SelectMany(frame => frame.ToBytes())];
    }

    private static byte[] DistortMessage(byte[] bytes, Random chance)
    {
        switch (chance.Next(7))
        {
            case 0 when bytes.Length > 0:
                bytes[chance.Next(bytes.Length)] ^= (byte)(1 << chance.Next(8));
                break;
            case 1:
                return bytes[..chance.Next(bytes.Length + 1)];
            case 2:
                return [.. bytes, .. bytes];
            case 3 when bytes.Length >= 5:
                BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(1), (uint)chance.NextInt64(uint.MaxValue + 1L));
                break;
            case 4 when bytes.Length >= 5:
                bytes[4] = (byte)chance.Next(256);
                break;
            case 5 when bytes.Length > 0:
                bytes[0] = (byte)chance.Next(4);
                break;
            default:
                chance.NextBytes(bytes.AsSpan(Math.Min(5, bytes.Length)));
                break;
        }

        return bytes;
    }

    private static ByteString SomeBytes(Random chance)
    {
        var bytes = new byte[chance.Next(200)];
        chance.NextBytes(bytes);
        return ByteString.CopyFrom(bytes);
    }
}
