using RaftKv.Faults.Checking;
using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Tests.Checking;

public sealed class RestoredTests
{
    private static readonly Invocation Saved = Op.Of(900, Restored.Saved, 0, 10) with { AtRevision = 7, Entries = [State("a", "1"), State("b", "2")] };

    private static readonly Invocation Made = Op.Of(900, Restored.Call, 20, 30) with { AtRevision = 7, Token = 1_000_007, Elements = ["aa", "bb"], Entries = [State("a", "1"), State("b", "2")] };

    private readonly Restored _checker = new();

    [Fact]
    public void What_is_restored_as_it_was_passes() => _checker.Passes(Saved, Made, Old("read") with { Done = true }, Old("watch") with { Done = true });

    [Fact]
    public void Another_state_is_found()
    {
        _checker.Finds("other-state", Saved, Made with { Entries = [State("a", "1")] });
        _checker.Finds("other-state", Saved, Made with { Entries = [State("a", "1"), State("b", "3")] });
    }

    [Fact]
    public void A_cluster_that_takes_itself_for_the_old_one_is_found() => _checker.Finds("same-cluster", Saved, Made with { Elements = ["aa", "aa"] });

    [Fact]
    public void A_revision_that_was_handed_out_before_is_found() => _checker.Finds("revision-went-back", Saved, Made with { Token = 7 });

    [Fact]
    public void Old_revisions_that_are_taken_for_the_new_clusters_are_found()
    {
        _checker.Finds("old-revision-served", Saved, Made, Old("read") with { Done = false });
        _checker.Finds("old-revision-served", Saved, Made, Old("watch") with { Done = false });
    }

    [Fact]
    public void A_snapshot_that_cannot_be_restored_is_found() => _checker.Finds("not-restored", Saved, Made.Failed());

    [Fact]
    public void A_point_in_time_that_is_another_state_is_found()
    {
        var point = Op.Of(900, Restored.Point, 20, 30) with { AtRevision = 7, Token = 9, Entries = [State("a", "1"), State("b", "2")] };

        _checker.Passes(Saved, Made, point);
        _checker.Finds("other-state", Saved, Made, point with { Entries = [State("a", "2"), State("b", "2")] });
        _checker.Finds("not-restored", Saved, Made, point.Failed());
    }

    [Fact]
    public void A_run_in_which_nothing_was_restored_says_nothing() => _checker.CannotTell(Op.History(Saved));

    private static Invocation Old(string what) => Op.Of(900, Restored.Old, 40, 50) with { AtRevision = 7, Value = what };

    private static KeyState State(string key, string value) => new() { Key = key, Value = value, Version = 1, Created = 3, Modified = 3 };
}
