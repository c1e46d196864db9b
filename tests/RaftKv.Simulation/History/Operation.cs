using RaftKv.Simulation.Members;

namespace RaftKv.Simulation.History;

/// <summary>One operation as its client saw it.</summary>
internal sealed class Operation
{
    /// <summary>When nobody knows whether, or when, it was carried out: it may take effect at any time after its call.</summary>
    public const long Never = long.MaxValue;

    public required int Client { get; init; }

    public required uint Number { get; init; }

    public required OperationKind Kind { get; init; }

    public required byte Key { get; init; }

    /// <summary>What a write or a swap puts there. Every one puts another.</summary>
    public ulong Value { get; init; }

    /// <summary>What a swap wants to find.</summary>
    public ulong Expected { get; init; }

    public required long CalledAt { get; init; }

    public long ReturnedAt { get; set; } = Never;

    /// <summary>If it returned: what was found there, and whether a swap swapped.</summary>
    public Result Result { get; set; }

    public bool IsKnown => ReturnedAt != Never;

    public override string ToString()
    {
        var call = Kind switch
        {
            OperationKind.Read => $"read {Key}",
            OperationKind.Write => $"write {Key} {Value}",
            _ => $"swap {Key} {Expected} -> {Value}",
        };
        var returned = IsKnown ? $"{ReturnedAt / 1000} us: {Result.Value}{(Result.IsDone ? "" : " refused")}" : "never";
        return $"client {Client} #{Number} {call}, called {CalledAt / 1000} us, returned {returned}";
    }
}
