using System.Globalization;
using RaftKv.Storage.Files;

namespace RaftKv.FaultyMember.Disks;

/// <summary>What was done to the names of a directory since it was last synced, and how it is undone.</summary>
internal sealed class UnsyncedNames
{
    private readonly Dictionary<string, List<NameChange>> _changes = new(StringComparer.Ordinal);
    private readonly IFileSystem _files;
    private readonly string _attic;
    private readonly Lock _gate = new();
    private int _numbered;

    public UnsyncedNames(IFileSystem files, string attic)
    {
        _files = files;
        _attic = attic;

        // A process that ended by itself has lost nothing, so nothing of it is to come back.
        if (Directory.Exists(attic))
        {
            Directory.Delete(attic, recursive: true);
        }

        Directory.CreateDirectory(attic);
    }

    public void Created(string path) => Add(path, new NameChange(() => File.Delete(path)));

    public void CreatedDirectory(string path) => Add(path, new NameChange(() => Directory.Delete(path, recursive: true)));

    /// <summary>Puts aside what has that name, for a file that is about to take it.</summary>
    /// <returns>Where it is; null if nobody has the name.</returns>
    public string? Renaming(string from, string to)
    {
        if (!_files.FileExists(to))
        {
            Add(to, new NameChange(() => File.Move(to, from)));
            return null;
        }

        var kept = PutAside(to);
        Add(to, new NameChange(
            () =>
            {
                File.Move(to, from);
                File.Move(kept, to);
            },
            kept));
        return kept;
    }

    /// <summary>Puts a file aside that is to be deleted.</summary>
    /// <returns>Where it is.</returns>
    public string Deleting(string path)
    {
        if (!_files.FileExists(path))
        {
            _files.Delete(path); // Which says what is wrong.
        }

        var kept = PutAside(path);
        Add(path, new NameChange(() => File.Move(kept, path), kept));
        return kept;
    }

    /// <summary>All of a directory is durable.</summary>
    /// <returns>What is really gone now.</returns>
    public IReadOnlyList<string> Synced(string directory)
    {
        lock (_gate)
        {
            if (!_changes.Remove(directory, out var changes))
            {
                return [];
            }

            var gone = changes.Where(change => change.Kept is not null).Select(change => change.Kept!).ToList();
            gone.ForEach(File.Delete);
            return gone;
        }
    }

    /// <summary>Undoes the last changes of each directory, as many as chance has it.</summary>
    public long Lose(Random chance, bool all)
    {
        lock (_gate)
        {
            var lost = 0L;

            // Those inside first: a directory that was never there takes them along.
            foreach (var (_, changes) in _changes.OrderByDescending(pair => pair.Key.Length).ThenBy(pair => pair.Key, StringComparer.Ordinal))
            {
                for (var undone = all ? changes.Count : chance.Next(changes.Count + 1); undone > 0; undone--, lost++)
                {
                    changes[^1].Undo();
                    changes.RemoveAt(changes.Count - 1);
                }
            }

            return lost;
        }
    }

    private string PutAside(string path)
    {
        var kept = Path.Combine(_attic, Interlocked.Increment(ref _numbered).ToString(CultureInfo.InvariantCulture));
        File.Move(path, kept);
        return kept;
    }

    private void Add(string path, NameChange change)
    {
        var directory = Path.GetDirectoryName(path)!;
        lock (_gate)
        {
            if (!_changes.TryGetValue(directory, out var changes))
            {
                _changes[directory] = changes = [];
            }

            changes.Add(change);
        }
    }

    private sealed record NameChange(Action Undo, string? Kept = null);
}
