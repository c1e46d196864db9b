namespace RaftKv.Cli.Tests.Commands.Terminals;

/// <summary>Commands that ask, and are answered by somebody who types.</summary>
public sealed class TerminalTests : MemberTests
{
    private string Endpoint => Store.Members[0].Client.Authority;

    public override ValueTask InitializeAsync()
    {
        Terminal.SkipWithout();
        return base.InitializeAsync();
    }

    [Fact]
    public async Task A_transaction_is_asked_for_list_by_list()
    {
        await RunAsync("put", "a", "1");
        await using var txn = Terminal.Open(Endpoint, "txn", "--interactive");
        await txn.SeesAsync("compares:");
        await txn.EnterAsync("value(\"a\") = \"1\"");
        await txn.EnterAsync("");
        await txn.SeesAsync("success requests (get, put, del):");
        await txn.EnterAsync("put a 2");
        await txn.EnterAsync("get a");
        await txn.EnterAsync("");
        await txn.SeesAsync("failure requests (get, put, del):");
        await txn.EnterAsync("del a");
        await txn.EnterAsync("");
        await txn.SeesAsync("SUCCESS\r\n\r\nOK\r\n\r\na\r\n2\r\n");
        Assert.Equal(0, await txn.EndsAsync());
    }

    [Fact]
    public async Task A_transaction_that_is_given_up_changes_nothing()
    {
        await using var txn = Terminal.Open(Endpoint, "txn", "-i");
        await txn.SeesAsync("compares:");
        await txn.EnterAsync("");
        await txn.SeesAsync("success requests");
        await txn.EnterAsync("put given-up 1");
        await txn.SeesAsync("put given-up 1");
        await txn.InterruptAsync();
        Assert.NotEqual(0, await txn.EndsAsync());
        Assert.Equal("", await RunAsync("get", "given-up"));
    }

    [Fact]
    public async Task A_watcher_is_told_what_to_watch_while_it_watches()
    {
        await using var watch = Terminal.Open(Endpoint, "watch", "--interactive");
        await watch.EnterAsync("watch a --rev=1");
        await RunAsync("put", "a", "1");
        await watch.SeesAsync("PUT\r\na\r\n1\r\n");

        await watch.EnterAsync("look at b");
        await watch.SeesAsync("Invalid command look at b (watch and progress supported)");
        await watch.EnterAsync("watch b c --rev=1 --prev-kv");
        await RunAsync("put", "b", "1");
        await RunAsync("del", "b");
        await watch.SeesAsync("PUT\r\nb\r\n1\r\n");
        await watch.SeesAsync("DELETE\r\nb\r\n1\r\nb\r\n");
        await RunAsync("put", "a", "2");
        await watch.SeesAsync("PUT\r\na\r\n2\r\n");

        await watch.EnterAsync("progress");
        await watch.SeesAsync("progress notify: ");
        await watch.InterruptAsync();
        Assert.NotEqual(0, await watch.EndsAsync());
    }

    [Fact]
    public async Task A_new_password_is_typed_twice_and_not_seen()
    {
        await using (var add = Terminal.Open(Endpoint, "user", "add", "alice"))
        {
            await add.SeesAsync("Password of alice: ");
            await add.EnterAsync("se\u007fecret");
            await add.SeesAsync("Type password of alice again for confirmation: ");
            await add.EnterAsync("secret");
            await add.SeesAsync("User alice created");
            Assert.Equal(0, await add.EndsAsync());
            Assert.DoesNotContain("secret", add.Shown, StringComparison.Ordinal);
        }

        await using (var change = Terminal.Open(Endpoint, "user", "passwd", "alice"))
        {
            await change.SeesAsync("Password of alice: ");
            await change.EnterAsync("one");
            await change.SeesAsync("again for confirmation: ");
            await change.EnterAsync("another");
            await change.SeesAsync("given passwords are different");
            Assert.NotEqual(0, await change.EndsAsync());
        }
    }

    [Fact]
    public async Task Who_says_only_a_name_is_asked_for_the_password()
    {
        await RunAsync("user", "add", "root:topmost");
        await RunAsync("user", "grant-role", "root", "root");
        await RunAsync("auth", "enable");

        await using (var put = Terminal.Open(Endpoint, "--user", "root", "put", "a", "1"))
        {
            await put.SeesAsync("Password: ");
            await put.EnterAsync("topmost");
            await put.SeesAsync("OK");
            Assert.Equal(0, await put.EndsAsync());
            Assert.DoesNotContain("topmost", put.Shown, StringComparison.Ordinal);
        }

        await using var wrong = Terminal.Open(Endpoint, "--user", "root", "get", "a");
        await wrong.SeesAsync("Password: ");
        await wrong.EnterAsync("lowest");
        await wrong.SeesAsync("authentication failed, invalid user ID or password");
        Assert.NotEqual(0, await wrong.EndsAsync());
    }

    private async Task<string> RunAsync(params string[] arguments)
    {
        var run = await CommandRun.OfAsync(["--endpoints", Endpoint, .. arguments]);
        Assert.True(run.Code == 0, run.Error);
        return run.Output;
    }
}
