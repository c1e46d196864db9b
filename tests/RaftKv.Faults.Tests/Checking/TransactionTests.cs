using RaftKv.Faults.Checking;
using RaftKv.Faults.Checking.Transactions;

namespace RaftKv.Faults.Tests.Checking;

public sealed class TransactionTests
{
    private static readonly Lists Lists = new();
    private static readonly Registers Registers = new();

    [Fact]
    public void Lists_that_grew_one_after_the_other_are_serializable() => Lists.Passes(
        Op.Txn(0, 0, 1, "append x 1", "read x 1"),
        Op.Txn(1, 2, 3, "read x 1", "append x 2", "append y 1"),
        Op.Txn(2, 2, 8, "append x 3"),
        Op.Txn(0, 4, 9, "read x 1 2 3", "read y 1"));

    [Fact]
    public void Writes_in_two_orders_are_G0() => Lists.Finds(
        "G0",
        Op.Txn(0, 0, 9, "append x 1", "append y 1"),
        Op.Txn(1, 0, 9, "append x 2", "append y 2"),
        Op.Txn(2, 10, 11, "read x 1 2", "read y 2 1"));

    [Fact]
    public void Reading_what_failed_is_G1a()
    {
        Lists.Finds("G1a", Op.Txn(0, 0, 9, "append x 1").Failed(), Op.Txn(1, 10, 11, "read x 1"));
        Registers.Finds("G1a", Op.Txn(0, 0, 9, "write x 1").Failed(), Op.Txn(1, 10, 11, "look x 1"));
    }

    [Fact]
    public void Reading_the_middle_of_a_transaction_is_G1b()
    {
        Lists.Finds("G1b", Op.Txn(0, 0, 9, "append x 1", "append x 2"), Op.Txn(1, 5, 11, "read x 1"));
        Registers.Finds("G1b", Op.Txn(0, 0, 9, "write x 1", "write x 2"), Op.Txn(1, 5, 11, "look x 1"));
    }

    [Fact]
    public void Two_that_read_from_each_other_are_G1c()
    {
        Lists.Finds("G1c", Op.Txn(0, 0, 9, "append x 1", "read y 1"), Op.Txn(1, 0, 9, "append y 1", "read x 1"));
        Registers.Finds("G1c", Op.Txn(0, 0, 9, "write x 1", "look y 1"), Op.Txn(1, 0, 9, "write y 1", "look x 1"));
    }

    [Fact]
    public void Seeing_half_of_a_transaction_is_G_single()
    {
        Lists.Finds("G-single", Op.Txn(0, 0, 9, "append x 1", "append y 1"), Op.Txn(1, 0, 9, "read x 1", "read y"), Op.Txn(2, 20, 21, "read y 1"));
        Registers.Finds("G-single", Op.Txn(0, 0, 9, "write x 1", "write y 1").At(2), Op.Txn(1, 0, 9, "look x 1 2", "look y"));
    }

    [Fact]
    public void Two_that_do_not_see_each_other_are_G2()
    {
        Lists.Finds("G2", Op.Txn(0, 0, 9, "read x", "append y 1"), Op.Txn(1, 0, 9, "read y", "append x 1"), Op.Txn(2, 10, 11, "read x 1", "read y 1"));
        Registers.Finds("G2", Op.Txn(0, 0, 9, "look x", "write y 1").At(2), Op.Txn(1, 0, 9, "look y", "write x 1").At(3));
    }

    // Transactions that a client sent again although they had been done: found in a Java client of etcd.
    [Fact]
    public void A_transaction_that_came_twice_is_seen_by_its_elements() => Lists.Finds(
        "duplicates",
        Op.Txn(0, 0, 1, "append x 1"),
        Op.Txn(1, 2, 3, "read x 1 1"));

    [Fact]
    public void Two_that_replace_what_both_found_are_a_lost_update()
    {
        Registers.Finds(
            "lost-update",
            Op.Txn(0, 0, 1, "write x 1").At(2),
            Op.Txn(1, 2, 9, "look x 1 2", "write x 2").At(3),
            Op.Txn(2, 2, 9, "look x 1 2", "write x 3").At(4));
        Lists.Finds(
            "G-single",
            Op.Txn(1, 2, 9, "read x", "append x 2"),
            Op.Txn(2, 2, 9, "read x", "append x 3"),
            Op.Txn(3, 10, 11, "read x 2 3"));
    }

    [Fact]
    public void A_list_in_two_orders_is_found() => Lists.Finds(
        "incompatible-order",
        Op.Txn(0, 0, 1, "append x 1"),
        Op.Txn(0, 0, 1, "append x 2"),
        Op.Txn(1, 2, 3, "read x 1 2"),
        Op.Txn(1, 4, 5, "read x 2 1"));

    [Fact]
    public void A_transaction_must_see_its_own_steps()
    {
        Lists.Finds("internal", Op.Txn(0, 0, 1, "append x 1", "read x"));
        Lists.Finds("internal", Op.Txn(0, 0, 1, "read x", "append x 1", "read x 1 2"), Op.Txn(1, 0, 1, "append x 2"));
        Registers.Finds("internal", Op.Txn(0, 0, 1, "write x 1", "look x 2"), Op.Txn(1, 0, 1, "write x 2"));
    }

    [Fact]
    public void A_value_from_nowhere_is_found()
    {
        Lists.Finds("garbage", Op.Txn(0, 0, 1, "read x 1"));
        Registers.Finds("garbage", Op.Txn(0, 0, 1, "look x 1"));
    }

    [Fact]
    public void A_stale_read_is_serializable_but_not_in_time()
    {
        Lists.Finds("G-single-realtime", Op.Txn(0, 0, 1, "append x 1"), Op.Txn(1, 2, 3, "read x"), Op.Txn(2, 4, 5, "read x 1"));
        Registers.Finds("G-single-realtime", Op.Txn(0, 0, 1, "write x 1").At(2), Op.Txn(1, 2, 3, "look x"));
        Lists.Passes(Op.Txn(0, 0, 2, "append x 1"), Op.Txn(1, 2, 3, "read x"), Op.Txn(2, 4, 5, "read x 1"));
    }

    // Total loss at a change of leaders, as an early Raft of a key-value server had it.
    [Fact]
    public void Appends_that_were_acknowledged_and_are_gone_are_found() => Lists.Finds(
        "G-single-realtime",
        Op.Txn(0, 0, 1, "append x 1"),
        Op.Txn(0, 2, 3, "append x 2"),
        Op.Txn(1, 4, 5, "read x 1"));

    [Fact]
    public void An_unknown_transaction_may_have_happened_or_not()
    {
        Lists.Passes(Op.Txn(0, 0, 1, "append x 1").Lost(), Op.Txn(1, 2, 3, "read x"), Op.Txn(1, 4, 5, "read x 1"));
        Lists.Passes(Op.Txn(0, 0, 1, "append x 1").Lost(), Op.Txn(1, 2, 3, "read x"));
        Registers.Passes(Op.Txn(0, 0, 1, "write x 1").Lost(), Op.Txn(1, 2, 3, "look x"), Op.Txn(1, 4, 5, "look x 1 7"));
        Registers.Passes(Op.Txn(0, 0, 1, "write x 1").Lost(), Op.Txn(1, 2, 3, "look x"));
    }

    [Fact]
    public void Registers_one_after_the_other_are_serializable() => Registers.Passes(
        Op.Txn(0, 0, 1, "write x 1", "write y 1").At(2),
        Op.Txn(1, 2, 3, "look x 1 2", "write x 2").At(3),
        Op.Txn(2, 2, 9, "look x 2 3", "look y 1 2"),
        Op.Txn(0, 10, 11, "write x 3", "look x 3").At(4));

    [Fact]
    public void A_value_of_another_revision_than_it_was_written_at_is_found() => Registers.Finds(
        "wrong-revision",
        Op.Txn(0, 0, 1, "write x 1").At(2),
        Op.Txn(1, 2, 3, "look x 1 5"));

    [Fact]
    public void A_value_that_replaced_a_later_one_is_found() => Registers.Finds(
        "cyclic-versions",
        Op.Txn(0, 0, 9, "write x 1").At(5),
        Op.Txn(1, 0, 9, "look x 1 5", "write x 2").At(4));

    [Fact]
    public void Drawn_histories_of_one_order_pass()
    {
        for (var seed = 0; seed < 100; seed++)
        {
            Lists.Passes([.. DrawnTransactions.Lists(seed, 200)]);
            Registers.Passes([.. DrawnTransactions.Registers(seed, 200)]);
        }
    }

    [Fact]
    public void Drawn_histories_with_one_transaction_that_did_not_see_the_latest_fail()
    {
        var found = 0;
        for (var seed = 0; seed < 100; seed++)
        {
            var judged = Lists.Check(Op.History([.. DrawnTransactions.Lists(seed, 200, staleAt: 150)]));
            found += judged.Judgement == Judgement.Fail ? 1 : 0;
        }

        // The stale one may have had nothing to miss.
        Assert.InRange(found, 90, 100);
    }

    [Fact]
    public void Two_thousand_transactions_are_one_graph()
    {
        var history = Op.History([.. DrawnTransactions.Lists(1, 2000)]);

        Assert.Equal(Judgement.Pass, Lists.Check(history).Judgement);
    }
}
