using RaftKv.Storage.Files;
using RaftKv.Storage.Mvcc;

namespace RaftKv.Storage.Records;

/// <summary>A record that the key index counts on is not in the store.</summary>
public sealed class RecordMissingException(string path, Revision revision)
    : StorageException(path, $"The record of revision {revision} is missing in {path}.")
{
    public Revision Revision { get; } = revision;
}

/// <summary>A record's bytes are not those that were stored.</summary>
public sealed class RecordCorruptException(string path, long offset, Revision revision, string found)
    : StorageException(path, $"The record of revision {revision} is damaged in {path} at offset {offset}: {found}.")
{
    /// <summary>Where in the file the record begins.</summary>
    public long Offset { get; } = offset;

    public Revision Revision { get; } = revision;
}

/// <summary>
/// The store's files are not those that a checkpoint was taken of, or hold something else. Nothing was changed. The
/// member must not start on them: what it acknowledged may be gone.
/// </summary>
public sealed class RecordStoreDamagedException(string path, long offset, string expected, string found)
    : StorageException(
        path, $"The record store is damaged in {path} at offset {offset}: expected {expected}, found {found}.")
{
    public long Offset { get; } = offset;

    public string Expected { get; } = expected;

    public string Found { get; } = found;
}

/// <summary>The store was made for smaller records than it is asked to hold now.</summary>
public sealed class RecordStoreTooNarrowException(string path, int recordBytes, int pageBytes)
    : StorageException(
        path,
        $"The record store in {path} was made for records of less than {pageBytes} bytes, and is to hold some of {recordBytes} bytes. "
            + "Let requests be no larger than before, or replace the member by a new one, which is given its data by the others.");

/// <summary>An earlier failure stopped the store; its cause is the inner exception. Nothing was written by this call, and
/// nothing will be until the store is opened anew.</summary>
public sealed class RecordStoreStoppedException(string path, Exception cause)
    : StorageException(path, $"The record store in {path} stopped after a failure: {cause.Message}", cause);
