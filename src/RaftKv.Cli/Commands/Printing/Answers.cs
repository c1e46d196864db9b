namespace RaftKv.Cli.Commands.Printing;

/// <summary>One endpoint's answer to a question that every endpoint is asked.</summary>
internal sealed record EndpointAnswer<T>(string Endpoint, T Answer);

/// <summary>Whether an endpoint takes part in its cluster, and how long it took to find out.</summary>
internal sealed record EndpointHealth(string Endpoint, bool IsHealthy, TimeSpan Took, string Problem);
