namespace RaftKv.Storage.State.Commands;

/// <summary>What is left of a lease, in whole seconds, rounded up; 0 says that the full TTL counts again.</summary>
public readonly record struct LeaseRemaining(long Id, long RemainingTtl);

/// <summary>What is left of some leases, by the leader's clock. Those that are gone meanwhile are passed over.</summary>
public readonly record struct LeaseCheckpointCommand(IReadOnlyList<LeaseRemaining> Leases) : IStateCommand<LeaseCheckpointCommand>
{
    private const int MinItemBytes = sizeof(ulong) + 1;

    public static CommandKind Kind => CommandKind.LeaseCheckpoint;

    public void WriteBody(StateWriter writer)
    {
        writer.Count(Leases.Count);
        foreach (var lease in Leases)
        {
            writer.Id((ulong)lease.Id);
            writer.Zigzag(lease.RemainingTtl);
        }
    }

    public static LeaseCheckpointCommand ReadBody(ref StateReader reader)
    {
        var leases = new LeaseRemaining[reader.Count(MinItemBytes)];
        for (var i = 0; i < leases.Length; i++)
        {
            leases[i] = new LeaseRemaining((long)reader.Id(), reader.Zigzag());
        }

        return new LeaseCheckpointCommand(leases);
    }
}
