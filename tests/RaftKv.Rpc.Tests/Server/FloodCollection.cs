namespace RaftKv.Rpc.Tests.Server;

/// <summary>
/// Tests that take every core for seconds. They run by themselves, after all others: beside them, those that have
/// deadlines of a few hundred milliseconds would miss them, and a comparison of memory would count the others'.
/// </summary>
[CollectionDefinition(nameof(FloodCollection), DisableParallelization = true)]
public sealed class FloodCollection;
