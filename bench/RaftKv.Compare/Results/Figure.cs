namespace RaftKv.Compare.Results;

/// <summary>What is measured of a work. The names are those in tables and JSON.</summary>
internal static class Figure
{
    public const string PerSecond = "per second";
    public const string Mean = "mean ms";
    public const string P50 = "p50 ms";
    public const string P90 = "p90 ms";
    public const string P99 = "p99 ms";
    public const string P999 = "p99.9 ms";
    public const string Max = "max ms";
    public const string MemberCpu = "member CPU us per op";
    public const string LoadCpu = "load CPU us per op";
    public const string Resident = "RSS MB";
    public const string PeakResident = "peak RSS MB";
    public const string Disk = "disk MB";
    public const string Refused = "refused";
    public const string Took = "took s";
    public const string Received = "received MB";
    public const string FilledResident = "RSS MB after the load";
    public const string RestartedResident = "RSS MB after the restart";
    public const string Restart = "restart to ready s";
    public const string CrashRestart = "ready after a kill s";
    public const string QuietP99 = "p99 ms without";
    public const string P99AgainstQuiet = "p99 against without";
}
