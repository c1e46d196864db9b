namespace RaftKv.Cli.Tests.Commands.Etcd;

/// <summary>Users, roles and authentication through etcdctl 3.4 and through our commands, against etcd 3.4.</summary>
public sealed class AccountTests
{
    private static readonly string[] Messages = ["simple", "json", "fields", "protobuf"];

    [Fact]
    public async Task Users_print_the_same()
    {
        await using var both = await SideBySide.StartOrSkipAsync();
        await both.SameAsync("user", "add", "alice:secret");
        await both.SameAsync("user", "add", "bob", "--new-user-password=x");
        await both.SameAsync("user", "add", "cn", "--no-password");
        await both.SameWithInputAsync("typed\n", "user", "add", "dora", "--interactive=false");
        await both.SameAsync("role", "add", "r1");
        await both.SameAsync("role", "add", "r2");
        foreach (var form in Messages)
        {
            await both.SameAsync("user", "add", form + ":x", "-w", form);
            await both.SameAsync("user", "grant-role", form, "r1", "-w", form);
            await both.SameAsync("user", "grant-role", form, "r2", "-w", form);
            await both.SameAsync("user", "get", form, "-w", form == "fields" ? "simple" : form);
            await both.SameAsync("user", "list", "-w", form == "fields" ? "simple" : form);
            await both.SameAsync("user", "revoke-role", form, "r2", "-w", form);
            await both.SameWithInputAsync("other\n", "user", "passwd", form, "--interactive=false", "-w", form);
            await both.SameAsync("user", "delete", form, "-w", form);
        }

        await both.SameAsync("user", "get", "alice");
        await both.SameAsync("user", "grant-role", "alice", "r1");
        await both.SameAsync("role", "grant-permission", "r1", "read", "k");
        await both.SameAsync("user", "get", "alice", "--detail");

        // Refused, by the server and by the programs.
        await both.SameAsync("user", "add", "alice:again");
        await both.SameAsync("user", "get", "nobody");
        await both.SameAsync("user", "delete", "nobody");
        await both.SameAsync("user", "grant-role", "alice", "nothing");
        await both.SameAsync("user", "grant-role", "nobody", "r1");
        await both.SameAsync("user", "revoke-role", "alice", "r2");
        await both.SameAsync("user", "add");
        await both.SameAsync("user", "add", ":x");
        await both.SameAsync("user", "get");
        await both.SameAsync("user", "list", "x");
        await both.SameAsync("user", "delete");
        await both.SameAsync("user", "passwd");
        await both.SameAsync("user", "grant-role", "alice");
        await both.SameAsync("user", "revoke-role", "alice");
    }

    [Fact]
    public async Task Roles_print_the_same()
    {
        await using var both = await SideBySide.StartOrSkipAsync();
        await both.SameAsync("role", "add", "r");
        await both.SameAsync("role", "grant-permission", "r", "read", "k");
        await both.SameAsync("role", "grant-permission", "r", "WRITE", "a", "c");
        await both.SameAsync("role", "grant-permission", "r", "readwrite", "pre", "--prefix");
        await both.SameAsync("role", "grant-permission", "r", "read", "from", "--from-key");
        await both.SameAsync("role", "grant-permission", "r", "readwrite", "", "--prefix");
        foreach (var form in Messages)
        {
            await both.SameAsync("role", "get", "r", "-w", form);
            await both.SameAsync("role", "list", "-w", form);
            await both.SameAsync("role", "add", form, "-w", form);
            await both.SameAsync("role", "grant-permission", form, "read", "k", "-w", form);
            await both.SameAsync("role", "revoke-permission", form, "k", "-w", form);
            await both.SameAsync("role", "delete", form, "-w", form);
        }

        await both.SameAsync("role", "revoke-permission", "r", "k");
        await both.SameAsync("role", "revoke-permission", "r", "a", "c");
        await both.SameAsync("role", "revoke-permission", "r", "pre", "--prefix");
        await both.SameAsync("role", "revoke-permission", "r", "from", "--from-key");
        await both.SameAsync("role", "get", "r");

        await both.SameAsync("role", "revoke-permission", "r", "k");
        await both.SameAsync("role", "get", "nothing");
        await both.SameAsync("role", "add", "r");
        await both.SameAsync("role", "delete", "nothing");
        await both.SameAsync("role", "grant-permission", "nothing", "read", "k");
        await both.SameAsync("role", "grant-permission", "r", "read");
        await both.SameAsync("role", "revoke-permission", "r");
        await both.SameAsync("role", "add");
        await both.SameAsync("role", "get");
        await both.SameAsync("role", "delete");
        await both.SameAsync("role", "list", "x");
        await both.SameAsync("role", "grant-permission", "r", "read", "a", "b", "--prefix");
        await both.SameAsync("role", "grant-permission", "r", "read", "a", "--prefix", "--from-key");
    }

    [Fact]
    public async Task Callers_are_asked_who_they_are_and_both_say_it_alike()
    {
        await using var both = await SideBySide.StartOrSkipAsync();
        await both.SameAsync("put", "a", "1");
        await both.SameAsync("auth", "enable");
        await both.SameAsync("user", "add", "root:secret");
        await both.SameAsync("auth", "enable", "x");
        await both.SameAsync("auth", "enable"); // Both make the role that is missing.
        await both.SameAsync("get", "a");
        await both.SameAsync("get", "a", "--user", "root:wrong");
        await both.SameAsync("get", "a", "--user", "nobody:x");
        string[] root = ["--user", "root:secret"];
        await both.SameAsync(["get", "a", .. root]);
        await both.SameAsync(["get", "a", "--user", "root", "--password", "secret"]);
        await both.SameAsync(["user", "get", "root", .. root]);
        await both.SameAsync(["role", "get", "root", .. root]);
        await both.SameAsync(["user", "add", "alice:a", .. root]);
        await both.SameAsync(["role", "add", "r", .. root]);
        await both.SameAsync(["role", "grant-permission", "r", "readwrite", "a", .. root]);
        await both.SameAsync(["user", "grant-role", "alice", "r", .. root]);
        string[] alice = ["--user", "alice:a"];
        await both.SameAsync(["put", "a", "2", .. alice]);
        await both.SameAsync(["get", "a", .. alice]);
        await both.SameAsync(["put", "b", "2", .. alice]);
        await both.SameAsync(["get", "a", "c", .. alice]);
        await both.SameWithInputAsync("value(\"b\") = \"1\"\n\nput a 1\n\n\n", ["txn", .. alice]);
        await both.SameAsync(["user", "list", .. alice]);
        await both.SameAsync(["member", "list", "-w", "json", .. alice]);
        await both.SameAsync(["compaction", "2", .. alice]);
        await both.SameAsync(["auth", "disable", .. alice]);
        await both.SameAsync(["user", "delete", "root", .. root]);
        await both.SameAsync(["auth", "disable", .. root]);
        await both.SameAsync("get", "b");
        await both.SameAsync(["get", "b", .. root]);
    }
}
