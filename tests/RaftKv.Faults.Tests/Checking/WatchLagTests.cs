using RaftKv.Faults.Checking;
using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Tests.Checking;

public sealed class WatchLagTests
{
    private readonly WatchLag _checker = new();

    [Fact]
    public void Events_that_come_soon_pass() => _checker.Passes(Op.Write(0, 100, 200, "1", 5), Watch(created: 50, told: 900_000));

    [Fact]
    public void Events_that_come_late_are_found() => _checker.Finds("late", Op.Write(0, 100, 200, "1", 5), Watch(created: 50, told: 1_200_000));

    [Fact]
    public void Where_writes_took_long_too_nobody_knows_whose_fault_it_was()
        => _checker.CannotTell(Op.History(
            Op.Write(0, 100, 200, "1", 5), Op.Write(1, 100, 300_000, "2", 6), Op.Write(1, 300_000, 600_000, "3", 7), Watch(created: 50, told: 1_200_000)));

    [Fact]
    public void What_was_there_before_the_watch_is_not_late() => _checker.Passes(Op.Write(0, 100, 200, "1", 5), Watch(created: 1_000_000, told: 5_000_000));

    [Fact]
    public void Who_is_slow_on_purpose_is_not_judged()
        => _checker.Passes(Op.Write(0, 100, 200, "1", 5), Watch(created: 50, told: 5_000_000) with { Process = WatchLag.FirstOfNemeses + 1 });

    [Fact]
    public void What_happens_to_members_is_not_the_watchers_fault_and_what_clients_do_to_them_is()
    {
        var late = Op.History(Op.Write(0, 100, 200, "1", 5), Watch(created: 50, told: 5_000_000));

        _checker.Passes(late.With(Fault(FaultKinds.Kill)));
        _checker.Finds("late", late.With(Fault(FaultKinds.Client)));
    }

    private static Invocation Watch(long created, long told) => Op.Of(2, "watch", created, told) with
    {
        Watch =
        [
            new WatchPart { Kind = WatchPartKind.Created, At = created },
            new WatchPart { Kind = WatchPartKind.Events, At = told, Events = [new WatchedEvent { Key = Op.Key, Value = "1", Modified = 5, Version = 1, Created = 5 }] },
        ],
    };

    private static FaultLine Fault(string kind) => new() { Kind = kind, Begin = 0, End = 100, Hits = 1 };
}
