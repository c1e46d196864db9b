using RaftKv.Faults.Checking;
using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Tests.Checking;

public sealed class MembersTests
{
    [Fact]
    public void Members_that_hold_the_same_pass() => new EqualHashes().Passes(Hash("m1", 5, 77), Hash("m2", 5, 77), Hash("m3", 5, 77));

    // A member that applied an entry twice after a crash, or not at all.
    [Fact]
    public void Members_that_differ_are_found() => new EqualHashes().Finds("members-differ", Hash("m1", 5, 77), Hash("m2", 5, 78));

    [Fact]
    public void A_member_that_does_not_come_back_is_found() => new EqualHashes().Finds("member-missing", Hash("m1", 5, 77), Hash("m2", 5, 0).Failed() with { Error = "connection refused" });

    [Fact]
    public void A_member_whose_disk_was_damaged_may_stay_away() => new EqualHashes().Passes(
        Op.History(Hash("m1", 5, 77), Hash("m2", 5, 0).Failed()).With(new FaultLine { Kind = FaultKinds.Damage, Begin = 0, End = 1, Hits = 1, Targets = ["m2"] }));

    [Fact]
    public void Hashes_of_different_revisions_say_nothing()
    {
        new EqualHashes().CannotTell(Op.History(Hash("m1", 5, 77), Hash("m2", 6, 78)));
        new EqualHashes().CannotTell(Op.History());
    }

    [Fact]
    public void Members_that_end_by_themselves_or_complain_are_found()
    {
        var checker = new MembersLive();
        checker.Passes(Op.History().With(new ExitLine { Member = "m1", At = 1, Expected = true }));
        checker.Finds("unexpected-exit", Op.History().With(new ExitLine { Member = "m1", At = 1, Code = 134, Expected = false }));
        checker.Finds("bad-log", Op.History().With(new LogLine { Member = "m1", Text = "panic: index out of range" }));
    }

    // One that tries again, and takes the second answer for the first one's.
    [Fact]
    public void A_member_that_goes_on_after_a_failed_sync_is_found()
    {
        var fault = new FaultLine { Kind = FaultKinds.FailedSync, Begin = 10, End = 20, Hits = 1, Targets = ["m1"] };
        new MembersLive().Finds("went-on", Op.History().With(fault));
        new MembersLive().Finds("went-on", Op.History().With(fault, new ExitLine { Member = "m1", At = 30, Code = 1, Expected = true }));
        new MembersLive().Finds("went-on", Op.History().With(fault, new ExitLine { Member = "m1", At = 15, Expected = true }));
        new MembersLive().Passes(Op.History().With(fault with { Hits = 0 }));
        new MembersLive().Passes(Op.History().With(fault, new ExitLine { Member = "m1", At = 15, Code = 1, Expected = true }));
    }

    [Fact]
    public void A_member_that_may_end_may_say_why()
    {
        var word = new LogLine { Member = "m1", Text = "\"level\":\"fatal\",\"msg\":\"The log writer failed, and the member stops\"" };
        new MembersLive().Passes(Op.History().With(word, new ExitLine { Member = "m1", At = 1, Code = 1, Expected = true }));
        new MembersLive().Finds("bad-log", Op.History().With(word));
        new MembersLive().Finds("bad-log", Op.History().With(word with { Text = "Unhandled exception" }, new ExitLine { Member = "m1", At = 1, Code = 1, Expected = true }));
    }

    [Fact]
    public void A_run_in_which_something_happened_is_meaningful() => new Meaningful(leastAnswers: 2).Passes(Whole());

    [Fact]
    public void A_run_without_answers_in_one_of_its_phases_is_not()
    {
        var history = Whole();
        var quiet = History.Of(history.Run, [.. history.Operations.Where(operation => operation.Begin > 100), .. history.Phases, .. history.Faults]);

        new Meaningful(leastAnswers: 2).CannotTell(quiet);
    }

    [Fact]
    public void A_fault_that_hit_nothing_makes_a_run_meaningless()
        => new Meaningful(leastAnswers: 2).CannotTell(Whole().With(new FaultLine { Kind = FaultKinds.Partition, Begin = 110, End = 120, Hits = 0 }));

    [Fact]
    public void A_fault_of_many_may_miss()
    {
        FaultLine Cut(long hits) => new() { Kind = FaultKinds.Partition, Begin = 110, End = 120, Hits = hits };

        new Meaningful(leastAnswers: 2).Passes(Whole().With(Cut(3), Cut(0)));
        new Meaningful(leastAnswers: 2).CannotTell(Whole().With(Cut(3), Cut(0), Cut(0)));
    }

    [Fact]
    public void A_run_without_any_fault_is_meaningful_only_if_none_was_asked_for()
    {
        var history = Whole();
        var harmless = History.Of(history.Run, [.. history.Operations, .. history.Phases]);

        new Meaningful(leastAnswers: 2).CannotTell(harmless);
        new Meaningful(leastAnswers: 2).Passes(History.Of(history.Run with { Nemesis = "none" }, [.. history.Operations, .. history.Phases]));
    }

    [Fact]
    public void A_run_that_was_cut_short_is_not_meaningful()
    {
        var history = Whole();

        new Meaningful(leastAnswers: 2).CannotTell(History.Of(history.Run, [.. history.Operations, .. history.Phases.SkipLast(1), .. history.Faults]));
    }

    [Fact]
    public void What_is_asked_often_must_be_answered_once() => new Meaningful(leastAnswers: 2).CannotTell(
        Whole().With([.. Enumerable.Range(0, 30).Select(i => Op.Of(7, "watch", i, i + 1, Outcome.Fail))]));

    private static History Whole()
    {
        var operations = Enumerable.Range(0, 40).Select(i => Op.Write(0, i * 10, (i * 10) + 5, $"{i}", i + 2)).ToArray();
        return Op.History(operations).With(
            new PhaseLine { Name = PhaseLine.Quiet, Begin = 0, End = 100 },
            new PhaseLine { Name = PhaseLine.Faults, Begin = 100, End = 200 },
            new PhaseLine { Name = PhaseLine.Recovery, Begin = 200, End = 300 },
            new PhaseLine { Name = PhaseLine.Final, Begin = 300, End = 400 },
            new FaultLine { Kind = FaultKinds.Kill, Begin = 110, End = 120, Hits = 1, Targets = ["m1"] });
    }

    private static Invocation Hash(string member, long revision, uint hash)
        => Op.Of(0, EqualHashes.Call, 0, 1) with { Member = member, Revision = revision, Hash = hash, CompactRevision = -1 };
}
