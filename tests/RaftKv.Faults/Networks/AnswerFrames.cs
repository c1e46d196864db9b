using System.Buffers.Binary;

namespace RaftKv.Faults.Networks;

/// <summary>
/// Follows what a server sends on one HTTP/2 connection, so that whoever carries it knows where an answer is: a frame with
/// headers or data. All else (settings, windows, pings) would be sent without any request.
/// </summary>
internal sealed class AnswerFrames
{
    private const int HeaderLength = 9;
    private const byte Data = 0;
    private const byte Headers = 1;

    private readonly byte[] _header = new byte[HeaderLength];
    private int _headerBytes;
    private int _bodyLeft;

    /// <summary>Takes the next piece, of any length.</summary>
    /// <returns>Whether a frame of an answer has its header, or the end of it, in this piece.</returns>
    public bool Take(ReadOnlySpan<byte> piece)
    {
        var hasAnswer = false;
        while (piece.Length > 0)
        {
            if (_bodyLeft > 0)
            {
                var skipped = Math.Min(_bodyLeft, piece.Length);
                _bodyLeft -= skipped;
                piece = piece[skipped..];
                continue;
            }

            var taken = Math.Min(HeaderLength - _headerBytes, piece.Length);
            piece[..taken].CopyTo(_header.AsSpan(_headerBytes));
            _headerBytes += taken;
            piece = piece[taken..];
            if (_headerBytes == HeaderLength)
            {
                _headerBytes = 0;
                _bodyLeft = (int)(BinaryPrimitives.ReadUInt32BigEndian(_header) >> 8);
                hasAnswer |= _header[3] is Data or Headers;
            }
        }

        return hasAnswer;
    }
}
