using RaftKv.Rpc.Client;

namespace RaftKv.Cli.Commands.Connection;

/// <summary>How the members of a cluster are reached and spoken to.</summary>
internal sealed record ConnectionSettings
{
    public required IReadOnlyList<Endpoint> Endpoints { get; init; }

    /// <summary>How long to go on trying while no endpoint can be reached.</summary>
    public required TimeSpan DialTimeout { get; init; }

    /// <summary>How long a call may take.</summary>
    public required TimeSpan CommandTimeout { get; init; }

    public TimeSpan KeepAliveTime { get; init; } = TimeSpan.FromSeconds(10);

    public TimeSpan KeepAliveTimeout { get; init; } = TimeSpan.FromSeconds(6);

    public RpcClientTls? Tls { get; init; }

    public string? User { get; init; }

    public string Password { get; init; } = "";
}
