using System.Diagnostics;
using System.Globalization;

namespace RaftKv.Server.Metrics;

/// <summary>What the process takes of the machine, under the names that Prometheus' own clients give it.</summary>
internal static class ProcessInstruments
{
    public static void WriteTo(MetricsText page)
    {
        using var process = Process.GetCurrentProcess();
        page.Begin("process_cpu_seconds_total", "counter", "Time on processors, in seconds.");
        page.Sample(process.TotalProcessorTime.TotalSeconds);
        page.Gauge("process_resident_memory_bytes", "Memory in use.", process.WorkingSet64);
        page.Gauge("process_virtual_memory_bytes", "Addresses in use.", process.VirtualMemorySize64);
        page.Gauge(
            "process_start_time_seconds",
            "When the process began, in seconds since 1970.",
            (process.StartTime.ToUniversalTime() - DateTime.UnixEpoch).TotalSeconds);
        page.Gauge("process_threads", "Threads of the process.", process.Threads.Count);
        if (CountFiles() is { } open)
        {
            page.Gauge("process_open_fds", "Open files and sockets.", open);
            page.Gauge("os_fd_used", "Open files and sockets.", open);
        }

        if (FileLimit() is { } limit)
        {
            page.Gauge("process_max_fds", "How many there may be.", limit);
            page.Gauge("os_fd_limit", "How many there may be.", limit);
        }

        page.Begin("raftkv_gc_collections_total", "counter", "Garbage collections, by generation.");
        for (var generation = 0; generation <= GC.MaxGeneration; generation++)
        {
            page.Sample(GC.CollectionCount(generation), ("generation", generation.ToString(CultureInfo.InvariantCulture)));
        }

        page.Begin("raftkv_gc_pause_seconds_total", "counter", "Time for which garbage collections have stopped all threads.");
        page.Sample(GC.GetTotalPauseDuration().TotalSeconds);
        page.Gauge("raftkv_gc_heap_bytes", "The managed heap after the last collection.", GC.GetGCMemoryInfo().HeapSizeBytes);
        page.Begin("raftkv_allocated_bytes_total", "counter", "Bytes allocated on the managed heap.");
        page.Sample(GC.GetTotalAllocatedBytes());
    }

    private static int? CountFiles()
    {
        try
        {
            return Directory.EnumerateFileSystemEntries("/proc/self/fd").Count();
        }
        catch (Exception trouble) when (trouble is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static double? FileLimit()
    {
        const string name = "Max open files";
        try
        {
            foreach (var line in File.ReadLines("/proc/self/limits"))
            {
                if (line.StartsWith(name, StringComparison.Ordinal))
                {
                    var soft = line[name.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0];
                    return soft == "unlimited" ? double.PositiveInfinity : double.Parse(soft, CultureInfo.InvariantCulture);
                }
            }
        }
        catch (Exception trouble) when (trouble is IOException or UnauthorizedAccessException)
        {
            // Not a system that says.
        }

        return null;
    }
}
