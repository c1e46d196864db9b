namespace RaftKv.Cli.Discovery;

/// <summary>Where DNS says that a service is.</summary>
/// <param name="Target">The host, without the dot at its end.</param>
/// <param name="Port">There.</param>
/// <param name="Priority">Lower ones first.</param>
/// <param name="Weight">Among those of one priority, heavier ones are wanted more.</param>
internal sealed record SrvRecord(string Target, int Port, int Priority, int Weight);

/// <summary>DNS did not answer, or not in a way that can be read.</summary>
internal sealed class DnsFailure(string message, Exception? cause = null) : Exception(message, cause);
