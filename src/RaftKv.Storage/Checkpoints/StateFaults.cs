using RaftKv.Storage.Mvcc;

namespace RaftKv.Storage.Checkpoints;

/// <summary>
/// Mistakes a state on the disk can make, each behind a switch that only a test can turn on by handing this object to
/// <see cref="StateStore.Open"/>. They exist to test the tests. Numbers are those of the project's list of mutations.
/// </summary>
public sealed record StateFaults
{
    public static readonly StateFaults None = new();

    /// <summary>M2: the checkpoint says what is applied when it is written; its records are those of when it was
    /// begun.</summary>
    public bool ClaimsBeforeData { get; init; }

    /// <summary>M2, otherwise: the tables, and with them the applied index, are durable before the records they speak
    /// of.</summary>
    public bool ClaimsBeforeRecords { get; init; }

    /// <summary>M18: the name of a new checkpoint is not synced.</summary>
    public bool SkipsDirectorySync { get; init; }

    /// <summary>M19: nobody asks whether the caller may do what a transaction within a transaction does.</summary>
    public bool SkipsNestedRights { get; init; }

    /// <summary>M20: what requests with a name have been answered is not part of a state that is opened or arrives.</summary>
    public bool ForgetsRequests { get; init; }

    /// <summary>The last checkpoint's records go while the next one is still being written.</summary>
    public bool ReleasesTooEarly { get; init; }

    /// <summary>Of the key space.</summary>
    public KeySpaceFaults Keys { get; init; } = KeySpaceFaults.None;
}
