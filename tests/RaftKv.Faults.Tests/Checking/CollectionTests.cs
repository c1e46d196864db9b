using RaftKv.Faults.Checking;
using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Tests.Checking;

public sealed class CollectionTests
{
    private static readonly SetElements Set = new();
    private static readonly Bank Bank = new();
    private static readonly Queue Queue = new();
    private static readonly SnapshotReads Snapshots = new();

    [Fact]
    public void A_set_that_keeps_everything_passes() => Set.Passes(
        Add(0, 0, 5, "1"), Elements(1, 2, 3, "1"), Add(0, 6, 7, "2").Lost(), Elements(1, 8, 9, "1"), Elements(1, 10, 11, "1", "2"));

    [Fact]
    public void An_element_that_was_acknowledged_and_is_gone_is_lost() => Set.Finds("lost-element", Add(0, 0, 1, "1"), Elements(1, 2, 3, "1"), Elements(1, 4, 5));

    [Fact]
    public void An_element_that_was_seen_and_is_gone_is_lost_though_nobody_acknowledged_it()
        => Set.Finds("lost-element", Add(0, 0, 1, "1").Lost(), Elements(1, 2, 3, "1"), Elements(1, 4, 5));

    [Fact]
    public void An_element_that_is_missing_for_a_while_is_a_stale_read() => Set.Finds("stale-read", Add(0, 0, 1, "1"), Elements(1, 2, 3), Elements(1, 4, 5, "1"));

    [Fact]
    public void A_set_holds_nothing_that_was_not_added()
    {
        Set.Finds("garbage", Elements(1, 2, 3, "1"));
        Set.Finds("garbage", Elements(1, 2, 3, "1"), Add(0, 10, 11, "1"));
        Set.Finds("G1a", Add(0, 0, 1, "1").Failed(), Elements(1, 2, 3, "1"));
        Set.Finds("duplicates", Add(0, 0, 1, "1"), Elements(1, 2, 3, "1", "1"));
    }

    [Fact]
    public void A_set_that_was_never_read_says_nothing() => Set.CannotTell(Op.History(Add(0, 0, 1, "1")));

    [Fact]
    public void Money_that_is_moved_stays_the_same_together()
    {
        Bank.Passes(Accounts(0, 10, 10), Accounts(5, 15, 5));
        Bank.Finds("wrong-total", Accounts(0, 10, 10), Accounts(5, 15, 10));
        Bank.Finds("negative-balance", Accounts(0, 10, 10), Accounts(5, 25, -5));
        Bank.Finds("lost-account", Accounts(0, 10, 10), Accounts(5, 20));
        Bank.CannotTell(Op.History());
    }

    [Fact]
    public void A_queue_gives_back_what_it_got_in_order() => Queue.Passes(
        Enqueue(0, 0, 1, "a", 2), Enqueue(0, 2, 3, "b", 3), Dequeue(1, 4, 5, "a", 4), Dequeue(1, 6, 7, "b", 5), Dequeue(1, 8, 9, null, 5));

    [Fact]
    public void A_queue_loses_doubles_and_invents_nothing()
    {
        var end = Dequeue(1, 90, 91, null, 99);
        Queue.Finds("lost-element", Enqueue(0, 0, 1, "a", 2), end);
        Queue.Finds("duplicates", Enqueue(0, 0, 1, "a", 2), Dequeue(1, 4, 5, "a", 4), Dequeue(1, 6, 7, "a", 5), end);
        Queue.Finds("garbage", Enqueue(0, 0, 1, "a", 2), Dequeue(1, 4, 5, "b", 4), Dequeue(1, 4, 5, "a", 5), end);
        Queue.Finds("G1a", Enqueue(0, 0, 1, "a", 2).Failed(), Dequeue(1, 4, 5, "a", 4), end);
        Queue.Finds("out-of-order", Enqueue(0, 0, 1, "a", 2), Enqueue(0, 2, 3, "b", 3), Dequeue(1, 4, 5, "b", 4), Dequeue(1, 6, 7, "a", 5), end);
        Queue.Finds("never-emptied", Enqueue(0, 0, 1, "a", 2), Dequeue(1, 4, 5, "a", 4));
    }

    [Fact]
    public void What_may_have_been_taken_out_is_not_lost() => Queue.Passes(
        Enqueue(0, 0, 1, "a", 2), Dequeue(1, 4, 5, "a", 0).Lost(), Dequeue(1, 8, 9, null, 5));

    [Fact]
    public void Reads_of_one_revision_show_what_was_acknowledged_up_to_there() => Snapshots.Passes(
        Write("k1", "a", 2),
        Write("k2", "b", 3),
        Write("k1", "c", 5),
        Range(at: 4, now: 9, ("k1", "a", 2), ("k2", "b", 3)),
        Range(at: null, now: 9, ("k1", "c", 5), ("k2", "b", 3)),
        Range(at: null, now: 2, ("k1", "a", 2)) with { Local = true, Member = "m1" });

    [Fact]
    public void A_read_that_misses_a_change_is_found()
    {
        Snapshots.Finds("missed-change", Write("k1", "a", 2), Write("k1", "b", 3), Range(at: null, now: 3, ("k1", "a", 2)) with { Local = true });
        Snapshots.Finds("lost-key", Write("k1", "a", 2), Range(at: null, now: 3));
        Snapshots.Finds("missed-change", Op.Delete(0, 0, 1, true, 3) with { Key = "k1" }, Range(at: null, now: 4, ("k1", "a", 2)));
    }

    [Fact]
    public void A_key_that_may_have_been_deleted_may_be_missing()
        => Snapshots.Passes(Write("k1", "a", 2), Op.Delete(0, 0, 1, true, 3).Lost() with { Key = "k1" }, Range(at: null, now: 3));

    [Fact]
    public void A_read_shows_nothing_of_the_future()
    {
        Snapshots.Finds("read-of-the-future", Range(at: null, now: 3, ("k1", "a", 4)));
        Snapshots.Finds("read-of-the-future", Range(at: 9, now: 3));
    }

    // Members at different stages of compaction that answered one read each in its own way.
    [Fact]
    public void Two_reads_of_one_revision_must_show_the_same() => Snapshots.Finds(
        "two-states", Range(at: 5, now: 9, ("k1", "a", 4)), Range(at: 5, now: 9, ("k1", "a", 4), ("k2", "b", 3)));

    [Fact]
    public void A_value_that_changed_without_a_revision_is_a_contradiction() => Snapshots.Finds(
        "contradiction", Write("k1", "a", 2), Range(at: null, now: 3, ("k1", "b", 2)));

    private static Invocation Write(string key, string value, long revision) => Op.Write(0, 0, 1, value, revision) with { Key = key };

    private static Invocation Range(long? at, long now, params (string Key, string Value, long Modified)[] entries) => Op.Of(1, "range", 50, 60) with
    {
        AtRevision = at,
        Revision = now,
        Entries = [.. entries.Select(entry => new KeyState { Key = entry.Key, Value = entry.Value, Modified = entry.Modified, Created = 0, Version = 1 })],
    };

    private static Invocation Add(int process, long begin, long end, string element) => Op.Of(process, "add", begin, end) with { Value = element };

    private static Invocation Elements(int process, long begin, long end, params string[] elements) => Op.Of(process, "elements", begin, end) with { Elements = elements };

    private static Invocation Accounts(long begin, params int[] balances) => Op.Of(0, "accounts", begin, begin + 1) with
    {
        Entries = [.. balances.Select((balance, i) => new KeyState { Key = $"account{i}", Value = $"{balance}" })],
    };

    private static Invocation Enqueue(int process, long begin, long end, string element, long revision)
        => Op.Of(process, "enqueue", begin, end) with { Value = element, Revision = revision };

    private static Invocation Dequeue(int process, long begin, long end, string? element, long revision)
        => Op.Of(process, "dequeue", begin, end) with { Value = element, Revision = revision };
}
