using RaftKv.Faults.Checking;
using RaftKv.Stores;

namespace RaftKv.Faults.Nemeses;

/// <summary>Disks that are full, and files that are not what was written.</summary>
internal static class DiskFaults
{
    private const string Filler = "filler";

    /// <summary>The small disk of one member has no room, until somebody makes some.</summary>
    public static readonly Fault FullOne = Full("one member's disk is full", tools => tools.Some(1));
    public static readonly Fault FullAll = Full("all disks are full", tools => tools.Some(int.MaxValue));

    public static readonly Fault FlipBits = Damage("bits are flipped", (chance, file) =>
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.ReadWrite);
        var flips = Math.Max(1, (int)(stream.Length * 8 / 100_000));
        for (var i = 0; i < flips; i++)
        {
            var at = chance.NextInt64(stream.Length);
            stream.Position = at;
            var changed = (byte)(stream.ReadByte() ^ (1 << chance.Next(8)));
            stream.Position = at;
            stream.WriteByte(changed);
        }

        return flips;
    });

    public static readonly Fault Truncate = Damage("the end of a file is gone", (chance, file) =>
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.ReadWrite);
        var lost = Math.Min(stream.Length, chance.Next(1, 4097));
        stream.SetLength(stream.Length - lost);
        return lost;
    });

    public static readonly Fault Remove = Damage("a file is gone", (_, file) =>
    {
        File.Delete(file);
        return 1;
    });

    /// <summary>A file is what it was a while ago, as if the disk had lost its writes or written them elsewhere.</summary>
    /// <remarks>Not of the log: put back to what it was, its newest file looks like a log that ends there, and a majority that
    /// counts on what it has forgotten is a majority no more. No member can see that by itself.</remarks>
    public static readonly Fault PutBack = new(FaultKinds.Damage, async (tools, _) =>
    {
        var target = Minority(tools);
        var files = Directory.Exists(target.DataFolder)
            ? Directory.GetFiles(target.DataFolder, "*", SearchOption.AllDirectories).Where(file => !file.Contains("wal", StringComparison.OrdinalIgnoreCase)).ToList()
            : [];
        if (files.Count == 0)
        {
            return null;
        }

        var file = tools.Pick(files);
        var old = await File.ReadAllBytesAsync(file, CancellationToken.None);
        return new BegunFault([target], $"an older copy: {Path.GetRelativePath(target.Folder, file)}", tools.Seconds(1, 4), async _ =>
        {
            tools.Cluster.Permit([target]);
            await tools.Cluster.KillAsync([target]);
            await File.WriteAllBytesAsync(file, old, CancellationToken.None);
            await tools.Cluster.StartAsync([target]);
            return 1;
        });
    });

    private static Fault Full(string what, Func<FaultTools, IReadOnlyList<StoreMember>> choose) => new(FaultKinds.Disk, async (tools, cancellation) =>
    {
        var targets = choose(tools);

        // A member may end rather than go on without a disk.
        tools.Cluster.Permit(targets);
        var hits = 0;
        foreach (var member in targets)
        {
            hits += await FillAsync(Path.Combine(member.Folder, Filler), cancellation) ? 1 : 0;
        }

        return new BegunFault(targets, what, tools.Seconds(4, 10), async _ =>
        {
            foreach (var member in targets)
            {
                File.Delete(Path.Combine(member.Folder, Filler));
            }

            await tools.Cluster.StartAsync([.. targets.Where(member => !member.IsRunning)]);
            tools.Cluster.Forbid(targets);
            return hits;
        });
    });

    /// <returns>Whether the disk is full now.</returns>
    private static async Task<bool> FillAsync(string path, CancellationToken cancellation)
    {
        var piece = new byte[64 * 1024];
        try
        {
            await using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0);

            // Whoever writes may free some meanwhile; but this must not fill a real disk.
            for (var written = 0L; written < 1L << 30; written += piece.Length)
            {
                await file.WriteAsync(piece, cancellation);
            }

            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }

    /// <summary>A member of a minority that stays the same is killed, damaged, and started again.</summary>
    private static Fault Damage(string what, Func<Random, string, long> spoil) => new(FaultKinds.Damage, async (tools, _) =>
    {
        var target = Minority(tools);
        tools.Cluster.Permit([target]);
        await tools.Cluster.KillAsync([target]);
        var files = Directory.GetFiles(target.Folder, "*", SearchOption.AllDirectories).Where(file => new FileInfo(file).Length > 0).ToList();
        var file = tools.Pick(files);
        var hits = spoil(tools.Chance, file);
        await tools.Cluster.StartAsync([target]);
        return new BegunFault([target], $"{what}: {Path.GetRelativePath(target.Folder, file)}", tools.Seconds(3, 6), _ => Task.FromResult(hits));
    });

    private static StoreMember Minority(FaultTools tools) => tools.Pick(
        [.. tools.Cluster.Members.OrderBy(member => member.Name, StringComparer.Ordinal).Take(tools.Cluster.Members.Count - tools.Cluster.Majority)]);
}
