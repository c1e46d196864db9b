namespace RaftKv.Storage.Mvcc;

/// <summary>What the index knows of one key at one revision. The default is a key that is not there.</summary>
/// <param name="Modified">The change that made it so.</param>
/// <param name="Created">The main revision of the first put of this life of the key; 0 for a tombstone.</param>
/// <param name="Version">Counts the puts of this life from 1; 0 for a tombstone.</param>
/// <param name="Bytes">What the change counts for wherever space is counted: the length of the key and of the value.</param>
/// <param name="IsLeased">Whether the record names a lease.</param>
public readonly record struct KeyRevision(Revision Modified, long Created, long Version, int Bytes, bool IsLeased = false)
{
    /// <summary>Whether the key has a value.</summary>
    public bool IsLive => Version != 0;

    /// <summary>The end of a life of the key.</summary>
    public static KeyRevision Tombstone(Revision modified, int bytes) => new(modified, 0, 0, bytes);

    /// <summary>What a put makes of this.</summary>
    public KeyRevision AfterPut(Revision modified, int bytes, bool isLeased = false)
        => IsLive
            ? new(modified, Created, Version + 1, bytes, isLeased)
            : new(modified, modified.Main, 1, bytes, isLeased);
}

/// <summary>One key before and after a change.</summary>
public readonly record struct KeyChange(KeyRevision Before, KeyRevision After);
