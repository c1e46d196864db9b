using RaftKv.Faults.Checking;
using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Tests.Checking;

public sealed class LinearizabilityTests
{
    private const string NotLinearizable = "not-linearizable";
    private static readonly Linearizability Checker = new();

    [Fact]
    public void A_history_without_overlap_is_its_own_order() => Checker.Passes(
        Op.Read(0, 0, 1, null, 0, 0, revision: 1),
        Op.Write(0, 2, 3, "a", 2),
        Op.Read(0, 4, 5, "a", 1, 2),
        Op.Cas(1, 6, 7, "a", "b", isDone: true, 3),
        Op.Cas(1, 8, 9, "a", "c", isDone: false, 3),
        Op.Delete(1, 10, 11, isDone: true, 4),
        Op.Read(1, 12, 13, null, 0, 0, revision: 4),
        Op.Write(1, 14, 15, "d", 9),
        Op.Read(1, 16, 17, "d", 1, 9));

    [Fact]
    public void A_read_that_overlaps_a_write_may_show_either()
    {
        Checker.Passes(Op.Write(0, 0, 10, "a", 2), Op.Read(1, 5, 6, null, 0, 0, revision: 1));
        Checker.Passes(Op.Write(0, 0, 10, "a", 2), Op.Read(1, 5, 6, "a", 1, 2));
    }

    [Fact]
    public void Once_one_has_seen_it_all_that_begin_later_must() => Checker.Finds(
        NotLinearizable,
        Op.Write(0, 0, 100, "a", 2),
        Op.Read(1, 5, 6, "a", 1, 2),
        Op.Read(2, 7, 8, null, 0, 0, revision: 1));

    [Fact]
    public void A_transaction_that_only_writes_is_a_write_of_each_of_its_keys()
    {
        Checker.Passes(Op.Txn(0, 0, 1, "write k a", "write j b").At(2), Op.Read(1, 2, 3, "a", 1, 2), Op.Delete(1, 4, 5, isDone: true, 3));
        Checker.Finds(NotLinearizable, Op.Txn(0, 0, 1, "write k a", "write j b").At(2), Op.Read(1, 2, 3, null, 0, 0, revision: 2));
    }

    // etcd 0.4 answered reads from a leader that was none any more; so did 3.x after a pause.
    [Fact]
    public void A_leader_that_was_paused_and_answers_from_what_it_had_is_found() => Checker.Finds(
        NotLinearizable,
        Op.Write(0, 0, 1, "a", 2),
        Op.Write(0, 2, 3, "b", 3),
        Op.Read(1, 10, 11, "a", 1, 2, revision: 2));

    // A single member that acknowledged before its log was on the disk, and was killed.
    [Fact]
    public void A_write_that_was_acknowledged_and_is_gone_is_found() => Checker.Finds(
        NotLinearizable,
        Op.Write(0, 0, 1, "a", 2),
        Op.Read(1, 10, 11, null, 0, 0, revision: 1));

    // What an index that was saved apart from the data did: the same entry twice after a crash.
    [Fact]
    public void A_write_that_was_carried_out_twice_is_found() => Checker.Finds(
        NotLinearizable,
        Op.Write(0, 0, 1, "a", 2),
        Op.Read(1, 10, 11, "a", 2, 3) with { Found = new KeyState { Value = "a", Version = 2, Created = 2, Modified = 3 } });

    // A client library that sends a transaction again when it does not know what came of it.
    [Fact]
    public void A_swap_that_says_it_failed_but_was_done_is_found() => Checker.Finds(
        NotLinearizable,
        Op.Write(0, 0, 1, "a", 2),
        Op.Cas(0, 2, 3, "a", "b", isDone: false, 3),
        Op.Read(1, 10, 11, "b", 2, 3));

    [Fact]
    public void Two_swaps_from_one_value_cannot_both_be_done() => Checker.Finds(
        NotLinearizable,
        Op.Write(0, 0, 1, "a", 2),
        Op.Cas(0, 2, 10, "a", "b", isDone: true, 3),
        Op.Cas(1, 2, 10, "a", "c", isDone: true, 4));

    [Fact]
    public void What_was_refused_for_certain_must_not_be_seen() => Checker.Finds(
        NotLinearizable,
        Op.Write(0, 0, 1, "a", 2).Failed(),
        Op.Read(1, 10, 11, "a", 1, 2));

    [Fact]
    public void An_unknown_write_may_come_at_once_later_or_never()
    {
        var unknown = Op.Write(0, 0, 1, "a", 2).Lost();
        Checker.Passes(unknown, Op.Read(1, 10, 11, "a", 1, 2));
        Checker.Passes(unknown, Op.Read(1, 10, 11, null, 0, 0, revision: 1), Op.Read(1, 20, 21, "a", 1, 5));
        Checker.Passes(unknown, Op.Read(1, 10, 11, null, 0, 0, revision: 1));
    }

    [Fact]
    public void An_unknown_write_comes_once_at_most() => Checker.Finds(
        NotLinearizable,
        Op.Write(0, 0, 1, "a", 2).Lost(),
        Op.Read(1, 10, 11, "a", 1, 2),
        Op.Write(1, 12, 13, "b", 3),
        Op.Read(1, 14, 15, "a", 3, 4));

    [Fact]
    public void An_unknown_write_takes_a_version_even_if_nobody_has_seen_its_value() => Checker.Passes(
        Op.Write(0, 0, 1, "a", 2),
        Op.Write(1, 2, 3, "b", 3).Lost(),
        Op.Write(0, 4, 5, "c", 7),
        Op.Read(0, 6, 7, "c", 3, 7) with { Found = new KeyState { Value = "c", Version = 3, Created = 2, Modified = 7 } });

    [Fact]
    public void A_version_that_nobody_wrote_is_found() => Checker.Finds(
        NotLinearizable,
        Op.Write(0, 0, 1, "a", 2),
        Op.Write(0, 4, 5, "c", 7),
        Op.Read(0, 6, 7, "c", 3, 7) with { Found = new KeyState { Value = "c", Version = 3, Created = 2, Modified = 7 } });

    [Fact]
    public void A_revision_that_goes_back_is_found() => Checker.Finds(
        NotLinearizable,
        Op.Write(0, 0, 1, "a", 5),
        Op.Write(0, 2, 3, "b", 4));

    [Fact]
    public void What_was_before_a_write_is_what_the_one_before_it_left()
    {
        var second = Op.Write(1, 2, 3, "b", 3);
        Checker.Passes(Op.Write(0, 0, 1, "a", 2), second with { Found = new KeyState { Value = "a", Version = 1, Created = 2, Modified = 2 } });
        Checker.Finds(NotLinearizable, Op.Write(0, 0, 1, "a", 2), second with { Found = new KeyState() });
    }

    [Fact]
    public void Each_key_is_looked_at_by_itself()
    {
        var other = Op.Read(1, 10, 11, null, 0, 0, revision: 2) with { Key = "other" };
        Checker.Passes(Op.Write(0, 0, 1, "a", 2), other);
        var history = Op.History(Op.Write(0, 0, 1, "a", 2), other, Op.Read(1, 12, 13, null, 0, 0, revision: 2));
        Assert.Contains("'k'", Checker.Check(history).Findings.Single().Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Reads_of_one_member_may_be_old() => Checker.Passes(
        Op.Write(0, 0, 1, "a", 2),
        Op.Read(1, 10, 11, null, 0, 0, revision: 1) with { Local = true });

    [Fact]
    public void A_search_that_was_given_up_is_no_pass()
    {
        // All of one value and without answers: every subset is another state.
        var unknown = Enumerable.Range(0, 30).Select(i => Op.Write(i, 0, 1, "a", 0).Lost());
        var history = Op.History([.. unknown, Op.Read(99, 10, 11, "b", 5, 9)]);

        new Linearizability(new SearchBudget(10_000, TimeSpan.FromHours(1))).CannotTell(history);
    }

    [Fact]
    public void Histories_drawn_from_a_real_order_pass_and_fail_when_one_answer_is_changed()
    {
        for (var seed = 0; seed < 200; seed++)
        {
            var history = DrawnHistory.Of(seed, operations: 120);
            Checker.Passes([.. history]);

            var chance = new Random(seed);
            var reads = history.Where(operation => operation is { Call: "read", IsOk: true, Found.Exists: true }).ToList();
            var changed = reads[chance.Next(reads.Count)];
            var spoilt = history.Select(operation => ReferenceEquals(operation, changed)
                ? operation with { Found = operation.Found! with { Version = operation.Found.Version + 1 } }
                : operation);
            Checker.Finds(NotLinearizable, [.. spoilt]);
        }
    }

    [Fact]
    public void A_long_history_of_one_key_is_decided_in_few_steps()
    {
        var history = DrawnHistory.Of(7, operations: 3000);

        Assert.Equal(Judgement.Pass, new Linearizability(new SearchBudget(1_000_000, TimeSpan.FromHours(1))).Check(Op.History([.. history])).Judgement);
    }
}
