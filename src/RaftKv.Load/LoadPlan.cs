namespace RaftKv.Load;

/// <summary>Who asks what of whom.</summary>
public sealed record LoadPlan
{
    /// <summary>Connections go to them in turn.</summary>
    public required IReadOnlyList<LoadEndpoint> Endpoints { get; init; }

    public required IWorkload Work { get; init; }

    /// <summary>Calls at a time.</summary>
    public required int Clients { get; init; }

    public required int Connections { get; init; }

    /// <summary>Operations a second that are begun, whether or not earlier ones have been answered; null for as many as clients can.</summary>
    public double? Rate { get; init; }

    /// <summary>After which the load ends by itself.</summary>
    public long? Operations { get; init; }
}
