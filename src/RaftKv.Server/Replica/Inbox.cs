namespace RaftKv.Server.Replica;

/// <summary>Wakes whoever runs a stage.</summary>
public interface IDoorbell
{
    /// <summary>Something has arrived. Never waits; may be called on any thread.</summary>
    void Ring();
}

/// <summary>
/// What waits for a stage. Anyone puts things in; the stage takes out everything there is at once, which is how batches
/// come about: by what has queued up while it was busy.
/// </summary>
public sealed class Inbox<T>(IDoorbell bell)
{
    private readonly Lock _gate = new();
    private List<T> _waiting = [];

    /// <summary>How many wait.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _waiting.Count;
            }
        }
    }

    public void Post(in T item)
    {
        bool isFirst;
        lock (_gate)
        {
            isFirst = _waiting.Count == 0;
            _waiting.Add(item);
        }

        if (isFirst)
        {
            bell.Ring();
        }
    }

    /// <summary>Takes everything that waits, in order.</summary>
    /// <param name="taken">The list that was taken before, which goes back to be filled; then the list of what was
    /// taken.</param>
    public bool TryTake(ref List<T> taken)
    {
        taken.Clear();
        lock (_gate)
        {
            (taken, _waiting) = (_waiting, taken);
        }

        return taken.Count > 0;
    }
}
