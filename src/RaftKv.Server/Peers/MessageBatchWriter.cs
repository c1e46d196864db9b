using RaftKv.Raft;
using RaftKv.Raft.Messages;

namespace RaftKv.Server.Peers;

/// <summary>
/// Gathers messages into frames, and frames into one buffer, so that whatever waited leaves with one write. The buffer is
/// used again and again; a frame ends when it is large enough that the next message would not ride cheaper in it.
/// </summary>
internal sealed class MessageBatchWriter
{
    // Frames with entries become arrays at the receiver; this keeps the usual ones out of the large object heap.
    private const int FrameBytes = 64 * 1024;

    // A buffer that one huge message made is not kept. Full appends (RaftConfig.MaxAppendBytes) are no exception but the
    // rule while somebody catches up, so there is room for them and for what gathered before.
    private const int KeptBytes = 4 * 1024 * 1024;

    private byte[] _buffer = new byte[16 * 1024];
    private int _length;

    // Of the frame that is being filled; -1 between frames.
    private int _frameStart = -1;
    private int _messages;
    private int _entries;

    /// <summary>How much there is to be written, once <see cref="Finish"/> was called.</summary>
    public int Length => _length;

    public void Add(in Message message)
    {
        var bound = MessageCodec.BoundOf(message);
        MakeRoom(PeerFrame.HeaderBytes + MessageCodec.BatchHeaderBytes + bound);
        if (_frameStart < 0)
        {
            _frameStart = _length;
            _length += PeerFrame.HeaderBytes + MessageCodec.BatchHeaderBytes;
        }

        _length += MessageCodec.Write(message, _buffer.AsSpan(_length));
        _messages++;
        _entries += message.Entries.Length;
        if (_length - _frameStart >= FrameBytes)
        {
            EndFrame();
        }
    }

    /// <summary>All frames so far, ready to be written.</summary>
    public ReadOnlyMemory<byte> Finish()
    {
        EndFrame();
        return _buffer.AsMemory(0, _length);
    }

    public void Clear()
    {
        Invariant.Holds(_frameStart < 0);
        _length = 0;
        if (_buffer.Length > KeptBytes)
        {
            _buffer = new byte[KeptBytes];
        }
    }

    private void EndFrame()
    {
        if (_frameStart < 0)
        {
            return;
        }

        var frame = _buffer.AsSpan(_frameStart, _length - _frameStart);
        MessageCodec.WriteBatchHeader(frame[PeerFrame.HeaderBytes..], _messages, _entries);
        PeerFrame.Seal(frame, _entries > 0 ? FrameKind.MessagesWithEntries : FrameKind.Messages);
        _frameStart = -1;
        _messages = 0;
        _entries = 0;
    }

    private void MakeRoom(long bytes)
    {
        if (_buffer.Length - _length < bytes)
        {
            Array.Resize(ref _buffer, checked((int)Math.Max(_buffer.Length * 2L, _length + bytes)));
        }
    }
}
