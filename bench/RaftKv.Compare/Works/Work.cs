using RaftKv.Compare.Contenders;
using RaftKv.Compare.Results;

namespace RaftKv.Compare.Works;

/// <summary>Something that is measured on a cluster that <see cref="On"/> has prepared.</summary>
internal abstract record Work(string Name, Stage On)
{
    /// <summary>What it is, with its sizes.</summary>
    public abstract string Title(Setup setup);

    public abstract Task MeasureAsync(Cluster cluster, Setup setup, Outcome outcome);

    /// <summary>What all works tell of the members.</summary>
    protected static async Task AddHoldingsAsync(Cluster cluster, Outcome outcome)
        => outcome.With(Figure.Resident, cluster.ResidentBytes / 1e6)
            .With(Figure.PeakResident, cluster.PeakResidentBytes / 1e6)
            .With(Figure.Disk, await cluster.DiskBytesAsync() / 1e6);
}
