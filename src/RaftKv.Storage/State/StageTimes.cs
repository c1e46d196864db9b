namespace RaftKv.Storage.State;

/// <summary>Where a command spent its time, from its arrival until its answer was known, in ticks of the clock that measured
/// them; all zero if nobody did.</summary>
/// <param name="Queue">Until it was proposed, or passed on to whoever leads.</param>
/// <param name="LogWrite">Until it was durable here.</param>
/// <param name="Replication">Until it was known here that enough others have it.</param>
/// <param name="Apply">Until it was applied and readers could see it.</param>
public readonly record struct StageTimes(long Queue, long LogWrite, long Replication, long Apply)
{
    public long Total => Queue + LogWrite + Replication + Apply;
}
