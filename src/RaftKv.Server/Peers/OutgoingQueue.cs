using RaftKv.Raft;
using RaftKv.Raft.Messages;

namespace RaftKv.Server.Peers;

/// <summary>
/// Messages that wait for one stream. Two arrays change places: senders fill one while the stream writes the other, so the
/// lock is held for a few instructions and nothing is allocated once the arrays have their size. What is being written
/// counts against the bounds too, so a stuck connection holds no more than they say.
/// </summary>
internal sealed class OutgoingQueue(int maxMessages, long maxBytes)
{
    private const int FirstCapacity = 16;

    private readonly Lock _gate = new();
    private Message[] _filling = new Message[FirstCapacity];
    private Message[] _writing = new Message[FirstCapacity];
    private int _count;
    private long _bytes;
    private int _writingCount;
    private long _writingBytes;
    private bool _isOpen;

    public long Messages
    {
        get
        {
            lock (_gate)
            {
                return _count + _writingCount;
            }
        }
    }

    public long Bytes
    {
        get
        {
            lock (_gate)
            {
                return _bytes + _writingBytes;
            }
        }
    }

    /// <summary>What waits, without what is being written.</summary>
    public long WaitingBytes
    {
        get
        {
            lock (_gate)
            {
                return _bytes;
            }
        }
    }

    public void Open()
    {
        lock (_gate)
        {
            _isOpen = true;
        }
    }

    /// <summary>Takes nothing any more, and forgets what it has. Returns how many messages that was.</summary>
    public int Close()
    {
        lock (_gate)
        {
            var dropped = _count + _writingCount;
            _isOpen = false;
            Array.Clear(_filling, 0, _count);
            Array.Clear(_writing, 0, _writingCount);
            _count = 0;
            _bytes = 0;
            _writingCount = 0;
            _writingBytes = 0;
            return dropped;
        }
    }

    /// <summary>False if closed or full.</summary>
    /// <param name="message">What to send.</param>
    /// <param name="bytes">What it counts for.</param>
    public bool TryAdd(in Message message, long bytes)
    {
        lock (_gate)
        {
            var waiting = _count + _writingCount;
            if (!_isOpen || waiting >= maxMessages || (waiting > 0 && _bytes + _writingBytes + bytes > maxBytes))
            {
                return false;
            }

            if (_count == _filling.Length)
            {
                Array.Resize(ref _filling, _count * 2);
            }

            _filling[_count++] = message;
            _bytes += bytes;
            return true;
        }
    }

    /// <summary>Everything that waits; valid until <see cref="Written"/> or <see cref="Close"/>.</summary>
    public ReadOnlyMemory<Message> Take()
    {
        lock (_gate)
        {
            Invariant.Holds(_writingCount == 0);
            (_filling, _writing) = (_writing, _filling);
            (_writingCount, _writingBytes) = (_count, _bytes);
            _count = 0;
            _bytes = 0;
            return _writing.AsMemory(0, _writingCount);
        }
    }

    public void Written()
    {
        lock (_gate)
        {
            Array.Clear(_writing, 0, _writingCount);
            _writingCount = 0;
            _writingBytes = 0;
        }
    }
}
