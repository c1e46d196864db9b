using System.Globalization;

namespace RaftKv.Faults.Networks;

/// <summary>Which process has a connection of this machine: what the kernel says in /proc.</summary>
internal static class SocketOwner
{
    /// <param name="localPort">The port that the process connects from.</param>
    /// <param name="processes">Those that it may be.</param>
    /// <returns>The name of the one that it is, or null.</returns>
    public static string? Find(int localPort, IEnumerable<(string Name, int ProcessId)> processes)
    {
        var inode = Inode(localPort);
        return inode is null ? null : processes.FirstOrDefault(process => Has(process.ProcessId, $"socket:[{inode}]")).Name;
    }

    private static string? Inode(int localPort)
    {
        var ending = string.Create(CultureInfo.InvariantCulture, $":{localPort:X4}");
        foreach (var table in new[] { "/proc/net/tcp", "/proc/net/tcp6" })
        {
            foreach (var line in File.ReadLines(table).Skip(1))
            {
                var columns = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                if (columns[1].EndsWith(ending, StringComparison.Ordinal))
                {
                    return columns[9];
                }
            }
        }

        return null;
    }

    private static bool Has(int process, string link)
    {
        try
        {
            return Directory.EnumerateFiles($"/proc/{process}/fd").Any(file => File.ResolveLinkTarget(file, returnFinalTarget: false)?.Name == link);
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
