using System.Runtime.InteropServices;
using RaftKv.Raft;

namespace RaftKv.Benchmarks;

/// <summary>How long this thread has had a processor: what it costs by itself, on a machine that is busy with something
/// else as well.</summary>
internal static partial class ThreadTime
{
    private const int ThreadClock = 3; // CLOCK_THREAD_CPUTIME_ID of Linux.

    public static TimeSpan Now
    {
        get
        {
            var status = GetTime(ThreadClock, out var time);
            Invariant.Holds(status == 0);
            return TimeSpan.FromSeconds(time.Seconds) + TimeSpan.FromTicks(time.Nanoseconds / TimeSpan.NanosecondsPerTick);
        }
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int GetTime(int clock, out Time time);

    [StructLayout(LayoutKind.Sequential)]
    private struct Time
    {
        public nint Seconds;
        public nint Nanoseconds;
    }
}
