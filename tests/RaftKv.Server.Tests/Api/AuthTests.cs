using RaftKv.Protocol.Auth;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Server.Api;
using RaftKv.Server.Passwords;
using RaftKv.Server.Replica;
using RaftKv.Storage.State.Commands;
using static RaftKv.Server.Tests.Api.ApiHost;
using Permission = RaftKv.Protocol.Auth.Permission;

namespace RaftKv.Server.Tests.Api;

/// <summary>Users and roles over a real connection, and turning authentication on where it can be.</summary>
public sealed class AuthTests : IAsyncLifetime
{
    private static readonly ApiOptions Cheap = new() { PasswordCost = Bcrypt.MinCost };

    private ApiHost _api = null!;

    public async ValueTask InitializeAsync() => _api = await ApiHost.StartAsync(Cheap);

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    [Fact]
    public async Task Authentication_is_off_to_begin_with()
    {
        var status = await _api.CallAsync<AuthStatusResponse>("Auth/AuthStatus", new AuthStatusRequest());

        Assert.Equal(new AuthStatusResponse { Header = Header(), AuthRevision = 1 }, status);
        Assert.Equal(
            new RpcStatus(RpcStatusCode.FailedPrecondition, "etcdserver: authentication is not enabled"),
            await _api.RefusedAsync("Auth/Authenticate", new AuthenticateRequest { Name = "root", Password = "p" }));
        Assert.Equal(new AuthDisableResponse { Header = Header() }, await _api.CallAsync<AuthDisableResponse>("Auth/AuthDisable", new AuthDisableRequest()));
    }

    [Fact]
    public async Task It_is_not_enabled_where_nobody_could_prove_who_they_are()
    {
        Assert.Equal(Status(9, "etcdserver: root user does not exist"), await _api.RefusedAsync("Auth/AuthEnable", new AuthEnableRequest()));
        await AddUserAsync("root");
        Assert.Equal(Status(9, "etcdserver: root user does not have root role"), await _api.RefusedAsync("Auth/AuthEnable", new AuthEnableRequest()));
        await GrantAsync("root", "root");

        Assert.Equal(ApiErrors.NoTokens, await _api.RefusedAsync("Auth/AuthEnable", new AuthEnableRequest()));
        Assert.False(_api.Member.Auth.IsEnabled);
        await _api.PutAsync("k");
    }

    [Fact]
    public async Task Users_are_added_listed_and_deleted()
    {
        await AddUserAsync("b");
        var added = await _api.CallAsync<AuthUserAddResponse>("Auth/UserAdd", new AuthUserAddRequest { Name = "a", Password = "" });

        Assert.Equal(new AuthUserAddResponse { Header = Header() }, added);
        Assert.Equal(["a", "b"], (await _api.CallAsync<AuthUserListResponse>("Auth/UserList", new AuthUserListRequest())).Users);
        Assert.Equal(
            new AuthUserGetResponse { Header = Header() },
            await _api.CallAsync<AuthUserGetResponse>("Auth/UserGet", new AuthUserGetRequest { Name = "a" }));
        Assert.Equal(3, _api.Member.Auth.Revision);

        await _api.CallAsync<AuthUserDeleteResponse>("Auth/UserDelete", new AuthUserDeleteRequest { Name = "a" });
        Assert.Equal(["b"], (await _api.CallAsync<AuthUserListResponse>("Auth/UserList", new AuthUserListRequest())).Users);
        Assert.Equal(4ul, (await _api.CallAsync<AuthStatusResponse>("Auth/AuthStatus", new AuthStatusRequest())).AuthRevision);
    }

    [Fact]
    public async Task Of_a_password_only_the_hash_is_proposed()
    {
        const string Password = "correct horse";
        await AddUserAsync("a", Password);
        var first = _api.Member.Auth.FindUser("a")!.PasswordHash;
        Assert.True(Bcrypt.IsRight("correct horse"u8, first.Span));

        await _api.CallAsync<AuthUserChangePasswordResponse>(
            "Auth/UserChangePassword", new AuthUserChangePasswordRequest { Name = "a", Password = "battery", HashedPassword = "no" });
        Assert.True(Bcrypt.IsRight("battery"u8, _api.Member.Auth.FindUser("a")!.PasswordHash.Span));
        Assert.All(_api.Member.Proposed, payload => Assert.Equal(-1, payload.AsSpan().IndexOf("correct horse"u8)));
        Assert.All(_api.Member.Proposed, payload => Assert.Equal(-1, payload.AsSpan().IndexOf("battery"u8)));
    }

    [Fact]
    public async Task A_user_may_have_no_password()
    {
        await _api.CallAsync<AuthUserAddResponse>(
            "Auth/UserAdd",
            new AuthUserAddRequest { Name = "cn", Password = "ignored", Options = new UserAddOptions { NoPassword = true } });
        await _api.CallAsync<AuthUserChangePasswordResponse>(
            "Auth/UserChangePassword", new AuthUserChangePasswordRequest { Name = "cn", Password = "p" });

        var user = _api.Member.Auth.FindUser("cn")!;
        Assert.True(user.HasNoPassword);
        Assert.True(user.PasswordHash.IsEmpty);
    }

    [Fact]
    public async Task Users_are_refused_in_their_words()
    {
        await AddUserAsync("a");

        Assert.Equal(Status(3, "etcdserver: user name is empty"), await _api.RefusedAsync("Auth/UserAdd", new AuthUserAddRequest { Password = "p" }));
        Assert.Equal(Status(9, "etcdserver: user name already exists"), await _api.RefusedAsync("Auth/UserAdd", new AuthUserAddRequest { Name = "a" }));
        Assert.Equal(Status(9, "etcdserver: user name not found"), await _api.RefusedAsync("Auth/UserGet", new AuthUserGetRequest { Name = "x" }));
        Assert.Equal(Status(9, "etcdserver: user name not found"), await _api.RefusedAsync("Auth/UserDelete", new AuthUserDeleteRequest { Name = "x" }));
        Assert.Equal(
            Status(9, "etcdserver: user name not found"),
            await _api.RefusedAsync("Auth/UserChangePassword", new AuthUserChangePasswordRequest { Name = "x", Password = "p" }));
        Assert.Equal(
            Status(9, "etcdserver: user name not found"),
            await _api.RefusedAsync("Auth/UserGrantRole", new AuthUserGrantRoleRequest { User = "x", Role = "r" }));
        Assert.Equal(
            Status(9, "etcdserver: role name not found"),
            await _api.RefusedAsync("Auth/UserGrantRole", new AuthUserGrantRoleRequest { User = "a", Role = "r" }));
        Assert.Equal(
            Status(9, "etcdserver: role is not granted to the user"),
            await _api.RefusedAsync("Auth/UserRevokeRole", new AuthUserRevokeRoleRequest { Name = "a", Role = "r" }));
        var tooLong = new string('x', 73);
        Assert.Equal(
            Status(2, "bcrypt: password length exceeds 72 bytes"),
            await _api.RefusedAsync("Auth/UserAdd", new AuthUserAddRequest { Name = "b", Password = tooLong }));
        Assert.Equal(
            Status(2, "bcrypt: password length exceeds 72 bytes"),
            await _api.RefusedAsync("Auth/UserChangePassword", new AuthUserChangePasswordRequest { Name = "a", Password = tooLong }));
    }

    [Fact]
    public async Task Roles_are_given_taken_and_lost_with_their_deletion()
    {
        await AddUserAsync("u");
        foreach (var role in (string[])["z", "a", "m"])
        {
            await _api.CallAsync<AuthRoleAddResponse>("Auth/RoleAdd", new AuthRoleAddRequest { Name = role });
            await GrantAsync("u", role);
        }

        Assert.Equal(["a", "m", "z"], (await _api.CallAsync<AuthRoleListResponse>("Auth/RoleList", new AuthRoleListRequest())).Roles);
        Assert.Equal(["a", "m", "z"], await RolesOfAsync("u"));
        await _api.CallAsync<AuthUserRevokeRoleResponse>("Auth/UserRevokeRole", new AuthUserRevokeRoleRequest { Name = "u", Role = "m" });
        await _api.CallAsync<AuthRoleDeleteResponse>("Auth/RoleDelete", new AuthRoleDeleteRequest { Role = "z" });
        Assert.Equal(["a"], await RolesOfAsync("u"));

        Assert.Equal(Status(3, "etcdserver: role name is empty"), await _api.RefusedAsync("Auth/RoleAdd", new AuthRoleAddRequest()));
        Assert.Equal(Status(9, "etcdserver: role name already exists"), await _api.RefusedAsync("Auth/RoleAdd", new AuthRoleAddRequest { Name = "a" }));
        Assert.Equal(Status(9, "etcdserver: role name not found"), await _api.RefusedAsync("Auth/RoleGet", new AuthRoleGetRequest { Role = "z" }));
        Assert.Equal(Status(9, "etcdserver: role name not found"), await _api.RefusedAsync("Auth/RoleDelete", new AuthRoleDeleteRequest { Role = "z" }));
    }

    [Fact]
    public async Task Permissions_are_granted_shown_in_order_and_revoked_to_the_byte()
    {
        await _api.CallAsync<AuthRoleAddResponse>("Auth/RoleAdd", new AuthRoleAddRequest { Name = "r" });
        var all = Perm(Permission.Types.Type.Readwrite, "k", "\0");
        var one = Perm(Permission.Types.Type.Read, "a");
        await AllowAsync("r", all);
        await AllowAsync("r", Perm(Permission.Types.Type.Write, "a"));
        await AllowAsync("r", one);

        var shown = await _api.CallAsync<AuthRoleGetResponse>("Auth/RoleGet", new AuthRoleGetRequest { Role = "r" });
        Assert.Equal(new AuthRoleGetResponse { Header = Header(), Perm = { one, all } }, shown);

        Assert.Equal(
            Status(9, "etcdserver: permission is not granted to the role"),
            await _api.RefusedAsync("Auth/RoleRevokePermission", new AuthRoleRevokePermissionRequest { Role = "r", Key = Bytes("k") }));
        await _api.CallAsync<AuthRoleRevokePermissionResponse>(
            "Auth/RoleRevokePermission", new AuthRoleRevokePermissionRequest { Role = "r", Key = Bytes("k"), RangeEnd = Bytes("\0") });
        Assert.Equal([one], (await _api.CallAsync<AuthRoleGetResponse>("Auth/RoleGet", new AuthRoleGetRequest { Role = "r" })).Perm);
    }

    [Fact]
    public async Task Permissions_are_refused_in_their_words()
    {
        await _api.CallAsync<AuthRoleAddResponse>("Auth/RoleAdd", new AuthRoleAddRequest { Name = "r" });
        Task<RpcStatus> Refused(string role, Permission? permission)
            => _api.RefusedAsync("Auth/RoleGrantPermission", new AuthRoleGrantPermissionRequest { Name = role, Perm = permission });

        Assert.Equal(Status(3, "etcdserver: permission not given"), await Refused("r", null));
        Assert.Equal(Status(3, "etcdserver: invalid auth management"), await Refused("r", Perm(Permission.Types.Type.Read, "")));
        Assert.Equal(Status(3, "etcdserver: invalid auth management"), await Refused("r", Perm(Permission.Types.Type.Read, "b", "a")));
        Assert.Equal(Status(9, "etcdserver: role name not found"), await Refused("x", Perm(Permission.Types.Type.Read, "b")));
        Assert.Equal(
            Status(9, "etcdserver: role name not found"),
            await _api.RefusedAsync("Auth/RoleRevokePermission", new AuthRoleRevokePermissionRequest { Role = "x", Key = Bytes("k") }));
    }

    [Fact]
    public async Task The_role_root_is_shown_as_everything()
    {
        await _api.CallAsync<AuthRoleAddResponse>("Auth/RoleAdd", new AuthRoleAddRequest { Name = "root" });

        var shown = await _api.CallAsync<AuthRoleGetResponse>("Auth/RoleGet", new AuthRoleGetRequest { Role = "root" });

        Assert.Equal([Perm(Permission.Types.Type.Readwrite, "", "\0")], shown.Perm);
    }

    [Fact]
    public async Task What_is_read_is_as_new_as_the_cluster()
    {
        var before = _api.Member.QuorumWaits;
        await _api.CallAsync<AuthUserListResponse>("Auth/UserList", new AuthUserListRequest());
        Assert.Equal(before + 1, _api.Member.QuorumWaits);
        _api.Member.Refusal = RequestRefusal.TimedOut;

        Assert.Equal(ApiErrors.Of(RequestRefusal.TimedOut), await _api.RefusedAsync("Auth/RoleList", new AuthRoleListRequest()));
        Assert.Equal(ApiErrors.Of(RequestRefusal.TimedOut), await _api.RefusedAsync("Auth/UserAdd", new AuthUserAddRequest { Name = "a" }));
    }

    [Fact]
    public async Task Once_it_is_on_only_root_manages_and_root_is_protected()
    {
        await using var api = await ApiHost.StartAsync(Cheap, new NamedCallers());
        (string, string) root = ("token", "root"), user = ("token", "u"), ghost = ("token", "ghost");
        foreach (var name in (string[])["root", "u"])
        {
            await api.CallAsync<AuthUserAddResponse>("Auth/UserAdd", new AuthUserAddRequest { Name = name, Password = name + "s" });
        }

        await api.CallAsync<AuthRoleAddResponse>("Auth/RoleAdd", new AuthRoleAddRequest { Name = "r" });
        await api.CallAsync<AuthUserGrantRoleResponse>("Auth/UserGrantRole", new AuthUserGrantRoleRequest { User = "u", Role = "r" });
        await api.CallAsync<AuthUserGrantRoleResponse>("Auth/UserGrantRole", new AuthUserGrantRoleRequest { User = "root", Role = "root" });
        var revision = api.Member.Auth.Revision;
        await api.CallAsync<AuthEnableResponse>("Auth/AuthEnable", new AuthEnableRequest());
        await api.CallAsync<AuthEnableResponse>("Auth/AuthEnable", new AuthEnableRequest(), root);
        Assert.Equal((true, revision), (api.Member.Auth.IsEnabled, api.Member.Auth.Revision));

        Assert.Equal(Status(3, "etcdserver: user name is empty"), await api.RefusedAsync("Auth/UserList", new AuthUserListRequest()));
        Assert.Equal(Status(3, "etcdserver: user name is empty"), await api.RefusedAsync("Auth/AuthDisable", new AuthDisableRequest()));
        Assert.Equal(Status(3, "etcdserver: user name is empty"), await api.RefusedAsync("Auth/UserGet", new AuthUserGetRequest()));
        Assert.Equal(Status(7, "etcdserver: permission denied"), await api.RefusedAsync("Auth/RoleList", new AuthRoleListRequest(), user));
        Assert.Equal(Status(7, "etcdserver: permission denied"), await api.RefusedAsync("Auth/AuthStatus", new AuthStatusRequest(), user));
        Assert.Equal(Status(9, "etcdserver: user name not found"), await api.RefusedAsync("Auth/UserList", new AuthUserListRequest(), ghost));
        Assert.Equal(Status(7, "etcdserver: permission denied"), await api.RefusedAsync("Auth/UserAdd", new AuthUserAddRequest { Name = "x" }, user));
        Assert.Equal(Status(7, "etcdserver: permission denied"), await api.RefusedAsync("Auth/UserGet", new AuthUserGetRequest { Name = "root" }, user));
        Assert.Equal(Status(7, "etcdserver: permission denied"), await api.RefusedAsync("Auth/RoleGet", new AuthRoleGetRequest { Role = "root" }, user));
        Assert.Equal(
            ["r"], (await api.CallAsync<AuthUserGetResponse>("Auth/UserGet", new AuthUserGetRequest { Name = "u" }, user)).Roles);
        Assert.Empty((await api.CallAsync<AuthRoleGetResponse>("Auth/RoleGet", new AuthRoleGetRequest { Role = "r" }, user)).Perm);

        Assert.True((await api.CallAsync<AuthStatusResponse>("Auth/AuthStatus", new AuthStatusRequest(), root)).Enabled);
        Assert.Equal(
            Status(3, "etcdserver: invalid auth management"),
            await api.RefusedAsync("Auth/UserDelete", new AuthUserDeleteRequest { Name = "root" }, root));
        Assert.Equal(
            Status(3, "etcdserver: invalid auth management"),
            await api.RefusedAsync("Auth/UserRevokeRole", new AuthUserRevokeRoleRequest { Name = "root", Role = "root" }, root));
        await api.CallAsync<AuthUserAddResponse>("Auth/UserAdd", new AuthUserAddRequest { Name = "x" }, root);

        await api.CallAsync<AuthDisableResponse>("Auth/AuthDisable", new AuthDisableRequest(), root);
        Assert.Equal((false, revision + 2), (api.Member.Auth.IsEnabled, api.Member.Auth.Revision));
    }

    [Fact]
    public async Task A_wrong_password_and_a_wrong_name_are_the_same_to_a_guesser()
    {
        await AddUserAsync("root", "right");
        await GrantAsync("root", "root");
        await _api.CallAsync<AuthUserAddResponse>(
            "Auth/UserAdd", new AuthUserAddRequest { Name = "cn", Options = new UserAddOptions { NoPassword = true } });
        _api.Member.Propose(default(AuthEnableCommand));
        Task<RpcStatus> Authenticate(string name, string password)
            => _api.RefusedAsync("Auth/Authenticate", new AuthenticateRequest { Name = name, Password = password });

        var refused = Status(3, "etcdserver: authentication failed, invalid user ID or password");
        Assert.Equal(refused, await Authenticate("root", "wrong"));
        Assert.Equal(refused, await Authenticate("nobody", "wrong"));
        Assert.Equal(refused, await Authenticate("", ""));
        Assert.Equal(
            Status(2, "auth: authentication failed, password was given for no password user"), await Authenticate("cn", "wrong"));
        Assert.Equal(ApiErrors.NoTokens, await Authenticate("root", "right"));
    }

    private static ResponseHeader Header() => new() { ClusterId = 0xc1, MemberId = LoneMember.Id.Value, Revision = 1, RaftTerm = 3 };

    private static RpcStatus Status(int code, string text) => new((RpcStatusCode)code, text);

    private static Permission Perm(Permission.Types.Type type, string key, string rangeEnd = "")
        => new() { PermType = type, Key = Bytes(key), RangeEnd = Bytes(rangeEnd) };

    private Task<AuthUserAddResponse> AddUserAsync(string name, string password = "p")
        => _api.CallAsync<AuthUserAddResponse>("Auth/UserAdd", new AuthUserAddRequest { Name = name, Password = password });

    private Task<AuthUserGrantRoleResponse> GrantAsync(string user, string role)
        => _api.CallAsync<AuthUserGrantRoleResponse>("Auth/UserGrantRole", new AuthUserGrantRoleRequest { User = user, Role = role });

    private Task<AuthRoleGrantPermissionResponse> AllowAsync(string role, Permission permission)
        => _api.CallAsync<AuthRoleGrantPermissionResponse>(
            "Auth/RoleGrantPermission", new AuthRoleGrantPermissionRequest { Name = role, Perm = permission });

    private async Task<IEnumerable<string>> RolesOfAsync(string user)
        => (await _api.CallAsync<AuthUserGetResponse>("Auth/UserGet", new AuthUserGetRequest { Name = user })).Roles;
}
