using RaftKv.Storage.Files;
using RaftKv.Storage.Records;
using RaftKv.Storage.Records.Faster;

namespace RaftKv.Storage.Checkpoints;

/// <summary>Makes the record store of a member: the newest records in memory, the rest on disk.</summary>
public sealed class FasterRecordStoreMaker(IFileSystem files, FasterRecordStoreOptions? options = null) : IRecordStoreMaker
{
    public string Name => "faster";

    public IRecordStore Create(string directory, ulong identity)
        => FasterRecordStore.Create(files, directory, identity, options);

    public IRecordStore Open(string directory, ulong identity, ReadOnlyMemory<byte> token)
        => FasterRecordStore.Open(files, directory, identity, token, options);

    public void Delete(string directory)
    {
        foreach (var name in files.List(directory))
        {
            files.Delete(Path.Join(directory, name));
        }
    }
}
