using System.Globalization;
using System.Text;

namespace RaftKv.Storage.Files;

/// <summary>
/// The directory that a member owns. It holds a lock against a second process, and a format file that says whose it is
/// and which version of this program may read it:
/// <code>
/// LOCK      held while the member runs; stays behind empty
/// FORMAT    raftkv data directory
///           format 1
///           identity 00c0ffee00c0ffee      drawn once, when the directory was made
///           crc32c 89abcdef                of the lines above
/// UNFINISHED  only while it is being filled by something that is no member: what that is, in words
/// wal/ …    the rooms of the storage engine
/// </code>
/// </summary>
/// <remarks>
/// The format file is written beside, synced, renamed and its name synced before anything else is put into the
/// directory. So a directory without it is either untouched, or not ours: in that case it is refused, for a typing
/// mistake in a path must not cost somebody their photographs.
/// </remarks>
public sealed class DataDirectory : IDisposable
{
    /// <summary>The format that this program writes, and the newest that it reads.</summary>
    public const int FormatVersion = 1;

    private const string LockName = "LOCK";
    private const string FormatName = "FORMAT";
    private const string UnfinishedFormatName = "FORMAT.new";
    private const string UnfinishedName = "UNFINISHED";
    private const string FirstLine = "raftkv data directory";
    private const int FormatBytesMax = 4096;

    private readonly IFileSystem _files;
    private readonly IDisposable _lock;

    private DataDirectory(IFileSystem files, string path, ulong identity, IDisposable held)
    {
        _files = files;
        _lock = held;
        Path = path;
        Identity = identity;
    }

    public string Path { get; }

    /// <summary>Drawn when the directory was made. The log's segments carry it, so that a file that strayed in from
    /// another member is recognised.</summary>
    public ulong Identity { get; }

    /// <summary>Opens a member's directory, making it first if it is missing or empty.</summary>
    /// <param name="files">The disk.</param>
    /// <param name="path">The directory. Its parent must exist.</param>
    /// <param name="identityIfNew">What a new directory shall be called; not zero, and different each time.</param>
    /// <exception cref="FileLockedException">Another process runs on it.</exception>
    /// <exception cref="DataDirectoryRefusedException">It is not ours, or too new, or its format file is damaged.</exception>
    public static DataDirectory Open(IFileSystem files, string path, ulong identityIfNew)
    {
        if (UnfinishedWork(files, path) is { } work)
        {
            throw new DataDirectoryRefusedException(
                path,
                DataDirectoryRefusal.Unfinished,
                $"{path} is only half of what it is to become: '{work}' was not finished. Do that again; nothing else makes it a member's.");
        }

        return OpenAny(files, path, identityIfNew);
    }

    /// <summary>What has begun to fill or change a directory and has not finished; null if nothing has.</summary>
    public static string? UnfinishedWork(IFileSystem files, string path)
    {
        var marker = System.IO.Path.Join(path, UnfinishedName);
        if (!files.DirectoryExists(path) || !files.FileExists(marker))
        {
            return null;
        }

        using var file = files.OpenFileToRead(marker);
        var bytes = new byte[Math.Min(file.Length, FormatBytesMax)];
        return Printable(Encoding.ASCII.GetString(bytes, 0, file.ReadAt(0, bytes)).TrimEnd('\n'));
    }

    /// <summary>
    /// Opens a directory to make a member's of it, or to change one beside the member: from here to <see cref="Finish"/> no
    /// member starts on it, whatever happens.
    /// </summary>
    /// <param name="files">The disk.</param>
    /// <param name="path">The directory. Its parent must exist.</param>
    /// <param name="identityIfNew">What a new directory shall be called; not zero, and different each time.</param>
    /// <param name="work">What is about to happen, in a word; one of another name that was not finished is not touched.</param>
    /// <param name="mayBeUsed">Whether it may hold a member's data. What <paramref name="work"/> has left behind it
    /// may hold anyhow.</param>
    /// <exception cref="FileLockedException">Another process runs on it.</exception>
    /// <exception cref="DataDirectoryRefusedException">It is not empty, or half of something else, or not ours.</exception>
    public static DataDirectory Begin(IFileSystem files, string path, ulong identityIfNew, string work, bool mayBeUsed = false)
    {
        var unfinished = UnfinishedWork(files, path);

        // A marker that was cut off in the writing is one of a directory in which nothing has happened yet.
        if (unfinished is not null && unfinished != work && unfinished.Length > 0)
        {
            throw new DataDirectoryRefusedException(
                path, DataDirectoryRefusal.Unfinished, $"{path} is in the middle of something else: '{unfinished}' was not finished.");
        }

        if (unfinished is null && !mayBeUsed && files.DirectoryExists(path)
            && files.List(path).FirstOrDefault(static name => name is not (LockName or "lost+found")) is { } used)
        {
            throw new DataDirectoryRefusedException(
                path, DataDirectoryRefusal.Foreign, $"{path} is not empty: it holds {used}. Give a directory that is, or one that is not there yet.");
        }

        if (!files.DirectoryExists(path))
        {
            files.CreateDirectory(path);
        }

        SyncParent(files, path);
        var held = files.Lock(System.IO.Path.Join(path, LockName));
        try
        {
            var marker = System.IO.Path.Join(path, UnfinishedName);
            using (var file = unfinished is null ? files.CreateFile(marker) : files.OpenFile(marker))
            {
                file.WriteAt(0, Encoding.ASCII.GetBytes(work + "\n"));
                file.Sync();
            }

            files.SyncDirectory(path);
        }
        finally
        {
            held.Dispose();
        }

        return OpenAny(files, path, identityIfNew);
    }

    /// <summary>What was begun with <see cref="Begin"/> is done: from now on it is a member's directory.</summary>
    public void Finish()
    {
        _files.SyncDirectory(Path);
        _files.Delete(System.IO.Path.Join(Path, UnfinishedName));
        _files.SyncDirectory(Path);
    }

    private static DataDirectory OpenAny(IFileSystem files, string path, ulong identityIfNew)
    {
        ArgumentOutOfRangeException.ThrowIfZero(identityIfNew);
        if (!files.DirectoryExists(path))
        {
            files.CreateDirectory(path);
        }

        // Looked at before the lock file is made: a foreign directory is left exactly as it was found.
        RefuseForeign(files, path);

        var held = files.Lock(System.IO.Path.Join(path, LockName));
        try
        {
            var formatPath = System.IO.Path.Join(path, FormatName);
            if (!files.FileExists(formatPath))
            {
                // Also where the directory was found, for whoever made it may have died before this.
                SyncParent(files, path);
                Write(files, path, identityIfNew);
            }

            // The format file was there, or is now; its name is only certain after this, whoever gave it.
            files.SyncDirectory(path);

            return new DataDirectory(files, path, Read(files, formatPath), held);
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <summary>The path of a room in the directory, which is made, durably, if it is not there.</summary>
    public string Subdirectory(string name)
    {
        var path = System.IO.Path.Join(Path, name);
        if (!_files.DirectoryExists(path))
        {
            _files.CreateDirectory(path);
        }

        _files.SyncDirectory(Path); // Even if it was there: its maker may have died before saying so to the disk.
        return path;
    }

    /// <summary>Lets another process have the directory.</summary>
    public void Dispose() => _lock.Dispose();

    private static void SyncParent(IFileSystem files, string path)
    {
        var parent = System.IO.Path.GetDirectoryName(System.IO.Path.TrimEndingDirectorySeparator(path));
        files.SyncDirectory(parent is { Length: > 0 } ? parent : ".");
    }

    private static void RefuseForeign(IFileSystem files, string path)
    {
        var names = files.List(path);
        var stranger = (string?)null;
        foreach (var name in names)
        {
            if (name == FormatName)
            {
                return;
            }

            // What an interrupted creation leaves, and what ext4 puts into the root of every volume.
            if (name is not (LockName or UnfinishedFormatName or UnfinishedName or "lost+found"))
            {
                stranger ??= name;
            }
        }

        if (stranger is not null)
        {
            throw new DataDirectoryRefusedException(
                path,
                DataDirectoryRefusal.Foreign,
                $"{path} is not a RaftKv data directory: it has no {FormatName} file, but holds {stranger}. "
                    + "Give an empty directory or one that a member has made.");
        }
    }

    private static void Write(IFileSystem files, string path, ulong identity)
    {
        var unfinished = System.IO.Path.Join(path, UnfinishedFormatName);
        if (files.FileExists(unfinished))
        {
            files.Delete(unfinished);
        }

        using (var file = files.CreateFile(unfinished))
        {
            file.WriteAt(0, Encoding.ASCII.GetBytes(Text(identity)));
            file.Sync();
        }

        files.Rename(unfinished, System.IO.Path.Join(path, FormatName));
    }

    private static ulong Read(IFileSystem files, string formatPath)
    {
        using var file = files.OpenFileToRead(formatPath);
        var bytes = new byte[Math.Min(file.Length, FormatBytesMax)];
        var text = Encoding.ASCII.GetString(bytes, 0, file.ReadAt(0, bytes));
        var lines = text.Split('\n');

        if (lines[0] != FirstLine)
        {
            throw Refused(
                DataDirectoryRefusal.Damaged, $"its first line must be \"{FirstLine}\", but is \"{Printable(lines[0])}\"");
        }

        // The version is judged before the sum: a newer program may have moved or renamed everything after it.
        if (lines.Length < 2
            || !lines[1].StartsWith("format ", StringComparison.Ordinal)
            || !int.TryParse(lines[1].AsSpan(7), NumberStyles.None, CultureInfo.InvariantCulture, out var version))
        {
            throw Refused(DataDirectoryRefusal.Damaged, "its second line must be \"format\" and a number");
        }

        if (version != FormatVersion)
        {
            if (version < FormatVersion)
            {
                throw Refused(DataDirectoryRefusal.Damaged, $"there never was a format {version}");
            }

            throw Refused(
                DataDirectoryRefusal.Newer,
                $"format {version} was written by a newer program; this one reads up to {FormatVersion}");
        }

        if (lines.Length != 5
            || !lines[2].StartsWith("identity ", StringComparison.Ordinal)
            || !ulong.TryParse(
                lines[2].AsSpan(9), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var identity)
            || identity == 0)
        {
            throw Refused(DataDirectoryRefusal.Damaged, "it must hold four lines: a title, format, identity, crc32c");
        }

        // To the letter: a flipped bit that makes a digit upper-case would still parse.
        var expected = Text(identity);
        if (text != expected)
        {
            throw Refused(
                DataDirectoryRefusal.Damaged,
                $"it must end in \"{Printable(expected.Split('\n')[3])}\", but ends in \"{Printable(lines[3])}\"");
        }

        return identity;

        DataDirectoryRefusedException Refused(DataDirectoryRefusal refusal, string why)
            => new(formatPath, refusal, $"{formatPath} is refused: {why}.");
    }

    private static string Text(ulong identity)
    {
        var summed = string.Create(
            CultureInfo.InvariantCulture, $"{FirstLine}\nformat {FormatVersion}\nidentity {identity:x16}\n");
        var sum = Crc32C.Of(Encoding.ASCII.GetBytes(summed));
        return summed + string.Create(CultureInfo.InvariantCulture, $"crc32c {sum:x8}\n");
    }

    private static string Printable(string line)
    {
        var shown = new StringBuilder();
        foreach (var character in line.AsSpan(0, Math.Min(line.Length, 40)))
        {
            shown.Append(char.IsControl(character) ? '?' : character);
        }

        return shown.ToString();
    }
}

/// <summary>Why a directory was refused.</summary>
public enum DataDirectoryRefusal
{
    /// <summary>It holds something, but nothing of ours.</summary>
    Foreign,

    /// <summary>A newer program wrote it.</summary>
    Newer,

    /// <summary>Its format file cannot be what this program wrote.</summary>
    Damaged,

    /// <summary>Something has begun to fill or change it, and has not finished.</summary>
    Unfinished,
}

/// <summary>The directory is not one that this program may use; nothing in it was changed.</summary>
public sealed class DataDirectoryRefusedException(string path, DataDirectoryRefusal refusal, string message)
    : StorageException(path, message)
{
    public DataDirectoryRefusal Refusal { get; } = refusal;
}
