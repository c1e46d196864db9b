using RaftKv.Load;

namespace RaftKv.Compare;

/// <summary>How large everything is. The defaults are the sizes that the goals are stated for.</summary>
internal sealed record Setup
{
    /// <summary>Where all data lies while it is measured, of all contenders.</summary>
    public string Folder { get; init; } = Path.GetTempPath();

    public int Members { get; init; } = 3;

    public int Rounds { get; init; } = 3;

    /// <summary>How long each load is measured.</summary>
    public int Seconds { get; init; } = 5;

    /// <summary>How long a cluster is under load before anything is measured.</summary>
    public int WarmUp { get; init; } = 15;

    public int KeyBytes { get; init; } = 64;

    public int ValueBytes { get; init; } = 256;

    /// <summary>The keys of loads; all are there before anything is measured.</summary>
    public int Keys { get; init; } = 100_000;

    /// <summary>The keys of the member that is started again, listed and saved.</summary>
    public int ManyKeys { get; init; } = 1_000_000;

    /// <summary>How many of them are listed with their values.</summary>
    public int ListedValues { get; init; } = 200_000;

    /// <summary>How many revisions are compacted.</summary>
    public int Revisions { get; init; } = 360_000;

    public int Watchers { get; init; } = 1_000;

    public int WatchStreams { get; init; } = 10;

    /// <summary>Puts of the key that all watchers watch.</summary>
    public int WatchedPuts { get; init; } = 2_000;

    /// <summary>Puts a second, answered or not, while a latency is compared before and meanwhile.</summary>
    public double Rate { get; init; } = 2_000;

    /// <summary>Only how long and how often things are measured, and where, is chosen.</summary>
    public bool HasStandardSizes
    {
        get
        {
            var standard = new Setup();
            return this == standard with { Folder = Folder, Rounds = Rounds, Seconds = Seconds, WarmUp = WarmUp };
        }
    }

    public LoadKeys KeySpace => new(Keys, KeyBytes);

    public LoadKeys ManyKeySpace => new(ManyKeys, KeyBytes);
}
