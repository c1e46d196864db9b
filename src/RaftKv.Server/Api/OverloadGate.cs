using RaftKv.Rpc.Server;
using RaftKv.Server.Replica;

namespace RaftKv.Server.Api;

/// <summary>
/// Bounds what clients' requests may take of a member at once. What does not fit is refused for certain, before anything is
/// done; leases, alarms and membership never come here, and heartbeats do not either, so they go on under any load.
/// </summary>
internal sealed class OverloadGate(ApiOptions options)
{
    // What is smaller fits into what a connection may hold in any case.
    private const int LargeAnswer = 64 * 1024;

    private long _writeBytes;
    private long _answerBytes;
    private int _reads;
    private long _refused;

    /// <summary>Bytes of writes under way.</summary>
    public long WriteBytes => Interlocked.Read(ref _writeBytes);

    /// <summary>Bytes of large answers that wait for their clients.</summary>
    public long AnswerBytes => Interlocked.Read(ref _answerBytes);

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

    /// <summary>
    /// To be asked right before an answer of unknown size is put together. An answer is in memory as a whole until its client
    /// has taken it, so those that wait are counted; beyond the limit there are at most as many more as threads make at once.
    /// </summary>
    /// <exception cref="RequestRefusedException">Clients have not taken enough of what they asked for.</exception>
    public void BeginAnswer()
    {
        if (AnswerBytes >= options.MaxPendingReadBytes)
        {
            Refuse();
        }
    }

    /// <summary>Counts an answer that was put together, if it is worth it, until it has been sent.</summary>
    public void Answered(RpcServerCall call)
    {
        if (call.WaitingBytes is var bytes and >= LargeAnswer)
        {
            Interlocked.Add(ref _answerBytes, bytes);
            call.HoldUntilSent(new WaitingAnswer(this, bytes));
        }
    }

    private void Refuse()
    {
        Interlocked.Increment(ref _refused);
        throw new RequestRefusedException(RequestRefusal.TooManyRequests);
    }

    private sealed class WaitingAnswer(OverloadGate gate, long bytes) : IDisposable
    {
        public void Dispose() => Interlocked.Add(ref gate._answerBytes, -bytes);
    }
}
