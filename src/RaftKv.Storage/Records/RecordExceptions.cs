using RaftKv.Storage.Files;
using RaftKv.Storage.Mvcc;

namespace RaftKv.Storage.Records;

/// <summary>A record that the key index counts on is not in the store.</summary>
public sealed class RecordMissingException(string path, Revision revision)
    : StorageException(path, $"The record of revision {revision} is missing.")
{
    public Revision Revision { get; } = revision;
}

/// <summary>A record's bytes are not those that were stored.</summary>
public sealed class RecordCorruptException(string path, Revision revision, string found)
    : StorageException(path, $"The record of revision {revision} is damaged: {found}")
{
    public Revision Revision { get; } = revision;
}
