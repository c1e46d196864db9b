namespace RaftKv.Rpc.Server;

/// <summary>Counts calls in progress and lets no more in than its limit.</summary>
internal sealed class CallGate(int limit)
{
    private int _inProgress;

    public int Limit { get; } = limit;

    public bool TryEnter()
    {
        if (Interlocked.Increment(ref _inProgress) <= Limit)
        {
            return true;
        }

        Leave();
        return false;
    }

    public void Leave() => Interlocked.Decrement(ref _inProgress);

    /// <summary>A handler that runs inside the gate, or is refused.</summary>
    public RpcHandler Around(string what, RpcHandler next) => call =>
    {
        if (!TryEnter())
        {
            return call.Refuse(new RpcStatus(RpcStatusCode.ResourceExhausted, $"too many concurrent calls {what}: the limit is {Limit}"));
        }

        ValueTask running;
        try
        {
            running = next(call);
        }
        catch
        {
            Leave();
            throw;
        }

        if (running.IsCompletedSuccessfully)
        {
            Leave();
            return default;
        }

        return LeaveAfter(running);
    };

    private async ValueTask LeaveAfter(ValueTask running)
    {
        try
        {
            await running.ConfigureAwait(false);
        }
        finally
        {
            Leave();
        }
    }
}
