using System.Globalization;
using RaftKv.Faults.Checking;

namespace RaftKv.Faults.Nemeses;

/// <summary>
/// A member that may have little more memory than it has: the kernel takes back what it can, and then ends it. What a process
/// had before it came into its group does not count there.
/// </summary>
internal static class MemoryFaults
{
    public static readonly Fault Limit = new(FaultKinds.Memory, async (tools, cancellation) =>
    {
        var target = tools.Pick(tools.Cluster.Running);
        if (target.ProcessId is not { } process)
        {
            return null;
        }

        var limit = tools.Chance.Next(2, 16) * 1_000_000L;
        tools.Cluster.Permit([target]);
        var group = await MemoryGroup.CreateAsync(process, limit, cancellation);
        return new BegunFault([target], $"{limit / 1_000_000} MB more than it has", tools.Seconds(3, 6), async _ =>
        {
            var hits = await group.HitsAsync();
            await tools.Cluster.KillAsync([target]);
            group.Remove();
            await tools.Cluster.StartAsync([target]);
            tools.Cluster.Forbid([target]);
            return hits;
        });
    });
}

/// <summary>A control group with a limit of memory, of either kind that kernels have.</summary>
internal sealed class MemoryGroup
{
    private const string First = "/sys/fs/cgroup/memory";
    private const string Second = "/sys/fs/cgroup";

    private readonly string _folder;
    private readonly bool _isFirst;

    private MemoryGroup(string folder, bool isFirst)
    {
        _folder = folder;
        _isFirst = isFirst;
    }

    /// <summary>Why this machine has none; null if it has.</summary>
    public static string? Obstacle
        => Environment.UserName != "root" ? "limits of memory need root"
            : IsFirst || HasSecond ? null
            : "there is no control group for memory in /sys/fs/cgroup";

    private static bool IsFirst => File.Exists($"{First}/memory.limit_in_bytes") || File.Exists($"{First}/cgroup.procs");

    private static bool HasSecond => File.Exists($"{Second}/cgroup.subtree_control") && File.ReadAllText($"{Second}/cgroup.subtree_control").Contains("memory", StringComparison.Ordinal);

    public static async Task<MemoryGroup> CreateAsync(int process, long limit, CancellationToken cancellation)
    {
        var isFirst = IsFirst;
        var folder = string.Create(CultureInfo.InvariantCulture, $"{(isFirst ? First : Second)}/raftkv-faults-{process}");
        Directory.CreateDirectory(folder);
        var text = limit.ToString(CultureInfo.InvariantCulture);
        await File.WriteAllTextAsync($"{folder}/{(isFirst ? "memory.limit_in_bytes" : "memory.max")}", text, cancellation);
        await File.WriteAllTextAsync($"{folder}/cgroup.procs", process.ToString(CultureInfo.InvariantCulture), cancellation);
        return new(folder, isFirst);
    }

    /// <summary>How often the limit was reached.</summary>
    public async Task<long> HitsAsync()
    {
        if (_isFirst)
        {
            return long.Parse(await File.ReadAllTextAsync($"{_folder}/memory.failcnt"), CultureInfo.InvariantCulture);
        }

        var events = await File.ReadAllLinesAsync($"{_folder}/memory.events");
        return events.Where(line => line.StartsWith("max ", StringComparison.Ordinal)).Sum(line => long.Parse(line[4..], CultureInfo.InvariantCulture));
    }

    /// <summary>To be called when nobody is in it.</summary>
    public void Remove()
    {
        try
        {
            Directory.Delete(_folder);
        }
        catch (IOException)
        {
            // The kernel still tidies up. It costs nothing.
        }
    }
}
