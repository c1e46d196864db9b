using RaftKv.Storage.Etcd;
using RaftKv.Storage.Files;

namespace RaftKv.Storage.Backups;

/// <summary>Makes a snapshot that etcd's own tools restore of one of ours.</summary>
/// <example><code>
/// EtcdExport.Write(new PhysicalFileSystem(), "backup.raftkv", "backup.db", "backup.sorting");
/// </code></example>
public static class EtcdExport
{
    /// <param name="files">The disk.</param>
    /// <param name="from">The snapshot.</param>
    /// <param name="to">Where the other one goes: an empty file, for who may read it is the caller's to say.</param>
    /// <param name="scratch">Another empty file, for what does not fit into memory. It may be deleted afterwards.</param>
    /// <exception cref="Snapshots.SnapshotDamagedException">The snapshot cannot be used.</exception>
    public static void Write(IFileSystem files, string from, string to, string scratch)
    {
        using var saved = SavedState.Open(files, from);
        using var runs = files.OpenFile(scratch);
        var sorter = new RevisionSorter(runs);
        var tables = saved.Read(sorter.Add, out _);
        using var file = files.OpenFile(to);
        var length = EtcdStateWriter.Write(file, tables, sorter.Sorted());
        file.WriteAt(length, SavedState.SumOf(file, length));
        file.Sync();
    }
}
