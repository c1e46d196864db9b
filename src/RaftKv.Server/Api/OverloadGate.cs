using RaftKv.Server.Replica;

namespace RaftKv.Server.Api;

/// <summary>
/// Bounds what clients' requests may take of a member at once. What does not fit is refused for certain, before anything is
/// done; leases, alarms and membership never come here, and heartbeats do not either, so they go on under any load.
/// </summary>
internal sealed class OverloadGate(ApiOptions options)
{
    private long _writeBytes;
    private int _reads;
    private long _refused;

    /// <summary>Bytes of writes under way.</summary>
    public long WriteBytes => Interlocked.Read(ref _writeBytes);

    /// <summary>Reads under way.</summary>
    public int Reads => Volatile.Read(ref _reads);

    /// <summary>Ranges that were read.</summary>
    public Metrics.Counter Ranges { get; } = new();

    public Metrics.Counter Transactions { get; } = new();

    /// <summary>Requests that were refused here.</summary>
    public long Refused => Interlocked.Read(ref _refused);

    /// <exception cref="RequestRefusedException">Too much is under way.</exception>
    public void EnterWrite(int bytes)
    {
        // One always fits, however small the limit is.
        var total = Interlocked.Add(ref _writeBytes, bytes);
        if (total > options.MaxPendingWriteBytes && total > bytes)
        {
            LeaveWrite(bytes);
            Refuse();
        }
    }

    public void LeaveWrite(int bytes) => Interlocked.Add(ref _writeBytes, -bytes);

    /// <exception cref="RequestRefusedException">Too much is under way.</exception>
    public void EnterRead()
    {
        if (Interlocked.Increment(ref _reads) > options.MaxPendingReads)
        {
            LeaveRead();
            Refuse();
        }
    }

    public void LeaveRead() => Interlocked.Decrement(ref _reads);

    private void Refuse()
    {
        Interlocked.Increment(ref _refused);
        throw new RequestRefusedException(RequestRefusal.TooManyRequests);
    }
}
