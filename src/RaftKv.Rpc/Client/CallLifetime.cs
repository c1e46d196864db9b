using System.Diagnostics.CodeAnalysis;

namespace RaftKv.Rpc.Client;

/// <summary>What ended a call. The first cause stays, so that a deadline and a cancellation are never mixed up.</summary>
internal enum CallEnd
{
    None,

    /// <summary>It has its status.</summary>
    Finished,

    CancelledByCaller,
    DeadlinePassed,

    /// <summary>The caller disposed the call.</summary>
    Abandoned,

    ChannelDisposed,
}

/// <summary>
/// How long a call may go on. Its token fires when the call must stop, whatever the cause; the cause is kept beside it.
/// </summary>
internal sealed class CallLifetime : CancellationTokenSource
{
    // What a timer takes at most. A deadline further away is as good as none.
    private static readonly TimeSpan LongestTimer = TimeSpan.FromMilliseconds(int.MaxValue);

    private readonly TimeProvider _time;
    private readonly long _startedAt;
    private readonly TimeSpan? _timeout;
    private readonly ITimer? _deadline;
    private readonly CancellationTokenRegistration _onCaller;
    private readonly CancellationTokenRegistration _onDisposal;
    private CancellationTokenRegistration _onReader;

    private CancellationToken _callerToken;
    private int _end;

    public CallLifetime(TimeProvider time, TimeSpan? timeout, CancellationToken caller, CancellationToken channelDisposal)
    {
        _time = time;
        _timeout = timeout;
        _callerToken = caller;
        if (timeout is { } limit)
        {
            _startedAt = time.GetTimestamp();
            if (limit <= TimeSpan.Zero)
            {
                TryEnd(CallEnd.DeadlinePassed);
            }
            else
            {
                _deadline = time.CreateTimer(
                    static self => ((CallLifetime)self!).TryEnd(CallEnd.DeadlinePassed),
                    this,
                    limit < LongestTimer ? limit : LongestTimer,
                    Timeout.InfiniteTimeSpan);
            }
        }

        _onCaller = caller.UnsafeRegister(static self => ((CallLifetime)self!).TryEnd(CallEnd.CancelledByCaller), this);
        _onDisposal = channelDisposal.UnsafeRegister(static self => ((CallLifetime)self!).TryEnd(CallEnd.ChannelDisposed), this);
    }

    public CallEnd End => (CallEnd)Volatile.Read(ref _end);

    /// <summary>Null without a deadline; never negative.</summary>
    public TimeSpan? TimeLeft
    {
        get
        {
            if (_timeout is not { } timeout)
            {
                return null;
            }

            var left = timeout - _time.GetElapsedTime(_startedAt);
            return left > TimeSpan.Zero ? left : TimeSpan.Zero;
        }
    }

    /// <summary>Watches one more token of the caller's, given when it reads a stream.</summary>
    public void AlsoCancelledBy(CancellationToken caller)
    {
        if (!caller.CanBeCanceled || caller == _callerToken)
        {
            return;
        }

        _onReader = caller.UnsafeRegister(
            static (self, token) =>
            {
                var lifetime = (CallLifetime)self!;
                if (lifetime.End == CallEnd.None)
                {
                    lifetime._callerToken = token;
                }

                lifetime.TryEnd(CallEnd.CancelledByCaller);
            },
            this);
    }

    /// <summary>Stops the call for this cause, unless it was stopped before.</summary>
    public bool TryEnd(CallEnd cause)
    {
        if (Interlocked.CompareExchange(ref _end, (int)cause, (int)CallEnd.None) != (int)CallEnd.None)
        {
            return false;
        }

        Cancel();
        return true;
    }

    /// <summary>What the caller is told when the call was stopped from this side; null when it was not.</summary>
    public Exception? ToException(Exception? cause) => End switch
    {
        CallEnd.CancelledByCaller => new OperationCanceledException("The call was cancelled.", cause, _callerToken),
        CallEnd.DeadlinePassed => DeadlineExceeded(cause),
        CallEnd.ChannelDisposed => new ObjectDisposedException(nameof(RpcChannel), "The channel was disposed while the call was running."),
        CallEnd.Abandoned => new ObjectDisposedException("call", "The call was disposed while it was being used."),
        _ => null,
    };

    public static RpcException DeadlineExceeded(Exception? cause)
        => new(new RpcStatus(RpcStatusCode.DeadlineExceeded, "context deadline exceeded"), cause: cause);

    /// <summary>Lets go of timer and tokens. The call has ended.</summary>
    [SuppressMessage(
        "Usage",
        "CA2215",
        Justification = "The source holds nothing once timer and tokens are gone, and a thread inside TryEnd may be about to cancel it.")]
    protected override void Dispose(bool disposing)
    {
        Interlocked.CompareExchange(ref _end, (int)CallEnd.Finished, (int)CallEnd.None);
        _deadline?.Dispose();
        _onCaller.Unregister();
        _onDisposal.Unregister();
        _onReader.Unregister();
    }
}
