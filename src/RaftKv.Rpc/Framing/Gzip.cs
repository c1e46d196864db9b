using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;

namespace RaftKv.Rpc.Framing;

/// <summary>The one compression we speak, both ways.</summary>
internal static class Gzip
{
    public const string Name = "gzip";

    /// <summary>What grpc-accept-encoding says.</summary>
    public const string Accepted = "identity,gzip";

    /// <summary>Messages below this many bytes travel as they are: gzip's header alone is 18 bytes, and its state costs more than it saves.</summary>
    public const int WorthwhileBytes = 256;

    public static void Compress(in ReadOnlySequence<byte> message, PooledBuffer output)
    {
        using var gzip = new GZipStream(new BufferStream(output), CompressionLevel.Fastest);
        foreach (var segment in message)
        {
            gzip.Write(segment.Span);
        }
    }

    /// <summary>Unpacks a message. Stops as soon as the limit is passed, so that a small bomb cannot fill memory.</summary>
    /// <returns>False when the message is larger than <paramref name="maxMessageBytes"/>.</returns>
    /// <exception cref="InvalidDataException">The bytes are not gzip, or end too soon.</exception>
    public static bool TryDecompress(in ReadOnlySequence<byte> message, int maxMessageBytes, PooledBuffer output)
    {
        if (message.IsEmpty)
        {
            throw new InvalidDataException("the compressed message is empty");
        }

        using var packed = new SequenceStream(message);
        using var gzip = new GZipStream(packed, CompressionMode.Decompress);
        while (true)
        {
            var read = gzip.Read(output.GetSpan(4096));
            if (read == 0)
            {
                ThrowIfCutShort(message, output.Length);
                return true;
            }

            output.Advance(read);
            if (output.Length > maxMessageBytes)
            {
                return false;
            }
        }
    }

    /// <summary>
    /// GZipStream takes the end of its input for the end of the message, wherever it comes. A whole gzip member closes
    /// with the length of what it holds (RFC 1952 §2.3.1), so that is compared.
    /// </summary>
    private static void ThrowIfCutShort(in ReadOnlySequence<byte> message, int length)
    {
        const int LengthBytes = 4;
        const int SmallestMember = 18;
        if (message.Length < SmallestMember)
        {
            throw new InvalidDataException($"{message.Length} bytes are too few for gzip");
        }

        Span<byte> trailer = stackalloc byte[LengthBytes];
        message.Slice(message.Length - LengthBytes).CopyTo(trailer);
        var promised = BinaryPrimitives.ReadUInt32LittleEndian(trailer);
        if (promised != (uint)length)
        {
            throw new InvalidDataException($"the compressed message ends too soon: it holds {length} bytes, its trailer says {promised}");
        }
    }

    private sealed class SequenceStream(ReadOnlySequence<byte> rest) : Stream
    {
        private ReadOnlySequence<byte> _rest = rest;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(Span<byte> buffer)
        {
            var count = (int)Math.Min(buffer.Length, _rest.Length);
            _rest.Slice(0, count).CopyTo(buffer);
            _rest = _rest.Slice(count);
            return count;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }

    private sealed class BufferStream(PooledBuffer output) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override void Write(ReadOnlySpan<byte> buffer) => output.Write(buffer);

        public override void Write(byte[] buffer, int offset, int count) => output.Write(buffer.AsSpan(offset, count));

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
