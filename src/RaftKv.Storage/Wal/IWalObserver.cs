namespace RaftKv.Storage.Wal;

/// <summary>Told how long the disk takes, by whoever writes the log.</summary>
public interface IWalObserver
{
    /// <summary>Bytes were handed to the system.</summary>
    void Written(int bytes, TimeSpan took);

    /// <summary>They are durable.</summary>
    void Synced(TimeSpan took);
}
