using RaftKv.Raft;
using RaftKv.Simulation.History;
using RaftKv.Simulation.Members;

namespace RaftKv.Simulation.Tests;

/// <summary>
/// The checker checked: small histories of which a reader can tell whether one register could have answered so. Drawn with
/// one line for each client, time from left to right.
/// </summary>
public class LinearizabilityTests
{
    private readonly List<Operation> _history = [];

    [Fact]
    public void Nothing_is_linearizable() => Accepts();

    [Fact]
    public void A_read_finds_the_write_before_it()
    {
        // |-- write 7 --|
        //                 |-- read 7 --|
        Write(client: 1, value: 7, from: 0, to: 10, found: 0);
        Read(client: 2, from: 20, to: 30, found: 7);
        Accepts();
    }

    [Fact]
    public void A_read_that_misses_the_write_before_it_is_refused()
    {
        // |-- write 7 --|
        //                 |-- read 0 --|      stale
        Write(client: 1, value: 7, from: 0, to: 10, found: 0);
        Read(client: 2, from: 20, to: 30, found: 0);
        Refuses();
    }

    [Fact]
    public void A_read_beside_a_write_may_find_either()
    {
        // |---- write 7 ----|
        //    |- read 0 -|
        //           |- read 7 -|
        Write(client: 1, value: 7, from: 0, to: 50, found: 0);
        Read(client: 2, from: 10, to: 20, found: 0);
        Read(client: 3, from: 15, to: 30, found: 7);
        Accepts();
    }

    [Fact]
    public void Once_a_read_has_found_the_new_value_no_later_one_may_find_the_old()
    {
        // |---------- write 7 ----------|
        //    |- read 7 -|
        //                 |- read 0 -|        back in time
        Write(client: 1, value: 7, from: 0, to: 90, found: 0);
        Read(client: 2, from: 10, to: 20, found: 7);
        Read(client: 3, from: 30, to: 40, found: 0);
        Refuses();
    }

    [Fact]
    public void A_value_that_nobody_wrote_is_refused()
    {
        Read(client: 1, from: 0, to: 10, found: 5);
        Refuses();
    }

    [Fact]
    public void A_lost_write_is_refused()
    {
        // |- write 1 -|             |- write 3, found 1 -|
        //               |- write 2 -|                        overwritten by nobody, found by nobody
        Write(client: 1, value: 1, from: 0, to: 10, found: 0);
        Write(client: 2, value: 2, from: 20, to: 30, found: 1);
        Write(client: 1, value: 3, from: 40, to: 50, found: 1);
        Refuses();
    }

    [Fact]
    public void A_write_that_took_effect_twice_is_refused()
    {
        // |- write 1 -|
        //               |- write 2 -|
        //                             |- read 1 -|           write 1 again
        Write(client: 1, value: 1, from: 0, to: 10, found: 0);
        Write(client: 2, value: 2, from: 20, to: 30, found: 1);
        Read(client: 3, from: 40, to: 50, found: 1);
        Refuses();
    }

    [Fact]
    public void A_write_without_an_answer_may_take_effect_long_after_its_call()
    {
        // |- write 1 ...
        //     |- read 0 -|   |- read 1 -|
        Write(client: 1, value: 1, from: 0, to: Operation.Never, found: 0);
        Read(client: 2, from: 10, to: 20, found: 0);
        Read(client: 2, from: 100, to: 110, found: 1);
        Accepts();
    }

    [Fact]
    public void A_write_without_an_answer_may_never_take_effect()
    {
        Write(client: 1, value: 1, from: 0, to: Operation.Never, found: 0);
        Read(client: 2, from: 100, to: 110, found: 0);
        Accepts();
    }

    [Fact]
    public void A_write_without_an_answer_takes_effect_once_at_most()
    {
        // |- write 1 ...
        //     |- read 1 -|  |- write 2, found 1 -|  |- read 1 -|
        Write(client: 1, value: 1, from: 0, to: Operation.Never, found: 0);
        Read(client: 2, from: 10, to: 20, found: 1);
        Write(client: 2, value: 2, from: 30, to: 40, found: 1);
        Read(client: 2, from: 50, to: 60, found: 1);
        Refuses();
    }

    [Fact]
    public void Nothing_takes_effect_before_it_is_called()
    {
        //     |- read 1 -|
        //                   |- write 1 -|
        Read(client: 1, from: 0, to: 10, found: 1);
        Write(client: 2, value: 1, from: 20, to: 30, found: 0);
        Refuses();
    }

    [Fact]
    public void A_swap_succeeds_exactly_if_it_finds_what_it_expects()
    {
        Write(client: 1, value: 1, from: 0, to: 10, found: 0);
        Swap(client: 1, expected: 1, value: 2, from: 20, to: 30, found: 1, isDone: true);
        Swap(client: 2, expected: 1, value: 3, from: 40, to: 50, found: 2, isDone: false);
        Read(client: 3, from: 60, to: 70, found: 2);
        Accepts();
    }

    [Fact]
    public void Two_swaps_from_the_same_value_cannot_both_succeed()
    {
        // |- swap 0 -> 1, done -|
        //    |- swap 0 -> 2, done -|
        Swap(client: 1, expected: 0, value: 1, from: 0, to: 30, found: 0, isDone: true);
        Swap(client: 2, expected: 0, value: 2, from: 10, to: 40, found: 0, isDone: true);
        Refuses();
    }

    [Fact]
    public void A_swap_that_should_have_succeeded_may_not_fail()
    {
        Swap(client: 1, expected: 0, value: 1, from: 0, to: 30, found: 0, isDone: false);
        Refuses();
    }

    [Fact]
    public void Registers_are_judged_one_by_one()
    {
        Write(client: 1, value: 1, from: 0, to: 10, found: 0, key: 0);
        Read(client: 1, from: 20, to: 30, found: 0, key: 1);
        Accepts();
        Read(client: 1, from: 40, to: 50, found: 9, key: 1);
        Refuses();
    }

    [Fact]
    public void A_long_history_of_a_real_register_is_accepted_and_one_false_answer_in_it_refused()
    {
        // Each operation takes effect at a moment between its call and its return, as in a register; a tenth of the
        // answers are lost.
        var chance = new Chance(7);
        var value = 0UL;
        for (var i = 0; i < 400; i++)
        {
            var at = 1000L * i;
            var (from, to) = (at - chance.Below(4000), at + chance.Below(4000));
            if (chance.CoinToss())
            {
                Write(client: i, value: (ulong)i + 1, from, chance.Happens(1, 10) ? Operation.Never : to, found: value);
                value = (ulong)i + 1;
            }
            else
            {
                Read(client: i, from, to, found: value);
            }
        }

        Accepts();
        var known = _history.FindAll(operation => operation.IsKnown);
        known[known.Count / 2].Result = new Result(IsDone: true, 4711);
        Refuses();
    }

    private void Accepts() => Assert.Null(Linearizability.Check(_history));

    private void Refuses() => Assert.NotNull(Linearizability.Check(_history));

    private void Write(int client, ulong value, long from, long to, ulong found, byte key = 0)
        => Add(client, OperationKind.Write, key, value, expected: 0, from, to, new Result(IsDone: true, found));

    private void Read(int client, long from, long to, ulong found, byte key = 0)
        => Add(client, OperationKind.Read, key, value: 0, expected: 0, from, to, new Result(IsDone: true, found));

    private void Swap(int client, ulong expected, ulong value, long from, long to, ulong found, bool isDone)
        => Add(client, OperationKind.Swap, key: 0, value, expected, from, to, new Result(isDone, found));

    private void Add(
        int client, OperationKind kind, byte key, ulong value, ulong expected, long from, long to, Result result)
        => _history.Add(new Operation
        {
            Client = client,
            Number = (uint)_history.Count + 1,
            Kind = kind,
            Key = key,
            Value = value,
            Expected = expected,
            CalledAt = from,
            ReturnedAt = to,
            Result = to == Operation.Never ? default : result,
        });
}
