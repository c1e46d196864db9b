using RaftKv.Faults.Checking;
using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Tests.Checking;

public sealed class InformerCopiesTests
{
    private const int Informer = 100;

    private readonly InformerCopies _checker = new();

    [Fact]
    public void Copies_that_keep_up_pass() => _checker.Passes(
        Write(0, 10, "u/1", at: 0, revision: 5),
        Told(20, "u/1", 5),
        Reconciled(25, "u/1", 5, generation: 1),
        Write(30, 40, "u/2", at: 5, revision: 6),
        Told(50, "u/2", 6),
        Reconciled(55, "u/2", 6, generation: 2),
        Objects(60, ("u/2", 6, 2)),
        Copy(70, ("u/2", 6, 2)));

    [Fact]
    public void A_version_may_be_left_out_and_a_name_may_come_again() => _checker.Passes(
        Told(20, "u/1", 5),
        Told(30, "u/9", 9) with { Done = false },
        Told(40, "v/1", 12),
        Reconciled(41, "u/1", 5, generation: 1),
        Reconciled(42, null, 0, generation: 0),
        Reconciled(45, "v/1", 12, generation: 1),
        Objects(60, ("v/1", 12, 1)));

    [Fact]
    public void A_copy_that_lacks_something_is_found() => _checker.Finds("copy-differs", Reconciled(10, "u/1", 5, 1), Objects(60, ("u/1", 5, 1)), Copy(70));

    // A deletion that an informer was never told of.
    [Fact]
    public void A_copy_that_has_too_much_is_found() => _checker.Finds("copy-differs", Objects(60), Copy(70, ("u/1", 5, 1)));

    [Fact]
    public void A_copy_of_an_old_version_is_found() => _checker.Finds("copy-differs", Reconciled(10, "u/2", 6, 2), Objects(60, ("u/2", 6, 2)), Copy(70, ("u/1", 5, 1)));

    [Fact]
    public void A_copy_that_does_not_come_so_far_is_found() => _checker.Finds("copy-behind", Objects(60), Copy(70) with { Done = false });

    // A watch that goes on too early after it was interrupted.
    [Fact]
    public void Versions_that_go_back_are_found()
    {
        _checker.Finds("version-went-back", Told(10, "u/2", 6), Told(20, "u/1", 5), Objects(60));
        _checker.Finds("told-twice", Told(10, "u/2", 6), Told(20, "u/2", 6), Objects(60));
    }

    [Fact]
    public void What_nobody_wrote_is_found()
        => _checker.Finds("wrong-content", Write(0, 10, "u/1", at: 0, revision: 5), Told(20, "u/7", 5), Objects(60));

    [Fact]
    public void An_update_of_what_was_not_there_any_more_is_found() => _checker.Finds(
        "lost-update", Write(0, 10, "u/1", at: 0, revision: 5), Write(20, 30, "u/2", at: 5, revision: 6), Write(25, 35, "u/3", at: 5, revision: 7), Objects(60));

    [Fact]
    public void A_generation_that_nobody_dealt_with_is_found()
    {
        _checker.Finds("generation-lost", Reconciled(10, "u/1", 5, generation: 1), Objects(60, ("u/2", 6, 2)));
        _checker.Finds("generation-lost", Objects(60, ("u/2", 6, 2)));
        _checker.Finds("generation-lost", Reconciled(10, "u/1", 5, generation: 3), Objects(60, ("v/2", 6, 2)));
    }

    [Fact]
    public void A_generation_that_is_over_and_dealt_with_again_is_found()
        => _checker.Finds("reconciled-backwards", Reconciled(10, "u/2", 6, generation: 2), Reconciled(20, "u/1", 5, generation: 1), Objects(60, ("u/2", 6, 2)));

    [Fact]
    public void What_is_gone_and_dealt_with_again_is_found()
    {
        _checker.Finds("reconciled-after-end", Reconciled(10, "u/2", 6, 2), Reconciled(20, null, 0, 0), Reconciled(30, "u/2", 6, 2), Objects(60, ("u/2", 6, 2)));
        _checker.Finds("end-lost", Reconciled(10, "u/2", 6, 2), Objects(60));
    }

    [Fact]
    public void Without_a_look_at_the_end_nothing_can_be_told() => _checker.CannotTell(Op.History(Told(10, "u/1", 5)));

    private static Invocation Write(long begin, long end, string value, long at, long revision)
        => Op.Of(0, "write", begin, end) with { AtRevision = at, Revision = revision, Wrote = true, Found = State(value, revision, 1) };

    private static Invocation Told(long at, string value, long revision)
        => Op.Of(Informer, InformerCopies.Told, at, at) with { Done = true, Found = State(value, revision, 1) };

    private static Invocation Reconciled(long at, string? value, long revision, long generation)
        => Op.Of(Informer, InformerCopies.Reconcile, at, at) with { Found = value is null ? null : State(value, revision, generation) };

    private static Invocation Objects(long at, params (string Value, long Revision, long Generation)[] all)
        => Op.Of(0, InformerCopies.Objects, at, at) with { Key = null, Revision = 20, Entries = [.. all.Select(one => State(one.Value, one.Revision, one.Generation))] };

    private static Invocation Copy(long at, params (string Value, long Revision, long Generation)[] all)
        => Objects(at, all) with { Process = Informer, Call = InformerCopies.Copy };

    private static KeyState State(string value, long revision, long generation) => new() { Key = Op.Key, Value = value, Modified = revision, Version = generation };
}
