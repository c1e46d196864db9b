namespace RaftKv.Storage.Tests.State.Model;

/// <summary>What a story came to. A story in which nothing happened proves nothing.</summary>
internal sealed class StateTally
{
    public int Applied { get; set; }

    public int Refused { get; set; }

    public int ChangesInOneTransaction { get; set; }

    public int PowerCuts { get; set; }

    public int EndedProcesses { get; set; }

    /// <summary>In the midst of an operation on the disk.</summary>
    public int Interrupted { get; set; }

    public int FailedSyncs { get; set; }

    public int InterruptedStarts { get; set; }

    public int StartsFromCheckpoint { get; set; }

    public int Installed { get; set; }

    /// <summary>While a compaction is still under way.</summary>
    public int SentWhileCompacting { get; set; }

    public long BytesLetGo { get; set; }

    /// <summary>Of views from before the last compaction.</summary>
    public int LooksAtCompacted { get; set; }
}
