using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Server.Tests.Hosting;
using RaftKv.Server.Tokens;
using RaftKv.Storage.State;
using Type = RaftKv.Protocol.Auth.Permission.Types.Type;

namespace RaftKv.Server.Tests.Tokens;

/// <summary>Simple tokens, as members remember them.</summary>
public sealed class SimpleTokenTests
{
    private static readonly RpcStatus Invalid = new(RpcStatusCode.Unauthenticated, "etcdserver: invalid auth token");
    private static readonly RpcStatus Denied = new(RpcStatusCode.PermissionDenied, "etcdserver: permission denied");
    private static readonly RpcStatus Nobody = new(RpcStatusCode.InvalidArgument, "etcdserver: user name is empty");

    [Fact]
    public async Task A_token_of_one_member_is_good_at_all_of_them_at_once()
    {
        await using var cluster = await StartAsync(3);
        await using var first = cluster[0].OpenChannel();
        await using var second = cluster[1].OpenChannel();
        await using var third = cluster[2].OpenChannel();
        var root = await new Account(first).EnableAsync();
        Assert.Matches("^[a-zA-Z]{16}\\.[0-9]+$", root.Token!);
        for (var i = 0; i < 5; i++)
        {
            var again = await new Account(first).SignInAsync("root", "secret");
            Assert.NotEqual(root.Token, again.Token);
            Assert.Equal(RpcStatus.Ok, await again.At(second).PutAsync("k"));
            Assert.Equal(RpcStatus.Ok, await again.At(third).StatusAsync("KV/Range", new RangeRequest { Key = Account.Bytes("k"), Serializable = true }));
        }

        Assert.Equal(Nobody, await new Account(third).GetAsync("k"));
    }

    [Fact]
    public async Task Only_tokens_that_were_given_are_good()
    {
        await using var cluster = await StartAsync(1);
        await using var channel = cluster[0].OpenChannel();
        var anybody = new Account(channel);
        Assert.Equal(
            new RpcStatus(RpcStatusCode.FailedPrecondition, "etcdserver: authentication is not enabled"),
            await anybody.StatusAsync("Auth/Authenticate", new AuthenticateRequest { Name = "root", Password = "secret" }));
        Assert.Equal(RpcStatus.Ok, await new Account(channel, "any").GetAsync("k")); // As long as nobody looks at them.
        var root = await anybody.EnableAsync();

        var letters = root.Token!.Split('.')[0];
        foreach (var wrong in (string[])["any", "", ".", letters, letters + ".", letters + ".1", letters + ".99999999999999999999", "AAAAAAAAAAAAAAAA.7", root.Token + "0", "Bearer "])
        {
            Assert.Equal(Invalid, await new Account(channel, wrong).GetAsync("k"));
        }

        Assert.Equal(Invalid, await new Account(channel, letters + ".123456789").PutAsync("k"));
        Assert.Equal(RpcStatus.Ok, await new Account(channel, "Bearer " + root.Token).GetAsync("k"));
        Assert.Equal(RpcStatus.Ok, await new Account(channel, root.Token, "authorization").GetAsync("k"));
        Assert.Equal(RpcStatus.Ok, await new Account(channel, "Bearer " + root.Token, "authorization").GetAsync("k"));
    }

    [Fact]
    public async Task Who_is_deleted_or_given_another_password_has_lost_his_tokens_and_nobody_else()
    {
        await using var cluster = await StartAsync(1);
        await using var channel = cluster[0].OpenChannel();
        var anybody = new Account(channel);
        await anybody.AddUserAsync("alice", "a");
        await anybody.AddUserAsync("bob", "b");
        await anybody.AllowAsync("alice", Type.Readwrite, "a");
        await anybody.AllowAsync("bob", Type.Readwrite, "b");
        var root = await anybody.EnableAsync();
        var alice = await anybody.SignInAsync("alice", "a");
        var bob = await anybody.SignInAsync("bob", "b");
        Assert.Equal(RpcStatus.Ok, await alice.PutAsync("a"));

        // The same password, and not the same hash.
        await root.CallAsync<AuthUserChangePasswordResponse>("Auth/UserChangePassword", new AuthUserChangePasswordRequest { Name = "alice", Password = "a" });
        Assert.Equal(Invalid, await alice.PutAsync("a"));
        Assert.Equal(RpcStatus.Ok, await bob.PutAsync("b"));
        await root.CallAsync<AuthUserDeleteResponse>("Auth/UserDelete", new AuthUserDeleteRequest { Name = "bob" });
        Assert.Equal(Invalid, await bob.PutAsync("b"));
        await root.AddUserAsync("bob", "b");
        Assert.Equal(Invalid, await bob.PutAsync("b"));
        Assert.Equal(RpcStatus.Ok, await (await anybody.SignInAsync("alice", "a")).PutAsync("a"));
    }

    [Fact]
    public async Task Rights_that_are_changed_count_at_once_for_tokens_that_are_there()
    {
        await using var cluster = await StartAsync(1);
        await using var channel = cluster[0].OpenChannel();
        var anybody = new Account(channel);
        await anybody.AddUserAsync("alice", "a");
        var root = await anybody.EnableAsync();
        var alice = await anybody.SignInAsync("alice", "a");
        Assert.Equal(Denied, await alice.PutAsync("k"));
        await root.AllowAsync("alice", Type.Write, "k");
        Assert.Equal(RpcStatus.Ok, await alice.PutAsync("k"));
        Assert.Equal(Denied, await alice.GetAsync("k"));
        await root.CallAsync<AuthUserRevokeRoleResponse>("Auth/UserRevokeRole", new AuthUserRevokeRoleRequest { Name = "alice", Role = "alice-role" });
        Assert.Equal(Denied, await alice.PutAsync("k"));
    }

    [Fact]
    public async Task Turning_authentication_off_ends_all_tokens()
    {
        await using var cluster = await StartAsync(1);
        await using var channel = cluster[0].OpenChannel();
        var anybody = new Account(channel);
        var root = await anybody.EnableAsync();
        await root.CallAsync<AuthDisableResponse>("Auth/AuthDisable", new AuthDisableRequest());
        Assert.Equal(RpcStatus.Ok, await anybody.GetAsync("k"));
        await anybody.CallAsync<AuthEnableResponse>("Auth/AuthEnable", new AuthEnableRequest());
        Assert.Equal(Invalid, await root.GetAsync("k"));
        Assert.Equal(RpcStatus.Ok, await (await anybody.SignInAsync("root", "secret")).GetAsync("k"));
    }

    [Fact]
    public async Task Passwords_are_looked_at_again_if_users_have_changed_meanwhile()
    {
        await using var cluster = await StartAsync(1);
        await using var channel = cluster[0].OpenChannel();
        var anybody = new Account(channel);
        var root = await anybody.EnableAsync();
        var changing = Task.Run(
            async () =>
            {
                for (var i = 0; i < 50; i++)
                {
                    await root.CallAsync<AuthRoleAddResponse>("Auth/RoleAdd", new AuthRoleAddRequest { Name = $"r{i}" });
                }
            },
            TestContext.Current.CancellationToken);
        do
        {
            Assert.Equal(RpcStatus.Ok, await (await anybody.SignInAsync("root", "secret")).GetAsync("k"));
        }
        while (!changing.IsCompleted);

        await changing;
    }

    [Fact]
    public void A_token_that_is_used_lives_on_and_others_are_forgotten()
    {
        var time = new ManualTime();
        var table = new TokenTable(time, TimeSpan.FromSeconds(300));
        var auth = new AuthTable();
        auth.Apply(new Storage.State.Commands.UserAddCommand(Caller.Nobody, "alice", new byte[] { 1, 2, 3 }, HasNoPassword: false));
        var alice = auth.View.FindUser("alice")!;
        table.Remember(alice, "used");
        table.Remember(alice, "left");
        for (var i = 0; i < 3; i++)
        {
            time.Advance(TimeSpan.FromSeconds(299));
            Assert.Equal("alice", table.Find("used", auth.View));
        }

        Assert.Null(table.Find("left", auth.View));
        Assert.Null(table.Find("other", auth.View));
        time.Advance(TimeSpan.FromSeconds(300));
        Assert.Null(table.Find("used", auth.View));

        for (var i = 0; i < 10; i++)
        {
            table.Remember(alice, $"t{i}");
        }

        time.Advance(TimeSpan.FromSeconds(300));
        table.Remember(alice, "last");
        Assert.Equal(1, table.Count);
    }

    internal static Task<SmallCluster> StartAsync(int members, Func<RaftKvOptions, RaftKvOptions>? change = null)
        => SmallCluster.StartAsync(members, options => (change ?? (one => one))(options with { PasswordCost = 4 }));
}
