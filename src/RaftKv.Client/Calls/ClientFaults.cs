namespace RaftKv.Client.Calls;

/// <summary>
/// Mistakes a client can make, each behind a switch that only a test can turn on by handing in this object. They exist to
/// test the tests. Numbers are those of the project's list of mutations.
/// </summary>
internal sealed record ClientFaults
{
    public static readonly ClientFaults None = new();

    /// <summary>M14: a write that may have been done is made again when its member is not there any more.</summary>
    public bool RepeatsOnUnavailable { get; init; }
}
