using RaftKv.Faults.Checking;
using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Tests.Checking;

/// <summary>A member that had come to revision 10 was made a cluster of its own between 1000 and 2000.</summary>
public sealed class RecoveredTests
{
    private static readonly Invocation Made = Op.Of(900, Recovered.Call, 1000, 2000) with { Key = null, AtRevision = 10, Revision = 1_000_010, Elements = ["aa", "bb"] };

    private static readonly Invocation Ended = Watch(from: 11, new WatchPart { Kind = WatchPartKind.Created }, new WatchPart { Kind = WatchPartKind.Canceled, CompactRevision = 1_000_010 });

    private readonly Recovered _checker = new();

    [Fact]
    public void What_the_member_had_may_not_be_lost_and_what_it_had_not_may()
        => _checker.Passes(Written("a", 100, 10), Written("b", 110, 11), Made, Ended, End("a"));

    [Fact]
    public void What_was_acknowledged_and_the_member_had_is_found()
        => _checker.Finds("lost", Written("a", 100, 10), Written("b", 110, 9), Made, Ended, End("a"));

    [Fact]
    public void What_was_acknowledged_afterwards_is_found()
        => _checker.Finds("lost", Written("b", 110, 11), Made, Ended, Written("c", 2100, 1_000_020), End());

    [Fact]
    public void What_failed_for_certain_and_is_there_is_found()
        => _checker.Finds("G1a", Written("b", 110, 11), Written("c", 120, 12).Failed() with { Key = "c" }, Made, Ended, End("c"));

    [Fact]
    public void A_cluster_that_takes_itself_for_the_old_one_is_found()
        => _checker.Finds("same-cluster", Written("b", 110, 11), Made with { Elements = ["aa", "aa"] }, Ended, End());

    [Fact]
    public void A_watch_that_goes_on_as_if_nothing_had_happened_is_found()
        => _checker.Finds(
            "watch-went-on",
            Written("b", 110, 11),
            Made,
            Watch(from: 11, new WatchPart { Kind = WatchPartKind.Created }, new WatchPart { Kind = WatchPartKind.Progress, Revision = 1_000_020 }),
            End());

    [Fact]
    public void A_watch_of_the_new_cluster_is_not_judged()
        => _checker.CannotTell(Op.History(Written("b", 110, 11), Made, Watch(from: 1_000_015, new WatchPart { Kind = WatchPartKind.Progress, Revision = 1_000_020 }), End()));

    [Fact]
    public void A_run_without_a_recovery_says_nothing() => _checker.CannotTell(Op.History(Written("a", 100, 10), End("a")));

    private static Invocation Written(string key, long begin, long revision) => Op.Write(0, begin, begin + 10, key, revision) with { Key = key };

    private static Invocation Watch(long from, params WatchPart[] parts) => Op.Of(2, "watch", 2500, 2600) with { AtRevision = from, Watch = parts };

    private static Invocation End(params string[] keys)
        => Op.Of(0, "range", 3000, 3010) with { Revision = 1_000_030, Entries = [.. keys.Select(key => new KeyState { Key = key, Value = key, Version = 1 })] };
}
