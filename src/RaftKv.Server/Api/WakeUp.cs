using System.Threading.Tasks.Sources;

namespace RaftKv.Server.Api;

/// <summary>
/// Wakes one sleeper, who is woken at once if somebody called meanwhile. It costs nothing to use again and again, and the
/// caller never runs what the sleeper does next.
/// </summary>
internal sealed class WakeUp : IValueTaskSource
{
    private readonly Lock _gate = new();
    private ManualResetValueTaskSourceCore<bool> _core = new() { RunContinuationsAsynchronously = true };
    private bool _isCalled;
    private bool _isAsleep;

    /// <summary>On any thread.</summary>
    public void Call()
    {
        lock (_gate)
        {
            if (!_isAsleep)
            {
                _isCalled = true;
                return;
            }

            _isAsleep = false;
        }

        _core.SetResult(true);
    }

    /// <summary>Completes with the next call, or at once if there was one since the last time. By one at a time.</summary>
    public ValueTask SleepAsync()
    {
        lock (_gate)
        {
            if (_isCalled)
            {
                _isCalled = false;
                return default;
            }

            _core.Reset();
            _isAsleep = true;
            return new ValueTask(this, _core.Version);
        }
    }

    void IValueTaskSource.GetResult(short token) => _core.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
        => _core.OnCompleted(continuation, state, token, flags);
}
