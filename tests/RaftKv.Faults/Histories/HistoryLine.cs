using System.Text.Json.Serialization;

namespace RaftKv.Faults.Histories;

/// <summary>A line of history.jsonl. Its "type" says which.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(RunLine), "run")]
[JsonDerivedType(typeof(Invocation), "op")]
[JsonDerivedType(typeof(FaultLine), "fault")]
[JsonDerivedType(typeof(PhaseLine), "phase")]
[JsonDerivedType(typeof(ExitLine), "exit")]
[JsonDerivedType(typeof(LogLine), "log")]
[JsonDerivedType(typeof(ObjectsLine), "objects")]
internal abstract record HistoryLine;

/// <summary>What was run. The first line.</summary>
internal sealed record RunLine : HistoryLine
{
    public const int CurrentFormat = 1;

    public required int Format { get; init; }

    public required string Workload { get; init; }

    public required string Nemesis { get; init; }

    public required string Target { get; init; }

    public required int Members { get; init; }

    public required int Seconds { get; init; }

    public required int Rate { get; init; }

    public required long Seed { get; init; }

    /// <summary>How the members' network is cut: "namespaces" or "proxies".</summary>
    public required string Network { get; init; }

    /// <summary>How much too fast, or too slowly, members' clocks ran at most; left out: not at all.</summary>
    public double? Drift { get; init; }

    /// <summary>What the program says its version is.</summary>
    public string? Version { get; init; }

    /// <summary>What starts it again.</summary>
    public string? Command { get; init; }

    public string? StartedAt { get; init; }
}

/// <summary>Something that was done to members.</summary>
internal sealed record FaultLine : HistoryLine
{
    public required string Kind { get; init; }

    public required long Begin { get; init; }

    /// <summary>When it was over: the member started again, the line mended.</summary>
    public required long End { get; init; }

    public IReadOnlyList<string> Targets { get; init; } = [];

    /// <summary>How often it is known to have hit: packets dropped, processes killed, bytes changed.</summary>
    public required long Hits { get; init; }

    public string? Detail { get; init; }
}

/// <summary>A part of the run.</summary>
internal sealed record PhaseLine : HistoryLine
{
    public const string Quiet = "quiet";
    public const string Faults = "faults";
    public const string Recovery = "recovery";
    public const string Final = "final";

    public required string Name { get; init; }

    public required long Begin { get; init; }

    public required long End { get; init; }
}

/// <summary>A process of a member that has ended.</summary>
internal sealed record ExitLine : HistoryLine
{
    public required string Member { get; init; }

    public required long At { get; init; }

    public int? Code { get; init; }

    /// <summary>Whether somebody wanted that.</summary>
    public required bool Expected { get; init; }

    public string? LastWords { get; init; }
}

/// <summary>Something that no member should print.</summary>
internal sealed record LogLine : HistoryLine
{
    public required string Member { get; init; }

    public required string Text { get; init; }
}
