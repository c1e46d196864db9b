using System.Globalization;
using RaftKv.Client;
using RaftKv.Faults.Checking;
using RaftKv.Faults.Nemeses;

namespace RaftKv.Faults.Workloads.Disasters;

/// <summary>Keys that are written once each, and watchers, while a majority is lost for good and its last member goes on alone.</summary>
internal sealed class RecoveryWorkload : WatchWorkload
{
    private long _next;

    public override string Name => "recovery";

    public override string Story => "a majority is lost for good, the member that is left goes on alone, and others join it";

    public override IReadOnlyList<IChecker> Checkers { get; } = [new Recovered(), new Watches(), new RevisionOrder()];

    public override IReadOnlyList<Fault[]> OwnFaults { get; } = [[new LostMajority().Fault]];

    public override bool IsOfRaftKv => true;

    public override async Task FinishAsync(ClientSession session)
    {
        await base.FinishAsync(session);
        await session.ReadAsync(session.Asked("range", Prefix), async operation =>
        {
            var range = await session.Client.RangeAsync(KeyRange.Prefix(Prefix));
            return operation with { Entries = StatesOf(range), Revision = range.Header.Revision };
        });
    }

    protected override Task ChangeAsync(ClientSession session)
        => PutAsync(session, string.Create(CultureInfo.InvariantCulture, $"{Prefix}once-{Interlocked.Increment(ref _next)}"));
}
