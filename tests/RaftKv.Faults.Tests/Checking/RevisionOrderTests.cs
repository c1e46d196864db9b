using RaftKv.Faults.Checking;
using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Tests.Checking;

public sealed class RevisionOrderTests
{
    private static readonly RevisionOrder Checker = new();

    [Fact]
    public void Revisions_that_grow_with_time_pass() => Checker.Passes(
        Op.Write(0, 0, 5, "a", 2),
        Op.Write(1, 0, 5, "b", 3) with { Key = "other" },
        Op.Read(0, 6, 7, "a", 1, 2, revision: 3));

    [Fact]
    public void Two_writes_of_one_revision_are_found() => Checker.Finds(
        "shared-revision", Op.Write(0, 0, 5, "a", 2), Op.Write(1, 0, 5, "b", 2) with { Key = "other" });

    // Key by key this is in order; the store as a whole went back in time.
    [Fact]
    public void A_read_of_another_key_that_is_behind_what_was_acknowledged_is_found() => Checker.Finds(
        "revision-went-back", Op.Write(0, 0, 5, "a", 9), Op.Read(1, 6, 7, null, 0, 0, revision: 8) with { Key = "other" });

    // A crash in the midst of compaction made etcd count from an earlier revision again.
    [Fact]
    public void A_write_that_is_given_a_revision_from_before_is_found() => Checker.Finds(
        "revision-went-back", Op.Write(0, 0, 5, "a", 9), Op.Write(1, 6, 7, "b", 9) with { Key = "other" });

    [Fact]
    public void A_member_goes_back_only_when_it_starts_again()
    {
        var newer = Op.Read(0, 0, 1, "a", 1, 2, revision: 9) with { Local = true, Member = "m1" };
        var older = Op.Read(0, 10, 11, "a", 1, 2, revision: 8) with { Local = true, Member = "m1" };
        Checker.Finds("member-went-back", newer, older);
        Checker.Passes(newer, older with { Member = "m2" });
        Checker.Passes(newer, older with { Process = 5 });
        Checker.Passes(Op.History(newer, older).With(new ExitLine { Member = "m1", At = 5, Expected = true }));
    }
}
