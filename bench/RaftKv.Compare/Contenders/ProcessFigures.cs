using System.Globalization;

namespace RaftKv.Compare.Contenders;

/// <summary>What the kernel says of a process, in its own texts (proc(5)).</summary>
internal static class ProcessFigures
{
    // USER_HZ, which is 100 on every Linux that .NET runs on.
    private const double TicksPerSecond = 100;

    /// <summary>Seconds that it has used a core, from /proc/PID/stat.</summary>
    public static double CpuSeconds(string stat)
    {
        // The name, in brackets, may hold anything; utime and stime are the 12th and 13th field after it.
        var fields = stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return (Number(fields[11]) + Number(fields[12])) / TicksPerSecond;
    }

    /// <summary>A field of /proc/PID/status that is given in kB, in bytes; 0 if it is not there.</summary>
    public static long Bytes(string status, string field)
    {
        foreach (var line in status.Split('\n'))
        {
            if (line.StartsWith(field + ":", StringComparison.Ordinal))
            {
                return (long)Number(line.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)[^2]) * 1024;
            }
        }

        return 0;
    }

    private static double Number(string text) => double.Parse(text.Trim(), CultureInfo.InvariantCulture);
}
