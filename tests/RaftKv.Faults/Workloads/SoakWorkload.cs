using RaftKv.Faults.Checking;

namespace RaftKv.Faults.Workloads;

/// <summary>A little of everything on one store, as in life. Transactions on lists and registers are left to their own runs.</summary>
internal sealed class SoakWorkload : Workload
{
    private readonly IReadOnlyList<Workload> _parts =
    [
        new RegisterWorkload("register", "", reads: 40, writes: 25, swaps: 15, deletes: 5, localReads: 15),
        new SetWorkload(),
        new BankWorkload(),
        new QueueWorkload(),
        new LeaseWorkload(),
        new RangeWorkload(),
        new WatchWorkload(),
    ];

    public SoakWorkload() => Checkers = [.. _parts.SelectMany(part => part.Checkers).DistinctBy(checker => checker.Name)];

    public override string Name => "soak";

    public override string Story => "a little of everything but transactions on lists and registers";

    public override IReadOnlyList<IChecker> Checkers { get; }

    public override async Task PrepareAsync(ClientSession session)
    {
        foreach (var part in _parts)
        {
            await part.PrepareAsync(session);
        }
    }

    public override Task StepAsync(ClientSession session, CancellationToken stop) => session.Pick(_parts).StepAsync(session, stop);

    public override async Task FinishAsync(ClientSession session)
    {
        foreach (var part in _parts)
        {
            await part.FinishAsync(session);
        }
    }
}
