namespace RaftKv.Storage.Tests;

/// <summary>A folder of one test's own on the real disk, gone afterwards.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("raftkv-storage-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
