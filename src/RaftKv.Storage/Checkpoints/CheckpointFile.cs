using System.Buffers;
using System.Buffers.Binary;
using RaftKv.Storage.Files;
using RaftKv.Storage.State;

namespace RaftKv.Storage.Checkpoints;

/// <summary>
/// The one small file that says what a start begins with: which records, and the tables that go with them.
/// <code>
///   0          8         12              length - 4
///   +----------+---------+----------------+---------+
///   | RAFTKVCP | version | content …      | crc32c  |   content: identity, store's name, generation, token, tables
///   +----------+---------+----------------+---------+
/// </code>
/// </summary>
/// <remarks>It is replaced as a whole: written beside, synced, renamed, the name synced. So there is always exactly one, or
/// none in a directory that was never checkpointed.</remarks>
internal sealed record CheckpointFile(
    ulong Identity, string StoreName, ulong Generation, ReadOnlyMemory<byte> Token, ReadOnlyMemory<byte> Tables)
{
    public const string Name = "CHECKPOINT";

    private const string UnfinishedName = "CHECKPOINT.new";
    private const uint Version = 1;
    private const int HeadBytes = 12;
    private const int SumBytes = sizeof(uint);

    private static ReadOnlySpan<byte> Magic => "RAFTKVCP"u8;

    /// <summary>The checkpoint of a directory; null if none was ever finished.</summary>
    /// <exception cref="CheckpointDamagedException">It is not what was written, or a newer program wrote it.</exception>
    public static CheckpointFile? TryRead(IFileSystem files, string directory)
    {
        var path = Path.Join(directory, Name);
        if (!files.FileExists(path))
        {
            return null;
        }

        byte[] bytes;
        using (var file = files.OpenFile(path))
        {
            bytes = new byte[file.Length];
            if (file.ReadAt(0, bytes) != bytes.Length)
            {
                throw new CheckpointDamagedException(path, "it became shorter while it was read.");
            }

            // Whoever wrote it may have died between the rename and the syncs. What is begun with must be certain.
            file.Sync();
        }

        files.SyncDirectory(directory);
        return Decode(path, bytes);
    }

    /// <summary>Makes this the checkpoint, durably.</summary>
    /// <param name="files">The disk.</param>
    /// <param name="directory">Where.</param>
    /// <param name="faults">None, but in tests.</param>
    public void Write(IFileSystem files, string directory, StateFaults? faults = null)
    {
        var unfinished = Path.Join(directory, UnfinishedName);
        if (files.FileExists(unfinished))
        {
            files.Delete(unfinished);
        }

        using (var file = files.CreateFile(unfinished))
        {
            file.WriteAt(0, Encode());
            file.Sync();
        }

        files.Rename(unfinished, Path.Join(directory, Name));
        if (faults is not { SkipsDirectorySync: true })
        {
            files.SyncDirectory(directory);
        }
    }

    internal byte[] Encode()
    {
        var content = new ArrayBufferWriter<byte>(64 + Tables.Length);
        var writer = new StateWriter(content);
        writer.Id(Identity);
        writer.Text(StoreName);
        writer.Number(Generation);
        writer.Bytes(Token.Span);
        writer.Bytes(Tables.Span);

        var bytes = new byte[HeadBytes + content.WrittenCount + SumBytes];
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(Magic.Length), Version);
        content.WrittenSpan.CopyTo(bytes.AsSpan(HeadBytes));
        var summed = bytes.AsSpan(0, bytes.Length - SumBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(summed.Length), Crc32C.Of(summed));
        return bytes;
    }

    internal static CheckpointFile Decode(string path, byte[] bytes)
    {
        if (bytes.Length < HeadBytes + SumBytes || !bytes.AsSpan().StartsWith(Magic))
        {
            throw new CheckpointDamagedException(path, "it does not begin like a checkpoint.");
        }

        var version = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(Magic.Length));
        var summed = bytes.AsSpan(0, bytes.Length - SumBytes);
        var expected = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(summed.Length));
        var found = Crc32C.Of(summed);
        if (found != expected)
        {
            throw new CheckpointDamagedException(path, $"its sum is {found:x8}, but {expected:x8} was written.");
        }

        if (version != Version)
        {
            throw new CheckpointDamagedException(path, $"its format is {version}, and this program knows {Version}.");
        }

        try
        {
            var reader = new StateReader(bytes.AsSpan(HeadBytes, summed.Length - HeadBytes), "checkpoint");
            var checkpoint = new CheckpointFile(
                reader.Id(), reader.Text(), reader.Number(), reader.Bytes().ToArray(), reader.Bytes().ToArray());
            reader.End();
            return checkpoint;
        }
        catch (StateFormatException problem)
        {
            throw new CheckpointDamagedException(path, problem.Message);
        }
    }
}

/// <summary>The checkpoint of a member cannot be used. Its records alone do not say what they stand for.</summary>
public sealed class CheckpointDamagedException(string path, string problem)
    : StorageException(path, $"{path} cannot be used: {problem}");
