using System.Buffers;
using Google.Protobuf;

namespace RaftKv.Rpc;

/// <summary>How messages of one type become bytes and come back. Stateless; one instance serves every call.</summary>
public abstract class MessageCodec<T>
{
    /// <summary>Whether what <see cref="Read"/> returns still points into the bytes it was given.</summary>
    public virtual bool ReadsBorrowed => false;

    /// <summary>The exact number of bytes writing it will produce.</summary>
    public abstract int SizeOf(T message);

    public abstract void Write(T message, IBufferWriter<byte> output);

    /// <summary>Writes into a span of exactly <see cref="SizeOf"/> bytes.</summary>
    public abstract void Write(T message, Span<byte> output);

    /// <summary>Reads one whole message.</summary>
    /// <param name="bytes">Borrowed until return, unless the codec says otherwise.</param>
    /// <exception cref="InvalidDataException">The bytes are no such message; the text says why.</exception>
    public abstract T Read(in ReadOnlySequence<byte> bytes);
}

/// <summary>Codecs that exist.</summary>
public static class MessageCodec
{
    /// <summary>The codec of a generated message.</summary>
    public static MessageCodec<T> Of<T>()
        where T : IMessage<T>, new()
        => GeneratedCodec<T>.Instance;

    /// <summary>
    /// Bytes as they are. What it reads is borrowed: on a server until the handler has finished with the message, on a
    /// client stream until the next one is read; a unary client receives a copy.
    /// </summary>
    public static MessageCodec<ReadOnlySequence<byte>> Bytes { get; } = new BytesCodec();

    private sealed class GeneratedCodec<T> : MessageCodec<T>
        where T : IMessage<T>, new()
    {
        public static readonly GeneratedCodec<T> Instance = new();

        private static readonly MessageParser<T> Parser = new(static () => new T());

        public override int SizeOf(T message) => message.CalculateSize();

        public override void Write(T message, IBufferWriter<byte> output) => message.WriteTo(output);

        public override void Write(T message, Span<byte> output) => message.WriteTo(output);

        public override T Read(in ReadOnlySequence<byte> bytes)
        {
            try
            {
                return bytes.IsSingleSegment ? Parser.ParseFrom(bytes.FirstSpan) : Parser.ParseFrom(bytes);
            }
            catch (InvalidProtocolBufferException garbage)
            {
                throw new InvalidDataException(garbage.Message, garbage);
            }
        }
    }

    private sealed class BytesCodec : MessageCodec<ReadOnlySequence<byte>>
    {
        public override bool ReadsBorrowed => true;

        public override int SizeOf(ReadOnlySequence<byte> message) => checked((int)message.Length);

        public override void Write(ReadOnlySequence<byte> message, IBufferWriter<byte> output)
        {
            foreach (var segment in message)
            {
                output.Write(segment.Span);
            }
        }

        public override void Write(ReadOnlySequence<byte> message, Span<byte> output) => message.CopyTo(output);

        public override ReadOnlySequence<byte> Read(in ReadOnlySequence<byte> bytes) => bytes;
    }
}
