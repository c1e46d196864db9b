using RaftKv.Storage.Files;

namespace RaftKv.FaultyMember.Disks;

/// <summary>What a file's sectors, and its length, were when it was last synced.</summary>
internal sealed class UnsyncedBytes
{
    private const int SectorBytes = 512;

    private readonly Lock _gate = new();
    private readonly Lock _syncing = new();
    private Dictionary<long, byte[]>? _sectors;
    private long _length;

    /// <summary>To be called before so much of the file changes.</summary>
    public void Remember(IFile file, long offset, long length)
    {
        lock (_gate)
        {
            if (_sectors is null)
            {
                (_sectors, _length) = ([], file.Length);
            }

            var end = Math.Min(offset + length, file.Length);
            for (var sector = offset / SectorBytes; sector * SectorBytes < end; sector++)
            {
                if (!_sectors.ContainsKey(sector))
                {
                    var bytes = new byte[SectorBytes];
                    var found = file.ReadAt(sector * SectorBytes, bytes);
                    _sectors[sector] = bytes[..found];
                }
            }
        }
    }

    /// <summary>Syncs the file. The power stays on meanwhile, so what is written from now on is all that could be lost.</summary>
    public void Sync(IFile file)
    {
        // Who finds another one syncing must not think that it covers what he wrote.
        lock (_syncing)
        {
            lock (_gate)
            {
                _sectors = null;
            }

            file.Sync();
        }
    }

    /// <summary>Puts the file back.</summary>
    /// <returns>How many sectors are not what was written last.</returns>
    public long Lose(string path, Random chance, bool all)
    {
        lock (_gate)
        {
            return _sectors is null || !File.Exists(path) ? 0 : Lose(_sectors, path, chance, all);
        }
    }

    private long Lose(Dictionary<long, byte[]> sectors, string path, Random chance, bool all)
    {
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);

        // Everything, nothing, or each sector by itself.
        var share = all ? 1 : chance.Next(3) switch { 0 => 1, 1 => 0, _ => chance.NextDouble() };
        var lost = 0L;
        foreach (var (sector, bytes) in sectors.OrderBy(pair => pair.Key))
        {
            if (chance.NextDouble() < share)
            {
                RandomAccess.Write(file, bytes, sector * SectorBytes);
                lost++;
            }
        }

        var length = RandomAccess.GetLength(file);
        if (share >= 1 && length != _length)
        {
            RandomAccess.SetLength(file, _length);
            lost += Math.Max(1, (length - _length) / SectorBytes);
        }

        return lost;
    }
}
