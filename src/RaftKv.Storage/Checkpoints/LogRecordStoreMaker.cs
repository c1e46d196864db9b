using RaftKv.Storage.Files;
using RaftKv.Storage.Records;

namespace RaftKv.Storage.Checkpoints;

/// <summary>Makes the plain record store, which keeps everything in memory and its files in order of arrival.</summary>
public sealed class LogRecordStoreMaker(IFileSystem files, LogRecordStoreOptions? options = null) : IRecordStoreMaker
{
    public string Name => "log";

    public IRecordStore Create(string directory, ulong identity)
        => LogRecordStore.Create(files, directory, identity, options);

    public IRecordStore Open(string directory, ulong identity, ReadOnlyMemory<byte> token)
        => LogRecordStore.Open(files, directory, identity, token, options);

    public void Delete(string directory)
    {
        foreach (var name in files.List(directory))
        {
            files.Delete(Path.Join(directory, name));
        }
    }
}
