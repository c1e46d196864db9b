namespace RaftKv.Client;

/// <summary>A lease that was made.</summary>
/// <param name="Header">Who made it.</param>
/// <param name="Id">To bind keys to.</param>
/// <param name="TimeToLive">How long it lives without being kept alive.</param>
public sealed record LeaseGranted(AnswerHeader Header, long Id, TimeSpan TimeToLive);

/// <summary>How things stand with a lease.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Remaining">What is left of it.</param>
/// <param name="TimeToLive">What it has after being kept alive.</param>
/// <param name="Keys">The keys bound to it, if they were asked for.</param>
public sealed record LeaseInfo(long Id, TimeSpan Remaining, TimeSpan TimeToLive, IReadOnlyList<ReadOnlyMemory<byte>> Keys);
