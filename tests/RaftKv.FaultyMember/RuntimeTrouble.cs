namespace RaftKv.FaultyMember;

/// <summary>What makes a .NET process stand still.</summary>
internal static class RuntimeTrouble
{
    // More than the pool will have threads for some seconds.
    private const int Sleepers = 400;

    /// <summary>Gives all threads of the pool something else to do for a while.</summary>
    public static void StarvePool(int milliseconds)
    {
        // The same end for all: the pool makes more threads meanwhile, and those must not begin anew.
        var end = Environment.TickCount64 + milliseconds;
        for (var i = 0; i < Sleepers; i++)
        {
            ThreadPool.UnsafeQueueUserWorkItem(static until => Thread.Sleep((int)Math.Max(0, until - Environment.TickCount64)), end, preferLocal: false);
        }
    }

    /// <summary>Collects everything, again and again, while all threads wait.</summary>
    public static void Collect(int times)
    {
        for (var i = 0; i < times; i++)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: true, compacting: true);
        }
    }
}
