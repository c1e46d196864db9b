namespace RaftKv.Server.Replica;

/// <summary>Something short that may be done on any thread, and never waits.</summary>
internal interface ILentWork
{
    /// <summary>Belongs to <see cref="LentThread"/> from the moment the work is taken until it runs.</summary>
    ILentWork? NextLent { get; set; }

    void RunLent();
}

/// <summary>
/// A thread that does what it has caused, instead of waking another thread for it. To wake one and to be switched to costs
/// more than most of what is done then, and a write goes through many hands.
/// </summary>
/// <remarks>
/// <code>
///   using (LentThread.Lend())      the caller holds no lock, and can spare a moment
///   {
///       inbox.Post(…);             rings: the stage is nobody's, so it is put down for this thread
///   }                              and runs here; so does what it causes in its turn
/// </code>
/// <para>Where no thread is lent, whoever is rung for is woken as ever.</para>
/// </remarks>
internal static class LentThread
{
    [ThreadStatic]
    private static bool _isLent;

    [ThreadStatic]
    private static ILentWork? _first;

    [ThreadStatic]
    private static ILentWork? _last;

    /// <summary>Lends this thread until the loan is disposed of; then runs what was taken. A loan within a loan changes
    /// nothing.</summary>
    public static Loan Lend() => LendIf(true);

    /// <summary>The same, if there is reason to.</summary>
    public static Loan LendIf(bool isWorthIt)
    {
        var isOutermost = isWorthIt && !_isLent;
        _isLent |= isOutermost;
        return new Loan(isOutermost);
    }

    /// <summary>Puts work down for this thread, if it is lent.</summary>
    public static bool TryTake(ILentWork work)
    {
        if (!_isLent)
        {
            return false;
        }

        work.NextLent = null;
        if (_last is null)
        {
            _first = work;
        }
        else
        {
            _last.NextLent = work;
        }

        _last = work;
        return true;
    }

    private static void Finish()
    {
        while (_first is { } work)
        {
            _first = work.NextLent;
            if (_first is null)
            {
                _last = null;
            }

            work.NextLent = null;
            work.RunLent();
        }

        _isLent = false;
    }

    public readonly ref struct Loan(bool isOutermost) : IDisposable
    {
        public void Dispose()
        {
            if (isOutermost)
            {
                Finish();
            }
        }
    }
}
