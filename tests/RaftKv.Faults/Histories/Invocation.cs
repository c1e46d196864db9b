using System.Text.Json.Serialization;

namespace RaftKv.Faults.Histories;

/// <summary>What is known of an operation when it is over.</summary>
internal enum Outcome
{
    /// <summary>It was answered.</summary>
    Ok,

    /// <summary>It is certain that it had no effect.</summary>
    Fail,

    /// <summary>Nobody knows: it may take effect at any time after its beginning, or never.</summary>
    Info,
}

/// <summary>An operation as its client saw it: from the call to the answer. What does not apply is left out.</summary>
/// <remarks>docs/faults.md says what each <see cref="Call"/> fills in.</remarks>
internal sealed record Invocation : HistoryLine
{
    /// <summary>The client. It has one operation under way at a time.</summary>
    public required int Process { get; init; }

    /// <summary>What was asked for: "read", "write", "cas", ...</summary>
    public required string Call { get; init; }

    /// <summary>When it was asked for, in microseconds since the run began.</summary>
    public required long Begin { get; init; }

    /// <summary>When the client had its answer, or gave up.</summary>
    public required long End { get; init; }

    public required Outcome Outcome { get; init; }

    /// <summary>The member that was asked, where the client asks one only.</summary>
    public string? Member { get; init; }

    public string? Error { get; init; }

    public string? Key { get; init; }

    /// <summary>What is to be written.</summary>
    public string? Value { get; init; }

    /// <summary>What a cas wants to find; left out: that there is no such key.</summary>
    public string? Expected { get; init; }

    /// <summary>Whether a cas swapped, or a delete found something to delete.</summary>
    public bool? Done { get; init; }

    /// <summary>Of the answer's header. Of an operation that wrote, the revision of what it wrote.</summary>
    public long? Revision { get; init; }

    /// <summary>Whether it wrote at <see cref="Revision"/>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Wrote { get; init; }

    /// <summary>Whether one member answered by itself, from what it had.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Local { get; init; }

    /// <summary>What a read found, and what was there before a write, where that was asked for.</summary>
    public KeyState? Found { get; init; }

    /// <summary>What a range was asked for at.</summary>
    public long? AtRevision { get; init; }

    /// <summary>What a range found.</summary>
    public IReadOnlyList<KeyState>? Entries { get; init; }

    /// <summary>The elements of a set, a queue or a log.</summary>
    public IReadOnlyList<string>? Elements { get; init; }

    /// <summary>The steps of a transaction.</summary>
    public IReadOnlyList<TransactionStep>? Steps { get; init; }

    public long? Lease { get; init; }

    /// <summary>Seconds that a lease lives after it was kept alive.</summary>
    public long? TimeToLive { get; init; }

    /// <summary>The fencing token of a lock: the revision that its holder got it at.</summary>
    public long? Token { get; init; }

    public long? CompactRevision { get; init; }

    public uint? Hash { get; init; }

    public IReadOnlyList<WatchPart>? Watch { get; init; }

    /// <summary>From when on it cannot take effect any more.</summary>
    [JsonIgnore]
    public long LatestEffect => Outcome == Outcome.Info ? long.MaxValue : End;

    [JsonIgnore]
    public bool IsOk => Outcome == Outcome.Ok;
}

/// <summary>A key as a client was shown it. Version 0: there is none.</summary>
internal sealed record KeyState
{
    public string? Key { get; init; }

    public string? Value { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public long Version { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public long Created { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public long Modified { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public long Lease { get; init; }

    [JsonIgnore]
    public bool Exists => Version > 0;

    public override string ToString() => Exists ? $"'{Value}' (modified {Modified}, version {Version})" : "nothing";
}

/// <summary>What a step of a transaction does.</summary>
internal enum StepKind
{
    /// <summary>Reads a list, or a register.</summary>
    Read,

    /// <summary>Puts an element at the end of a list.</summary>
    Append,

    /// <summary>Sets a register.</summary>
    Write,
}

/// <summary>One step of a transaction on lists or registers.</summary>
internal sealed record TransactionStep
{
    public required StepKind Kind { get; init; }

    public required string Key { get; init; }

    /// <summary>What is appended or written; what a register held, null if there was none.</summary>
    public string? Value { get; init; }

    /// <summary>What a list held.</summary>
    public IReadOnlyList<string>? List { get; init; }

    /// <summary>The revision at which what a register held was written.</summary>
    public long? Revision { get; init; }

    public override string ToString() => Kind switch
    {
        StepKind.Append => $"append {Key} {Value}",
        StepKind.Write => $"write {Key} {Value}",
        _ => List is null ? $"read {Key} = {Value ?? "none"}" : $"read {Key} = [{string.Join(' ', List)}]",
    };
}

/// <summary>What a watch tells.</summary>
internal enum WatchPartKind
{
    /// <summary>That it began.</summary>
    Created,

    /// <summary>What has happened.</summary>
    Events,

    /// <summary>That everything up to a revision was told.</summary>
    Progress,

    /// <summary>That it ends.</summary>
    Canceled,
}

/// <summary>One message of a watch.</summary>
internal sealed record WatchPart
{
    public required WatchPartKind Kind { get; init; }

    /// <summary>When it came, in microseconds since the run began.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public long At { get; init; }

    /// <summary>Of the header.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public long Revision { get; init; }

    /// <summary>Of a watch that ends because what it would tell was compacted.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public long CompactRevision { get; init; }

    public IReadOnlyList<WatchedEvent>? Events { get; init; }
}

/// <summary>One event of a watch.</summary>
internal sealed record WatchedEvent
{
    public required string Key { get; init; }

    public string? Value { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Deleted { get; init; }

    public required long Modified { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public long Created { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public long Version { get; init; }

    /// <summary>What was before; left out if it is not told.</summary>
    public KeyState? Before { get; init; }

    public override string ToString() => Deleted ? $"{Modified}: {Key} deleted" : $"{Modified}: {Key} = {Value} (version {Version})";
}
