using RaftKv.Faults.Checking;
using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Tests.Checking;

public sealed class WatchesTests
{
    private static readonly Watches Checker = new();

    [Fact]
    public void A_watch_that_tells_all_in_order_passes() => Checker.Passes(
        Write("k1", "a", 2),
        Write("k2", "b", 3),
        Write("k1", "c", 5),
        Watch(from: 2, Created(1), Events(Put("k1", "a", 2)), Events(Put("k2", "b", 3), Put("k1", "c", 5, 2, 2)), Progress(9)));

    [Fact]
    public void A_watch_from_now_on_owes_nothing_from_before() => Checker.Passes(
        Write("k1", "a", 2),
        Write("k1", "b", 5),
        Watch(from: 0, Created(3), Events(Put("k1", "b", 5, 2, 2))));

    // Events that were lost when watchers were starved of their turn, or at the installation of a snapshot.
    [Fact]
    public void A_change_that_was_acknowledged_and_not_told_is_found()
    {
        Checker.Finds("lost-event", Write("k1", "a", 2), Write("k2", "b", 3), Watch(from: 1, Created(1), Events(Put("k1", "a", 2)), Progress(5)));
        Checker.Finds("lost-event", Write("k1", "a", 2), Write("k2", "b", 3), Watch(from: 1, Created(1), Events(Put("k2", "b", 3))));
    }

    [Fact]
    public void A_change_that_another_watch_was_told_of_is_missed_too() => Checker.Finds(
        "lost-event",
        Watch(from: 1, Created(1), Events(Put("k1", "a", 2)), Events(Put("k2", "b", 3))),
        Watch(from: 1, Created(1), Events(Put("k1", "a", 2)), Progress(3)));

    [Fact]
    public void A_version_that_is_skipped_shows_a_change_that_nobody_was_told_of() => Checker.Finds(
        "lost-event", Watch(from: 1, Created(1), Events(Put("k1", "a", 2)), Events(Put("k1", "c", 4, 3, 2))));

    // A delete at the revision that was compacted to, with a watch that begins just there.
    [Fact]
    public void A_deletion_that_is_not_told_is_found() => Checker.Finds(
        "lost-event",
        Write("k1", "a", 2),
        Op.Delete(0, 0, 1, isDone: true, 3) with { Key = "k1" },
        Watch(from: 3, Created(3), Progress(4)));

    // Progress that was taken from the store's revision, and not from the watch's.
    [Fact]
    public void Progress_that_overtakes_events_is_found() => Checker.Finds(
        "told-too-late", Watch(from: 1, Created(1), Progress(5), Events(Put("k1", "a", 4))));

    // Watches that kept their places when a snapshot was installed.
    [Fact]
    public void A_watch_that_goes_back_in_time_is_found()
    {
        Checker.Finds("out-of-order", Watch(from: 1, Created(1), Events(Put("k1", "a", 4)), Events(Put("k2", "b", 3))));
        Checker.Finds("told-twice", Watch(from: 1, Created(1), Events(Put("k1", "a", 4)), Events(Put("k1", "a", 4))));
        Checker.Finds("progress-went-back", Watch(from: 1, Created(1), Events(Put("k1", "a", 4)), Progress(3)));
    }

    // A watch on a revision of the future that was told what happened before it.
    [Fact]
    public void An_event_from_before_the_beginning_is_found() => Checker.Finds(
        "told-too-late", Watch(from: 10, Created(4), Events(Put("k1", "a", 5))));

    [Fact]
    public void A_revision_in_two_parts_is_found() => Checker.Finds(
        "split-revision", Watch(from: 1, Created(1), Events(Put("k1", "a", 4)), Events(Put("k2", "b", 4))));

    [Fact]
    public void An_event_of_another_range_is_found() => Checker.Finds("wrong-range", Watch(from: 1, Created(1), Events(Put("other", "a", 4))));

    [Fact]
    public void A_creation_that_is_none_is_found() => Checker.Finds("wrong-create", Watch(from: 1, Created(1), Events(Put("k1", "a", 4, 1, 3))));

    [Fact]
    public void What_was_before_must_be_what_was_told_before() => Checker.Finds(
        "wrong-previous",
        Write("k1", "a", 2),
        Write("k1", "b", 3),
        Watch(from: 4, Created(1), Events(Put("k1", "c", 4, 3, 2) with { Before = new KeyState { Value = "a", Version = 1, Created = 2, Modified = 2 } })));

    [Fact]
    public void What_failed_for_certain_must_not_be_told() => Checker.Finds(
        "G1a", Write("k1", "a", 4).Failed(), Watch(from: 1, Created(1), Events(Put("k1", "a", 4))));

    [Fact]
    public void Two_watches_that_tell_of_one_revision_must_agree() => Checker.Finds(
        "contradiction", Watch(from: 1, Created(1), Events(Put("k1", "a", 4))), Watch(from: 1, Created(1), Events(Put("k1", "b", 4))));

    [Fact]
    public void A_compaction_ends_only_watches_that_are_behind_it()
    {
        Checker.Passes(Watch(from: 3, Created(1), Canceled(9)));
        Checker.Finds("wrong-compaction", Watch(from: 9, Created(1), Canceled(9)));
    }

    [Fact]
    public void A_watch_that_never_catches_up_is_found() => Checker.Finds("never-caught-up", Watch(from: 1, Created(1)) with { Done = false });

    [Fact]
    public void Without_watches_nothing_is_known() => Checker.CannotTell(Op.History());

    private static Invocation Write(string key, string value, long revision) => Op.Write(0, 0, 1, value, revision) with { Key = key };

    private static Invocation Watch(long from, params WatchPart[] parts) => Op.Of(9, "watch", 0, 99) with { AtRevision = from, Watch = parts, Member = "m1" };

    private static WatchPart Created(long revision) => new() { Kind = WatchPartKind.Created, Revision = revision };

    private static WatchPart Progress(long revision) => new() { Kind = WatchPartKind.Progress, Revision = revision };

    private static WatchPart Canceled(long compacted) => new() { Kind = WatchPartKind.Canceled, CompactRevision = compacted };

    private static WatchPart Events(params WatchedEvent[] events) => new() { Kind = WatchPartKind.Events, Events = events };

    private static WatchedEvent Put(string key, string value, long revision, long version = 1, long? created = null)
        => new() { Key = key, Value = value, Modified = revision, Version = version, Created = created ?? revision };
}
