using RaftKv.Faults.Checking.Rights;
using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Tests.Checking;

public sealed class EqualTablesTests
{
    private readonly EqualTables _checker = new();

    [Fact]
    public void Members_that_have_the_same_users_and_roles_pass() => _checker.Passes(Tables("m1", "user a: r", "role r: "), Tables("m2", "user a: r", "role r: "));

    [Fact]
    public void A_member_that_has_another_role_is_found() => _checker.Finds("tables-differ", Tables("m1", "user a: r"), Tables("m2", "user a: r"), Tables("m3", "user a: "));

    [Fact]
    public void Who_was_not_asked_may_have_anything()
    {
        _checker.CannotTell(Op.History());
        _checker.CannotTell(Op.History(Tables("m1", "user a: r"), Tables("m2").Failed()));
    }

    private static Invocation Tables(string member, params string[] lines) => Op.Of(900, EqualTables.Call, 0, 10) with { Member = member, Elements = lines };
}
