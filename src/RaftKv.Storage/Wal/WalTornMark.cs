using System.Globalization;
using RaftKv.Storage.Files;

namespace RaftKv.Storage.Wal;

/// <summary>
/// Remembers, from before a torn tail is overwritten with zeros until those are durable, where it lay. All of it is in the
/// name of an empty file, so that the directory's sync is enough.
/// </summary>
/// <remarks>
/// <para>Why: if the sync of the zeros fails, the kernel takes their pages for clean. The next process reads zeros and has
/// no reason to write them again, while the disk still holds the tail; a power cut later it would be back, behind batches
/// that were acknowledged, and a start would have to refuse what looks like damage. With the mark the next process writes
/// the zeros again, and only as far as the tail reached, rather than to the end of the segment at every start.</para>
/// <para>A mark is about the place where the next batch goes, or it is about nothing any more: a batch is begun there only
/// after an opening that has cleared the place for certain. So one that came back after a power cut, because its deletion
/// was not durable, is known by the log's end being elsewhere; and if it is still there, more zeros do no harm.</para>
/// </remarks>
/// <param name="Segment">The number of the segment.</param>
/// <param name="Offset">Where the tail began: where the next batch will go.</param>
/// <param name="End">How far it reached.</param>
internal readonly record struct WalTornMark(ulong Segment, long Offset, long End)
{
    private const string Suffix = ".torn";

    public string Name
        => string.Create(CultureInfo.InvariantCulture, $"{Segment:x16}-{Offset:x8}-{End:x8}{Suffix}");

    /// <summary>The marks in a log's directory; there is hardly ever one.</summary>
    /// <exception cref="WalDamagedException">One has a name that this program does not give.</exception>
    public static List<WalTornMark> List(IFileSystem files, string directory)
    {
        var marks = new List<WalTornMark>();
        foreach (var name in files.List(directory))
        {
            if (name.EndsWith(Suffix, StringComparison.Ordinal))
            {
                marks.Add(
                    TryParse(name, out var mark)
                        ? mark
                        : throw new WalDamagedException(
                            Path.Join(directory, name), 0, "the mark of a torn tail, named by three numbers", $"the name {name}"));
            }
        }

        return marks;
    }

    /// <summary>Makes a mark that survives whatever happens next.</summary>
    public static void Leave(IFileSystem files, string directory, WalTornMark mark)
    {
        var path = Path.Join(directory, mark.Name);
        if (!files.FileExists(path))
        {
            files.CreateFile(path).Dispose();
        }

        files.SyncDirectory(directory);
    }

    /// <summary>Whether the place it remembers is the end of the log as it is now.</summary>
    public bool IsAbout(ulong segment, long offset) => Segment == segment && Offset == offset;

    private static bool TryParse(string name, out WalTornMark mark)
    {
        mark = default;
        var parts = name[..^Suffix.Length].Split('-');
        if (parts.Length != 3
            || !ulong.TryParse(parts[0], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var segment)
            || !long.TryParse(parts[1], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var offset)
            || !long.TryParse(parts[2], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var end))
        {
            return false;
        }

        mark = new WalTornMark(segment, offset, end);
        return mark.Name == name && offset < end;
    }
}
