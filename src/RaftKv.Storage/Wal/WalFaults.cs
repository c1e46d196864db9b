namespace RaftKv.Storage.Wal;

/// <summary>
/// Mistakes a write-ahead log can make, each behind a switch that only a test can turn on by handing in this object. They
/// exist to test the tests: a simulation that does not notice one of them has a hole.
/// </summary>
internal sealed record WalFaults
{
    public static readonly WalFaults None = new();

    /// <summary>A failed sync is asked for again, on the file opened anew. The kernel has taken the lost pages for clean, so
    /// that the second one succeeds, and the log goes on.</summary>
    public bool RepeatsFailedSync { get; init; }
}
