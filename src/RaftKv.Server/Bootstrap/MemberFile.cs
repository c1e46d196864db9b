using System.Buffers;
using System.Buffers.Binary;
using RaftKv.Raft;
using RaftKv.Storage.Files;
using RaftKv.Storage.State;

namespace RaftKv.Server.Bootstrap;

/// <summary>
/// Who a data directory makes of its member: written once, when the log is there (<see cref="MemberLog"/>), and never
/// changed.
/// <code>
///   "raftkv member 1\n"   id   cluster id   founding?   members, as a table   crc32c of all before
/// </code>
/// </summary>
/// <param name="Self">Its id.</param>
/// <param name="ClusterId">That it belongs to.</param>
/// <param name="IsFounder">Whether it begins the log itself; one that joins is told it.</param>
/// <param name="Members">As known when the directory was made.</param>
internal sealed record MemberFile(NodeId Self, ulong ClusterId, bool IsFounder, MemberTable Members)
{
    private const string Name = "MEMBER";
    private const string UnfinishedName = "MEMBER.new";

    private static ReadOnlySpan<byte> FirstLine => "raftkv member 1\n"u8;

    public static MemberFile? TryRead(IFileSystem files, string directory)
    {
        var path = Path.Join(directory, Name);
        if (!files.FileExists(path))
        {
            return null;
        }

        using var file = files.OpenFileToRead(path);
        var bytes = new byte[file.Length];
        file.ReadAt(0, bytes);
        var summed = bytes.AsSpan(0, Math.Max(0, bytes.Length - sizeof(uint)));
        if (!summed.StartsWith(FirstLine)
            || BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(summed.Length)) != Crc32C.Of(summed))
        {
            throw new BootstrapException($"{path} is damaged or was written by a newer program: it does not say which member this is.");
        }

        var reader = new StateReader(summed[FirstLine.Length..], "member file");
        var read = new MemberFile(
            new NodeId(reader.Id()), reader.Id(), reader.Flag(), MemberTable.ReadFrom(reader.Bytes()));
        reader.End();
        return read;
    }

    public void Write(IFileSystem files, string directory)
    {
        var members = new ArrayBufferWriter<byte>();
        Members.WriteTo(members);
        var content = new ArrayBufferWriter<byte>();
        content.Write(FirstLine);
        var writer = new StateWriter(content);
        writer.Id(Self.Value);
        writer.Id(ClusterId);
        writer.Flag(IsFounder);
        writer.Bytes(members.WrittenSpan);
        var sum = Crc32C.Of(content.WrittenSpan);
        BinaryPrimitives.WriteUInt32LittleEndian(content.GetSpan(sizeof(uint)), sum);
        content.Advance(sizeof(uint));

        var unfinished = Path.Join(directory, UnfinishedName);
        if (files.FileExists(unfinished))
        {
            files.Delete(unfinished);
        }

        using (var file = files.CreateFile(unfinished))
        {
            file.WriteAt(0, content.WrittenSpan);
            file.Sync();
        }

        files.Rename(unfinished, Path.Join(directory, Name));
        files.SyncDirectory(directory);
    }
}

/// <summary>The member cannot start as it was told to. The message says what to do.</summary>
public sealed class BootstrapException(string message, Exception? cause = null) : Exception(message, cause);
