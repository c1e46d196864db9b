using System.Text;
using RaftKv.Raft;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Commands;

namespace RaftKv.Storage.Tests.State;

public sealed class AuthTableTests
{
    private static readonly byte[] Hash = [1, 2, 3];

    private static readonly Caller Nobody = Caller.Nobody;

    private static readonly Caller Root = new("root", 1);

    public static TheoryData<ulong> Seeds => [.. Enumerable.Range(1, 40).Select(seed => (ulong)seed)];

    [Fact]
    public void Enabling_needs_the_user_root_with_the_role_root()
    {
        var table = new AuthTable();
        Assert.Equal(StateError.RootUserNotFound, table.Apply(new AuthEnableCommand()));
        table.Apply(new UserAddCommand(Nobody, "root", Hash, false));
        Assert.Equal(StateError.RootRoleNotGranted, table.Apply(new AuthEnableCommand()));
        Assert.Equal(StateError.None, table.Apply(new UserGrantRoleCommand(Nobody, "root", "root")));
        Assert.Equal(3, table.View.Revision);
        Assert.Equal(StateError.None, table.Apply(new AuthEnableCommand()));
        Assert.Equal(StateError.None, table.Apply(new AuthEnableCommand()));
        Assert.True(table.View.IsEnabled);
        Assert.Equal(3, table.View.Revision);
    }

    [Fact]
    public void Disabling_counts_the_revision_up_once()
    {
        var table = Enabled();
        var before = table.View.Revision;
        Assert.Equal(StateError.UserEmpty, table.Apply(new AuthDisableCommand(Nobody)));
        Assert.Equal(StateError.PermissionDenied, table.Apply(new AuthDisableCommand(new Caller("anna", before))));
        Assert.Equal(StateError.None, table.Apply(new AuthDisableCommand(Root)));
        Assert.Equal(StateError.None, table.Apply(new AuthDisableCommand(Nobody)));
        Assert.Equal((false, before + 1), (table.View.IsEnabled, table.View.Revision));
    }

    [Fact]
    public void Users_are_added_changed_and_deleted()
    {
        var table = new AuthTable();
        Assert.Equal(StateError.UserEmpty, table.Apply(new UserAddCommand(Nobody, "", Hash, false)));
        Assert.Equal(StateError.None, table.Apply(new UserAddCommand(Nobody, "anna", Hash, false)));
        Assert.Equal(StateError.UserExists, table.Apply(new UserAddCommand(Nobody, "anna", Hash, false)));
        Assert.Equal(StateError.UserNotFound, table.Apply(new UserChangePasswordCommand(Nobody, "bert", Hash)));
        Assert.Equal(StateError.None, table.Apply(new UserChangePasswordCommand(Nobody, "anna", new byte[] { 9 })));
        Assert.Equal([9], table.View.FindUser("anna")!.PasswordHash.ToArray());
        Assert.Equal(StateError.UserNotFound, table.Apply(new UserDeleteCommand(Nobody, "bert")));
        Assert.Equal(StateError.None, table.Apply(new UserDeleteCommand(Nobody, "anna")));
        Assert.Null(table.View.FindUser("anna"));
        Assert.Equal(4, table.View.Revision);
    }

    [Fact]
    public void Who_has_no_password_is_not_given_one()
    {
        var table = Enabled();
        Assert.Equal(StateError.None, table.Apply(new UserAddCommand(Root, "cert", Hash, true)));
        var before = table.View.Revision;
        Assert.Equal(StateError.None, table.Apply(new UserChangePasswordCommand(Root, "cert", Hash)));
        Assert.Equal(before + 1, table.View.Revision);
        Assert.Equal(0, table.View.FindUser("cert")!.PasswordHash.Length);
        Assert.Equal(StateError.NoPasswordUser, table.View.FindForPassword("cert", out _));
    }

    [Fact]
    public void Roles_are_granted_and_revoked()
    {
        var table = new AuthTable();
        Assert.Equal(StateError.UserNotFound, table.Apply(new UserGrantRoleCommand(Nobody, "anna", "nothing")));
        table.Apply(new UserAddCommand(Nobody, "anna", Hash, false));
        Assert.Equal(StateError.RoleNotFound, table.Apply(new UserGrantRoleCommand(Nobody, "anna", "nothing")));
        foreach (var role in (string[])["z", "a", "\U00010000", "\uffff"])
        {
            Assert.Equal(StateError.None, table.Apply(new RoleAddCommand(Nobody, role)));
            Assert.Equal(StateError.None, table.Apply(new UserGrantRoleCommand(Nobody, "anna", role)));
        }

        Assert.Equal(["a", "z", "\uffff", "\U00010000"], table.View.FindUser("anna")!.Roles);
        Assert.Equal(["a", "z", "\uffff", "\U00010000"], table.View.Roles.Select(role => role.Name));
        Assert.Equal(StateError.None, table.Apply(new UserRevokeRoleCommand(Nobody, "anna", "a")));
        Assert.Equal(StateError.RoleNotGranted, table.Apply(new UserRevokeRoleCommand(Nobody, "anna", "a")));
        Assert.Equal(StateError.UserNotFound, table.Apply(new UserRevokeRoleCommand(Nobody, "bert", "a")));
    }

    [Fact]
    public void A_role_that_is_granted_again_is_no_change()
    {
        var table = new AuthTable();
        table.Apply(new UserAddCommand(Nobody, "anna", Hash, false));
        table.Apply(new UserGrantRoleCommand(Nobody, "anna", "root"));
        Assert.Equal(3, table.View.Revision);
        Assert.Equal(StateError.None, table.Apply(new UserGrantRoleCommand(Nobody, "anna", "root")));
        Assert.Equal(3, table.View.Revision);
    }

    [Fact]
    public void A_deleted_role_is_taken_from_everybody_in_one_change()
    {
        var table = new AuthTable();
        Assert.Equal(StateError.RoleEmpty, table.Apply(new RoleAddCommand(Nobody, "")));
        Assert.Equal(StateError.None, table.Apply(new RoleAddCommand(Nobody, "r")));
        Assert.Equal(StateError.RoleExists, table.Apply(new RoleAddCommand(Nobody, "r")));
        foreach (var user in (string[])["anna", "bert"])
        {
            table.Apply(new UserAddCommand(Nobody, user, Hash, false));
            table.Apply(new UserGrantRoleCommand(Nobody, user, "r"));
        }

        var before = table.View.Revision;
        Assert.Equal(StateError.RoleNotFound, table.Apply(new RoleDeleteCommand(Nobody, "s")));
        Assert.Equal(StateError.None, table.Apply(new RoleDeleteCommand(Nobody, "r")));
        Assert.All(table.View.Users, user => Assert.Empty(user.Roles));
        Assert.Equal(before + 1, table.View.Revision);
    }

    [Fact]
    public void Root_cannot_be_weakened_while_authentication_is_on()
    {
        var table = Enabled();
        Assert.Equal(StateError.InvalidAuthManagement, table.Apply(new UserDeleteCommand(Root, "root")));
        Assert.Equal(StateError.InvalidAuthManagement, table.Apply(new RoleDeleteCommand(Root, "root")));
        Assert.Equal(StateError.InvalidAuthManagement, table.Apply(new UserRevokeRoleCommand(Root, "root", "root")));
        table.Apply(new AuthDisableCommand(Root));
        Assert.Equal(StateError.RoleNotFound, table.Apply(new RoleDeleteCommand(Nobody, "root")));
        Assert.Equal(StateError.None, table.Apply(new UserRevokeRoleCommand(Nobody, "root", "root")));
        Assert.Equal(StateError.None, table.Apply(new UserDeleteCommand(Nobody, "root")));
    }

    [Fact]
    public void Permissions_are_granted_in_order_and_replaced_by_pair()
    {
        var table = new AuthTable();
        Assert.Equal(StateError.PermissionNotGiven, table.Apply(new RoleGrantPermissionCommand(Nobody, "r", null)));
        Assert.Equal(StateError.InvalidAuthManagement, table.Apply(new RoleGrantPermissionCommand(Nobody, "r", Perm(PermissionKind.Read, "", "b"))));
        Assert.Equal(StateError.InvalidAuthManagement, table.Apply(new RoleGrantPermissionCommand(Nobody, "r", Perm(PermissionKind.Read, "b", "b"))));
        Assert.Equal(StateError.RoleNotFound, table.Apply(new RoleGrantPermissionCommand(Nobody, "r", Perm(PermissionKind.Read, "a", "b"))));
        table.Apply(new RoleAddCommand(Nobody, "r"));
        foreach (var (kind, key, end) in ((PermissionKind, string, string)[])
        [
            (PermissionKind.Read, "b", ""), (PermissionKind.Read, "a", "c"), (PermissionKind.Write, "a", "b"),
            (PermissionKind.Read, "a", "\0"), (PermissionKind.ReadWrite, "a", "c"),
        ])
        {
            Assert.Equal(StateError.None, table.Apply(new RoleGrantPermissionCommand(Nobody, "r", Perm(kind, key, end))));
        }

        Assert.Equal(
            [Perm(PermissionKind.Read, "a", "\0"), Perm(PermissionKind.Write, "a", "b"), Perm(PermissionKind.ReadWrite, "a", "c"), Perm(PermissionKind.Read, "b", "")],
            table.View.PermissionsOf("r"));
        Assert.Equal(StateError.RoleNotFound, table.Apply(new RoleRevokePermissionCommand(Nobody, "s", Bytes("a"), Bytes("c"))));
        Assert.Equal(StateError.PermissionNotGranted, table.Apply(new RoleRevokePermissionCommand(Nobody, "r", Bytes("a"), Bytes(""))));
        Assert.Equal(StateError.None, table.Apply(new RoleRevokePermissionCommand(Nobody, "r", Bytes("a"), Bytes("c"))));
        Assert.Equal(StateError.PermissionNotGranted, table.Apply(new RoleRevokePermissionCommand(Nobody, "r", Bytes("a"), Bytes("c"))));
    }

    [Fact]
    public void Every_change_needs_root_first_of_all_while_authentication_is_on()
    {
        // What is asked for is wrong in every case, but who asks comes first.
        var table = Enabled();
        var before = TableBytes.HexOf(table.WriteTo);
        foreach (var (caller, error) in ((Caller, StateError)[])
        [
            (Nobody, StateError.UserEmpty),
            (new Caller("gone", 99), StateError.UserNotFound),
            (new Caller("anna", 99), StateError.PermissionDenied),
        ])
        {
            Assert.Equal(error, table.Apply(new UserAddCommand(caller, "", Hash, false)));
            Assert.Equal(error, table.Apply(new UserDeleteCommand(caller, "root")));
            Assert.Equal(error, table.Apply(new UserChangePasswordCommand(caller, "nobody", Hash)));
            Assert.Equal(error, table.Apply(new UserGrantRoleCommand(caller, "nobody", "")));
            Assert.Equal(error, table.Apply(new UserRevokeRoleCommand(caller, "root", "root")));
            Assert.Equal(error, table.Apply(new RoleAddCommand(caller, "")));
            Assert.Equal(error, table.Apply(new RoleDeleteCommand(caller, "root")));
            Assert.Equal(error, table.Apply(new RoleGrantPermissionCommand(caller, "nothing", null)));
            Assert.Equal(error, table.Apply(new RoleRevokePermissionCommand(caller, "nothing", Bytes("a"), default)));
        }

        Assert.Equal(before, TableBytes.HexOf(table.WriteTo));
    }

    [Fact]
    public void A_password_is_looked_for_in_the_order_of_the_complaints()
    {
        var table = new AuthTable();
        Assert.Equal(StateError.AuthNotEnabled, table.View.FindForPassword("anna", out _));
        Assert.Equal(StateError.AuthNotEnabled, table.Apply(new AuthenticateCommand("anna", "t", 1)));

        table = Enabled();
        Assert.Equal(StateError.AuthFailed, table.View.FindForPassword("bert", out _));
        Assert.Equal(StateError.None, table.View.FindForPassword("anna", out var anna));
        Assert.Equal(Hash, anna!.PasswordHash.ToArray());

        // Between the comparison and the entry the password may have changed.
        var before = table.View.Revision;
        Assert.Equal(StateError.None, table.Apply(new AuthenticateCommand("anna", "t", before)));
        table.Apply(new UserChangePasswordCommand(Root, "anna", Hash));
        Assert.Equal(StateError.AuthOldRevision, table.Apply(new AuthenticateCommand("anna", "t", before)));
        Assert.Equal(StateError.AuthFailed, table.Apply(new AuthenticateCommand("bert", "t", before)));
    }

    [Fact]
    public void Credentials_come_before_age_and_age_before_rights()
    {
        var table = new AuthTable();
        var range = KeyRange.Exactly(Bytes("x"));
        Assert.Equal(StateError.None, table.View.Check(Nobody, Access.Read, range));

        table = Enabled();
        var now = table.View.Revision;
        Assert.Equal(StateError.UserEmpty, table.View.Check(Nobody, Access.Read, range));
        Assert.Equal(StateError.AuthOldRevision, table.View.Check(new Caller("gone", now - 1), Access.Read, range));
        Assert.Equal(StateError.PermissionDenied, table.View.Check(new Caller("gone", now), Access.Read, range));
        Assert.Equal(StateError.PermissionDenied, table.View.Check(new Caller("anna", now), Access.Read, range));
        Assert.Equal(StateError.None, table.View.Check(new Caller("anna", now), Access.Read, KeyRange.Of(Bytes("a"), Bytes("c"))));
        Assert.Equal(StateError.None, table.View.Check(new Caller("anna", now), Access.Read, "abc"u8));
        Assert.Equal(StateError.PermissionDenied, table.View.Check(new Caller("anna", now), Access.Write, "abc"u8));
        Assert.Equal(StateError.None, table.View.Check(new Caller("root", now), Access.Write, KeyRange.All));
        Assert.Equal(StateError.None, table.View.CheckRoot(new Caller("root", 1)));
        Assert.Equal(StateError.None, table.View.CheckCredential(new Caller("anna", now)));
    }

    [Fact]
    public void The_role_root_is_shown_with_one_permission_for_everything()
    {
        var table = new AuthTable();
        Assert.Null(table.View.PermissionsOf("root"));
        table.Apply(new RoleAddCommand(Nobody, "root"));
        Assert.Equal([new Permission(PermissionKind.ReadWrite, default, new byte[] { 0 })], table.View.PermissionsOf("root"));
    }

    [Fact]
    public void A_view_stays_as_it_was()
    {
        var table = Enabled();
        var before = table.View;
        Assert.True(before.Allows("anna", Access.Read, "a"u8));
        table.Apply(new RoleRevokePermissionCommand(Root, "reader", Bytes("a"), Bytes("c")));
        Assert.True(before.Allows("anna", Access.Read, "a"u8));
        Assert.False(table.View.Allows("anna", Access.Read, "a"u8));
    }

    [Fact]
    public void Its_bytes_are_golden()
    {
        Assert.Equal("0100020000", TableBytes.HexOf(new AuthTable().WriteTo));
        Assert.Equal(
            "01" + "01" + "0e" + "02"
            + "04616e6e61" + "03010203" + "00" + "01" + "06726561646572"
            + "04726f6f74" + "00" + "01" + "01" + "04726f6f74"
            + "01"
            + "06726561646572" + "01" + "00" + "0161" + "0163",
            TableBytes.HexOf(Enabled().WriteTo));
    }

    [Fact]
    public void Damage_is_named()
        => TableBytes.AssertDamageIsNamed(TableBytes.Of(Enabled().WriteTo), bytes => TableBytes.Of(AuthTable.ReadFrom(bytes).WriteTo));

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Behaves_as_the_model_does(ulong seed)
    {
        var chance = new Chance(seed);
        var table = new AuthTable();
        var model = new NaiveAuth();
        string[] names = ["root", "anna", "bert", "", "é"];
        for (var step = 0; step < 1_500; step++)
        {
            var caller = chance.Below(6) switch
            {
                0 => Nobody,
                1 => new Caller(chance.Pick<string>(names), chance.Between(0L, 400)),
                _ => Root,
            };
            var user = chance.Pick<string>(names);
            var role = chance.Pick<string>(names);
            var key = Bytes(chance.Pick<string>(["", "a", "b", "c", "d"]));
            var end = Bytes(chance.Pick<string>(["", "\0", "b", "c", "e"]));
            var kind = (PermissionKind)chance.Below(4);
            var (said, expected) = chance.Below(24) switch
            {
                0 => (table.Apply(new AuthEnableCommand()), model.Enable()),
                1 when chance.Happens(1, 8) => (table.Apply(new AuthDisableCommand(caller)), model.Disable(caller)),
                2 => (table.Apply(new UserDeleteCommand(caller, user)), model.DeleteUser(caller, user)),
                3 => (table.Apply(new RoleDeleteCommand(caller, role)), model.DeleteRole(caller, role)),
                4 => (table.Apply(new UserRevokeRoleCommand(caller, user, role)), model.RevokeRole(caller, user, role)),
                5 or 6 => (table.Apply(new RoleRevokePermissionCommand(caller, role, key, end)), model.RevokePermission(caller, role, key, end)),
                7 => (table.Apply(new UserChangePasswordCommand(caller, user, Hash)), model.ChangePassword(caller, user)),
                8 or 9 or 10 => (table.Apply(new UserAddCommand(caller, user, Hash, chance.CoinToss())), model.AddUser(caller, user)),
                11 or 12 or 13 => (table.Apply(new RoleAddCommand(caller, role)), model.AddRole(caller, role)),
                14 or 15 or 16 => (table.Apply(new UserGrantRoleCommand(caller, user, role)), model.GrantRole(caller, user, role)),
                _ => (table.Apply(new RoleGrantPermissionCommand(caller, role, new Permission(kind, key, end))), model.GrantPermission(caller, role, kind, key, end)),
            };
            Assert.True(expected == said, $"seed {seed} step {step}: {said} instead of {expected}");
            Assert.Equal((model.IsEnabled, model.Revision), (table.View.IsEnabled, table.View.Revision));
            Assert.Equal(model.Users.Select(pair => $"{pair.Key}: {string.Join(' ', pair.Value)}"), table.View.Users.Select(one => $"{one.Name}: {string.Join(' ', one.Roles)}"));

            foreach (var probe in names)
            {
                var range = KeyRange.Of(Bytes(chance.Pick<string>(["a", "aa", "b", "c", "d"])), Bytes(chance.Pick<string>(["", "\0", "b", "bb", "e"])));
                var access = chance.CoinToss() ? Access.Read : Access.Write;
                Assert.True(model.Allows(probe, access, range) == table.View.Allows(probe, access, range), $"seed {seed} step {step}: {probe} {access} {range}");
            }

            if (step % 50 == 0)
            {
                table = AuthTable.ReadFrom(TableBytes.Of(table.WriteTo));
            }
        }
    }

    private static AuthTable Enabled()
    {
        var table = new AuthTable();
        table.Apply(new UserAddCommand(Nobody, "root", default, true));
        table.Apply(new UserGrantRoleCommand(Nobody, "root", "root"));
        table.Apply(new UserAddCommand(Nobody, "anna", Hash, false));
        table.Apply(new RoleAddCommand(Nobody, "reader"));
        table.Apply(new RoleGrantPermissionCommand(Nobody, "reader", Perm(PermissionKind.Read, "a", "c")));
        table.Apply(new UserGrantRoleCommand(Nobody, "anna", "reader"));
        Assert.Equal(StateError.None, table.Apply(new AuthEnableCommand()));
        return table;
    }

    private static Permission Perm(PermissionKind kind, string key, string end) => new(kind, Bytes(key), Bytes(end));

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
