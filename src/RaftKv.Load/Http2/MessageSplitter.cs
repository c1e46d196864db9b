using System.Buffers.Binary;

namespace RaftKv.Load.Http2;

/// <summary>Finds gRPC's messages in the pieces that a stream comes in. Only what is split over pieces is copied.</summary>
internal sealed class MessageSplitter(MessageSplitter.Taker take)
{
    private const int Header = 5;
    private byte[] _held = new byte[32 * 1024];
    private int _length;

    public delegate void Taker(ReadOnlySpan<byte> message);

    public void Add(ReadOnlySpan<byte> bytes)
    {
        while (_length > 0 && bytes.Length > 0)
        {
            // First the header, so that the length is known; then the rest of that message and nothing beyond.
            var wanted = _length < Header ? Header : Header + LengthOf(_held);
            var piece = bytes[..Math.Min(bytes.Length, wanted - _length)];
            Hold(piece);
            bytes = bytes[piece.Length..];
            if (_length >= Header && _length == Header + LengthOf(_held))
            {
                take(_held.AsSpan(Header, _length - Header));
                _length = 0;
            }
        }

        while (bytes.Length >= Header && bytes.Length >= Header + LengthOf(bytes))
        {
            var length = Header + LengthOf(bytes);
            take(bytes[Header..length]);
            bytes = bytes[length..];
        }

        Hold(bytes);
    }

    private static int LengthOf(ReadOnlySpan<byte> header) => BinaryPrimitives.ReadInt32BigEndian(header[1..]);

    private void Hold(ReadOnlySpan<byte> bytes)
    {
        if (_held.Length < _length + bytes.Length)
        {
            Array.Resize(ref _held, Math.Max(_held.Length * 2, _length + bytes.Length));
        }

        bytes.CopyTo(_held.AsSpan(_length));
        _length += bytes.Length;
    }
}
