namespace RaftKv.Faults.Histories;

/// <summary>What a member keeps for its clients at a moment: before the first one came, or when all of them had gone.</summary>
internal sealed record ObjectsLine : HistoryLine
{
    public required string Member { get; init; }

    public required long At { get; init; }

    /// <summary>Whether it is from the end of the run.</summary>
    public required bool IsAfter { get; init; }

    public required long Watchers { get; init; }

    public required long Streams { get; init; }

    /// <summary>Sockets that its process has, those to other members too.</summary>
    public required long Sockets { get; init; }
}
