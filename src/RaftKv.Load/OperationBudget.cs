namespace RaftKv.Load;

/// <summary>How many operations all connections together may begin; as many as they like if null.</summary>
internal sealed class OperationBudget(long? operations)
{
    private readonly bool _isLimited = operations.HasValue;
    private long _left = operations ?? 0;

    public bool TryTake() => !_isLimited || Interlocked.Decrement(ref _left) >= 0;
}
