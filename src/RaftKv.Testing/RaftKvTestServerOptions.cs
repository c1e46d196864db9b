using Microsoft.Extensions.Logging;
using RaftKv.Client;
using RaftKv.Server.Replica;

namespace RaftKv.Testing;

/// <summary>How a test's cluster is set up.</summary>
public sealed record RaftKvTestServerOptions
{
    /// <summary>How many members it has.</summary>
    public int Members { get; init; } = 1;

    /// <summary>What chance makes of elections: the same of the same seed.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>What time it is when the cluster starts.</summary>
    public DateTimeOffset Start { get; init; } = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromMilliseconds(100);

    public TimeSpan ElectionTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How large the data may grow before writes are refused; 0 for 2 GiB.</summary>
    public long QuotaBytes { get; init; }

    /// <summary>What the clients get, beside the clock and the members.</summary>
    public RaftKvClientOptions Client { get; init; } = new();

    /// <summary>Where members' log lines go; nowhere if null.</summary>
    public ILoggerFactory? Loggers { get; init; }

    internal ApplierOptions Applier { get; init; } = new();
}
