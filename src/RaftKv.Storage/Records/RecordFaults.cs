namespace RaftKv.Storage.Records;

/// <summary>
/// Mistakes a record store can make, each behind a switch that only a test can turn on by handing in this object. They
/// exist to test the tests. Numbers are those of the project's list of mutations.
/// </summary>
internal sealed record RecordFaults
{
    public static readonly RecordFaults None = new();

    /// <summary>M17: the sum of a block, or of a record, does not know where it belongs. Nor does anything else: a record is
    /// believed whichever revision it says it is of.</summary>
    public bool SumsWithoutPlace { get; init; }
}
