using RaftKv.Storage.Files;

namespace RaftKv.FaultyMember.Disks;

/// <summary>What syncs are told to do beside syncing.</summary>
internal sealed class SyncFaults
{
    private const int InputOutputError = 5;

    private int _failures;
    private int _milliseconds;
    private long _hits;
    private volatile bool _lies;

    /// <summary>How many syncs failed or were late.</summary>
    public long Hits => Interlocked.Read(ref _hits);

    /// <summary>So many of the next ones fail.</summary>
    public void FailNext(int count) => Volatile.Write(ref _failures, count);

    /// <summary>Each takes that much longer.</summary>
    public void Delay(int milliseconds) => Volatile.Write(ref _milliseconds, milliseconds);

    /// <summary>From now on none of them does anything, and all of them say that they have.</summary>
    public void Lie() => _lies = true;

    /// <summary>Whether a sync is to be left out.</summary>
    public bool IsLie()
    {
        if (_lies)
        {
            Interlocked.Increment(ref _hits);
        }

        return _lies;
    }

    public void Await()
    {
        if (Volatile.Read(ref _milliseconds) is > 0 and var late)
        {
            Interlocked.Increment(ref _hits);
            Thread.Sleep(late);
        }
    }

    public bool Fails()
    {
        if (Volatile.Read(ref _failures) <= 0 || Interlocked.Decrement(ref _failures) < 0)
        {
            return false;
        }

        Interlocked.Increment(ref _hits);
        return true;
    }

    public static FileSyncFailedException Failure(string path) => new(path, InputOutputError, "Input/output error");
}
