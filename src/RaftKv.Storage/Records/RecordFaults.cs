namespace RaftKv.Storage.Records;

/// <summary>
/// Mistakes a record store can make, each behind a switch that only a test can turn on by handing in this object. They
/// exist to test the tests. Numbers are those of the project's list of mutations.
/// </summary>
internal sealed record RecordFaults
{
    public static readonly RecordFaults None = new();

    /// <summary>M17: the sum of a block does not know where the block belongs.</summary>
    public bool SumsWithoutPlace { get; init; }
}
