using System.Security.Cryptography;
using RaftKv.Storage.Bolt;
using RaftKv.Storage.Etcd;
using RaftKv.Storage.Files;
using RaftKv.Storage.Snapshots;
using RaftKv.Storage.State;

namespace RaftKv.Storage.Backups;

/// <summary>Who has made a snapshot.</summary>
public enum SnapshotMaker
{
    /// <summary>A member of RaftKv: see Snapshots/SnapshotFormat.</summary>
    RaftKv,

    /// <summary>A member of etcd: a bbolt file, see Bolt/BoltFormat.</summary>
    Etcd,
}

/// <summary>What there is to say of a snapshot as a whole.</summary>
/// <param name="Maker">Who has made it.</param>
/// <param name="Hash">Over all that is in it; of one from etcd the number that etcd's tools show.</param>
/// <param name="Revision">Of the newest change.</param>
/// <param name="TotalKeys">How many records, history included; of one from etcd all rows of all buckets, as its tools count.</param>
/// <param name="TotalBytes">Without the sum at its end.</param>
/// <param name="Version">Of its layout: etcd's storage version, if it says so, or <c>raftkv-1</c>.</param>
public sealed record SnapshotFacts(SnapshotMaker Maker, uint Hash, long Revision, long TotalKeys, long TotalBytes, string Version);

/// <summary>
/// A snapshot in a file, of RaftKv or of etcd: the state, zeros up to a multiple of 512 bytes, and a SHA-256 over all of it.
/// It is read from its beginning to its end, in bounded memory.
/// </summary>
/// <example><code>
/// using var saved = SavedState.Open(files, "backup.db");
/// saved.CheckSum();
/// var tables = saved.Read((revision, record) => …, out var facts);
/// </code></example>
public sealed class SavedState : IDisposable
{
    /// <summary>What a snapshot's length is a multiple of, but for its sum.</summary>
    public const int Block = 512;

    /// <summary>A SHA-256.</summary>
    public const int SumBytes = SHA256.HashSizeInBytes;

    private const int PieceBytes = 256 * 1024;

    private readonly IFile _file;

    private SavedState(IFile file)
    {
        _file = file;
        HasSum = file.Length % Block == SumBytes;
        Span<byte> magic = stackalloc byte[SnapshotFormat.Magic.Length];
        Maker = file.ReadAt(0, magic) == magic.Length && magic.SequenceEqual(SnapshotFormat.Magic) ? SnapshotMaker.RaftKv : SnapshotMaker.Etcd;
    }

    public SnapshotMaker Maker { get; }

    /// <summary>Whether there is a sum at its end, as its length shows.</summary>
    public bool HasSum { get; }

    private long ContentBytes => HasSum ? _file.Length - SumBytes : _file.Length;

    /// <exception cref="FileOperationException">There is no such file.</exception>
    public static SavedState Open(IFileSystem files, string path) => new(files.OpenFileToRead(path));

    /// <summary>Makes sure that it is all there and as it was written.</summary>
    /// <exception cref="SnapshotDamagedException">It is not. Where it can be told, the place is named.</exception>
    public void CheckSum()
    {
        if (!HasSum)
        {
            // Where it was cut off is a better answer than that it was.
            Read(static (_, _) => { }, out _);
            throw new SnapshotDamagedException(
                _file.Length, "there is no sum at its end: it was cut off there, or it is a copy of a data file and no snapshot.");
        }

        var found = SumOf(_file, ContentBytes);
        var written = new byte[SumBytes];
        _file.ReadAt(ContentBytes, written);
        if (!found.AsSpan().SequenceEqual(written))
        {
            Read(static (_, _) => { }, out _);
            throw new SnapshotDamagedException(
                ContentBytes, $"the sum of all before is {Convert.ToHexStringLower(found)}, but {Convert.ToHexStringLower(written)} was written.");
        }
    }

    /// <summary>Reads all of it.</summary>
    /// <param name="take">Given the records. Those of etcd come by revision; in ours, what stood at the compaction comes
    /// first.</param>
    /// <param name="facts">What there is to say of it.</param>
    /// <returns>What else there is.</returns>
    /// <exception cref="SnapshotDamagedException">It cannot be used; the message says where and why.</exception>
    public StateTables Read(RecordTaker take, out SnapshotFacts facts)
        => Maker == SnapshotMaker.RaftKv ? ReadOwn(take, out facts) : ReadEtcd(take, out facts);

    public void Dispose() => _file.Dispose();

    internal static byte[] SumOf(IFile file, long length)
    {
        using var sum = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var piece in Pieces(file, length))
        {
            sum.AppendData(piece.Span);
        }

        return sum.GetHashAndReset();
    }

    private StateTables ReadOwn(RecordTaker take, out SnapshotFacts facts)
    {
        var reader = new StateSnapshotReader(take, isPadded: true);
        foreach (var piece in Pieces(_file, ContentBytes))
        {
            reader.Add(piece.Span);
        }

        try
        {
            var tables = StateTables.Read(reader.Finish().Span);
            facts = new SnapshotFacts(
                Maker, reader.Sum, tables.Keys.Revision, reader.Records, ContentBytes, $"raftkv-{SnapshotFormat.Version}");
            return tables;
        }
        catch (StateFormatException wrong)
        {
            throw new SnapshotDamagedException(SnapshotFormat.StartBytes, wrong.Message);
        }
    }

    private StateTables ReadEtcd(RecordTaker take, out SnapshotFacts facts)
    {
        try
        {
            var tables = EtcdState.Read(_file, take, out var state);
            facts = new SnapshotFacts(Maker, state.Sum, state.NewestRecord, state.Rows, state.Length, state.Version);
            return tables;
        }
        catch (BoltDamagedException damaged)
        {
            throw new SnapshotDamagedException(damaged.Offset, damaged.Message);
        }
    }

    private static IEnumerable<ReadOnlyMemory<byte>> Pieces(IFile file, long length)
    {
        var buffer = new byte[PieceBytes];
        for (var at = 0L; at < length;)
        {
            var read = file.ReadAt(at, buffer.AsSpan(0, (int)Math.Min(buffer.Length, length - at)));
            if (read == 0)
            {
                throw new SnapshotDamagedException(at, $"the file ends, and {length} bytes were there before.");
            }

            yield return buffer.AsMemory(0, read);
            at += read;
        }
    }
}
