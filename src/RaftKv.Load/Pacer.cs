using System.Diagnostics;
using System.Runtime.InteropServices;

namespace RaftKv.Load;

/// <summary>
/// Tells connections in turn when operations should begin, at a steady rate that does not care how fast answers come. A
/// thread of its own, because timers of the runtime are a millisecond late, and that would be in every latency.
/// </summary>
internal sealed class Pacer(IReadOnlyList<CallConnection> connections, double rate, long? operations)
{
    private volatile bool _isStopped;

    public void Start() => new Thread(Run) { IsBackground = true, Name = "pacer" }.Start();

    public void Stop() => _isStopped = true;

    private void Run()
    {
        var start = Stopwatch.GetTimestamp();
        var between = Stopwatch.Frequency / rate;
        for (long i = 0; i < (operations ?? long.MaxValue); i++)
        {
            var intended = start + (long)(i * between);
            SleepUntil(intended);
            if (_isStopped)
            {
                return;
            }

            connections[(int)(i % connections.Count)].Due(intended);
        }

        foreach (var connection in connections)
        {
            connection.Stop(isAbandoning: false);
        }
    }

    private void SleepUntil(long intended)
    {
        while (!_isStopped)
        {
            var left = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), intended);
            if (left <= TimeSpan.Zero)
            {
                return;
            }

            // Not longer than this, so that it can be stopped.
            var pause = Math.Min(left.Ticks, TimeSpan.TicksPerMillisecond * 100);
            if (OperatingSystem.IsLinux())
            {
                var wanted = new TimeSpec(0, (nint)(pause * TimeSpan.NanosecondsPerTick));
                _ = NanoSleep(in wanted, 0);
            }
            else
            {
                Thread.Sleep(TimeSpan.FromTicks(pause));
            }
        }
    }

    [DllImport("libc", EntryPoint = "nanosleep")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int NanoSleep(in TimeSpec wanted, nint remaining);

    private readonly record struct TimeSpec(nint Seconds, nint Nanoseconds);
}
