using RaftKv.Storage.Records;

namespace RaftKv.Storage.Checkpoints;

/// <summary>Which kind of record store a member keeps: chosen once, when its directory is made.</summary>
public interface IRecordStoreMaker
{
    /// <summary>What the kind is called, in the checkpoint: another kind's files are refused by name.</summary>
    string Name { get; }

    /// <summary>An empty store in a directory that is there and holds nothing that matters.</summary>
    IRecordStore Create(string directory, ulong identity);

    /// <summary>The store as of a durable checkpoint.</summary>
    IRecordStore Open(string directory, ulong identity, ReadOnlyMemory<byte> token);

    /// <summary>Deletes the files of a store that is not open.</summary>
    void Delete(string directory);
}
