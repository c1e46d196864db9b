using RaftKv.Cli.Commands.Text;
using RaftKv.Stores;

namespace RaftKv.Cli.Tests.Commands.Etcd;

/// <summary>The same command lines through etcdctl 3.4 and through ours, against etcd 3.4.</summary>
public sealed class EtcdctlTests
{
    private static readonly string[] Messages = ["simple", "json", "fields", "protobuf"];
    private static readonly string[] Lists = ["simple", "json", "fields", "table"];

    [Fact]
    public async Task Reads_print_the_same()
    {
        await using var both = await SideBySide.StartOrSkipAsync();
        await both.SameAsync("put", "a", "1");
        await both.SameAsync("put", "a", "2");
        await both.SameAsync("put", "a2", "z");
        await both.SameAsync("put", "b", "y");
        await both.SameAsync("put", "ключ \"q\"", "\u00a0\t\u001b\u007f\u200b€<>&");
        await both.SameWithInputAsync("v\0\udcff\n", "put", "bin");
        foreach (var form in Messages)
        {
            await both.SameAsync("get", "a", "-w", form);
            await both.SameAsync("get", "bin", "-w", form);
            await both.SameAsync("get", "ключ", "--prefix", "-w", form);
            await both.SameAsync("get", "nothing", "-w", form);
            await both.SameAsync("get", "", "--prefix", "-w", form);
            await both.SameAsync("get", "a", "--prefix", "--limit=1", "-w", form);
            await both.SameAsync("get", "a", "--prefix", "--keys-only", "-w", form);
        }

        await both.SameAsync("get", "a", "c");
        await both.SameAsync("get", "a", "--from-key");
        await both.SameAsync("get", "", "--from-key");
        await both.SameAsync("get", "a", "--hex");
        await both.SameAsync("get", "bin", "--hex");
        await both.SameAsync("get", "", "--prefix", "--print-value-only");
        await both.SameAsync("get", "", "--prefix", "--print-value-only", "--keys-only");
        await both.SameAsync("get", "a", "--rev", "2");
        await both.SameAsync("get", "a", "--rev=1");
        await both.SameAsync("get", "a", "--rev=-1");
        await both.SameAsync("get", "a", "--consistency=s");
        await both.SameAsync("get", "", "--prefix", "--order=descend");
        foreach (var target in new[] { "CREATE", "KEY", "modify", "VALUE", "VERSION" })
        {
            await both.SameAsync("get", "", "--prefix", "--sort-by", target);
            await both.SameAsync("get", "", "--prefix", "--sort-by", target, "--order", "DESCEND");
        }

        // Refused by the server.
        await both.SameAsync("get", "a", "--rev=1000");
        await both.SameAsync("get", "");

        // Too many arguments: the last is ignored.
        await both.SameAsync("get", "a", "b", "c");
    }

    [Fact]
    public async Task Writes_print_the_same()
    {
        await using var both = await SideBySide.StartOrSkipAsync();
        foreach (var form in Messages)
        {
            await both.SameAsync("put", "a", form, "-w", form);
            await both.SameAsync("put", "a", "2", "--prev-kv", "-w", form);
            await both.SameAsync("del", "a", "--prev-kv", "-w", form);
            await both.SameAsync("del", "nothing", "--prev-kv", "-w", form);
        }

        await both.SameAsync("put", "a", "--", "-5");
        await both.SameAsync("put", "a", "--ignore-lease", "x");
        await both.SameAsync("put", "a", "--ignore-value", "--prev-kv");
        await both.SameAsync("put", "a", "", "--prev-kv");
        await both.SameAsync("put", "a", "1", "2");
        await both.SameAsync("put", "b", "1");
        await both.SameAsync("put", "c", "1");
        await both.SameAsync("del", "b", "c");
        await both.SameAsync("del", "b", "--from-key", "--prev-kv", "--hex");
        await both.SameAsync("put", "p1", "1");
        await both.SameAsync("put", "p2", "1");
        await both.SameAsync("del", "p", "--prefix");
        await both.SameAsync("del", "", "--prefix", "--prev-kv");

        // Refused by the server, then by the programs themselves.
        await both.SameAsync("put", "", "x");
        await both.SameAsync("put", "nothing", "--ignore-value");
        await both.SameAsync("put", "a", "x", "--lease=1234");
        await both.SameAsync("del", "");
        await both.SameAsync("put", "a", "x", "--lease=zz");
        await both.SameAsync("put");
        await both.SameAsync("del", "a", "b", "c");
        await both.SameAsync("del", "a", "b", "--prefix");
        await both.SameAsync("del", "a", "--prefix", "--from-key");
    }

    [Fact]
    public async Task Transactions_print_the_same()
    {
        await using var both = await SideBySide.StartOrSkipAsync();
        await both.SameAsync("put", "a", "1");
        foreach (var form in Messages)
        {
            await both.SameWithInputAsync(
                "value(\"a\") = \"1\"\n\nget a\nput c 3 --prev-kv\ndel nothing --prev-kv\n\nput d 4\n\n", "txn", "-w", form);
            await both.SameWithInputAsync("value(\"a\") = \"2\"\n\nget a\n\nget a b --limit=1\nget a --keys-only\n\n", "txn", "-w", form);
            await both.SameWithInputAsync("\n\n\n", "txn", "-w", form);
        }

        await both.SameWithInputAsync(
            "ver(\"a\") > \"0\"\ncreate(\"a\") != \"0\"\nmod(\"a\") < \"1000\"\nc(\"a\") > \"0\"\nm(\"a\") > \"0\"\nversion(\"a\") > \"0\"\nval(\"a\") = \"1\"\n\nget a\n\n\n",
            "txn");
        await both.SameWithInputAsync("value(\"a\") = \"1\"\n\nget a\n\nget b\n\n", "txn", "--interactive");
        await both.SameWithInputAsync("value(\"a\") = \"1\"\n\nget a\n\nget b\n\n", "txn", "-i", "--hex");
        await both.SameWithInputAsync("\nput \"x y\" \"z\\n\\x00\\u20acw\"\nget \"x y\"\n\n\n", "txn");
        await both.SameWithInputAsync("\n  get   a  \nget nothing\nget a;get b\n\n\n", "txn");
        await both.SameWithInputAsync("\nput c 6 --prev-kv\ndel a --prev-kv\n\n\n", "txn");
        await both.SameWithInputAsync("\nput c --ignore-value\ndel b --prefix\n\n\n", "txn");
        await both.SameWithInputAsync("\nget a --prefix --print-value-only\n\n\n", "txn");
        await both.SameWithInputAsync("\nput a 1\nput a 2\n\n\n", "txn");
        await both.SameWithInputAsync("\nput a\n\n\n", "txn");
    }

    [Fact]
    public async Task Leases_print_the_same()
    {
        await using var both = await SideBySide.StartOrSkipAsync();
        foreach (var form in new[] { "simple", "json", "fields" })
        {
            await both.SameAsync("lease", "list", "-w", form);
        }

        await both.NameAsync("lease", "lease ([0-9a-f]{16})", "lease", "grant", "3000");
        await both.NameAsync("json lease", "\"ID\":([0-9]+)", "lease", "grant", "3000", "-w", "json");
        await both.NameAsync("fields lease", "\"ID\" : ([0-9]+)", "lease", "grant", "3000", "-w", "fields");
        await both.NameAsync("short lease", "lease ([0-9a-f]{16})", "lease", "grant", "--", "-1");
        await both.SameAsync("put", "la", "1", "--lease={lease}");
        foreach (var form in new[] { "simple", "json", "fields" })
        {
            await both.SameAsync("get", "la", "-w", form);
            await both.SameAsync("lease", "keep-alive", "--once", "{lease}", "-w", form);
            await both.SameAsync("lease", "timetolive", "1234", "-w", form);
            await both.SameAsync("lease", "timetolive", "1234", "--keys", "-w", form);
        }

        await both.NameAsync("left", "remaining\\(([0-9]+)s", "lease", "timetolive", "{lease}", "--keys");
        await both.NameAsync("left", "\"ttl\":([0-9]+)", "lease", "timetolive", "{lease}", "--keys", "-w", "json");
        await both.NameAsync("left", "\"TTL\" : ([0-9]+)", "lease", "timetolive", "{lease}", "--keys", "-w", "fields");
        await both.SameAsync("lease", "keep-alive", "--once", "1234");
        await both.SameAsync("lease", "keep-alive", "1234");
        await both.SameAsync("lease", "revoke", "1234");
        await both.SameAsync("lease", "revoke", "{lease}");
        await both.SameAsync("get", "la");
        await both.SameAsync("lease", "grant", "9999999999999");
        await both.SameAsync("lease", "grant", "99999999999999999999");
        await both.SameAsync("lease", "grant");
        await both.SameAsync("lease", "revoke");
        await both.SameAsync("lease", "timetolive", "zz");
        await both.SameAsync("lease", "timetolive", "1", "2");
        await both.SameAsync("lease", "keep-alive");
    }

    [Fact]
    public async Task Members_print_the_same()
    {
        await using var both = await SideBySide.StartOrSkipAsync();
        foreach (var form in Lists.Append("protobuf"))
        {
            await both.SameAsync("member", "list", "-w", form);
        }

        // The ID of a member that is added holds the time.
        await both.NameAsync("new", "Member +([0-9a-f]+) added", "member", "add", "m2", "--peer-urls=http://127.0.0.1:2,http://127.0.0.1:3", "--learner");
        foreach (var form in Lists)
        {
            await both.SameAsync("member", "list", "-w", form);
        }

        // etcdctl has no other forms of these answers.
        foreach (var form in new[] { "simple", "json", "protobuf" })
        {
            await both.SameAsync("member", "update", "{new}", "--peer-urls=http://127.0.0.1:4", "-w", form);
        }

        await both.SameAsync("member", "promote", "{new}");
        await both.SameAsync("member", "remove", "{new}");
        await both.SameAsync("member", "remove", "{new}");
        await both.NameAsync("json", "\"ID\":([0-9]+)", "member", "add", "m3", "--peer-urls=http://127.0.0.1:5", "--learner", "-w", "json");
        await both.SameAsync("member", "remove", "1234");
        await both.SameAsync("member", "update", "1234", "--peer-urls=http://127.0.0.1:1");
        await both.SameAsync("member", "add", "x", "--peer-urls=nonsense");
        await both.SameAsync("member", "add", "x", "y", "--peer-urls=http://127.0.0.1:1");
        await both.SameAsync("member", "add");
        await both.SameAsync("member", "update", "1234");
        await both.SameAsync("member", "promote", "zz");
    }

    [Fact]
    public async Task Endpoints_print_the_same()
    {
        await using var both = await SideBySide.StartOrSkipAsync();
        await both.SameAsync("put", "a", "1");
        foreach (var form in Lists)
        {
            await both.SameAsync("endpoint", "status", "-w", form);
            await both.SameAsync("endpoint", "status", "--cluster", "-w", form);
            await both.SameAsync("endpoint", "hashkv", "-w", form);
        }

        // Last, because ours also asks for alarms, which is an entry in etcd's log. The simple form is on standard error
        // in etcdctl 3.4.
        await both.SameAsync("endpoint", "health", "-w", "json");
        await both.SameAsync("endpoint", "health", "-w", "fields");
        await both.SameAsync("endpoint", "hashkv", "--rev=1");
        await both.SameAsync("endpoint", "hashkv", "--rev=1000");
        await both.SameAsync("endpoint", "status", "-w", "protobuf");
    }

    [Fact]
    public async Task Maintenance_prints_the_same()
    {
        await using var both = await SideBySide.StartOrSkipAsync();
        for (var value = 0; value < 5; value++)
        {
            await both.SameAsync("put", "a", $"{value}");
        }

        await both.SameAsync("compaction", "3");
        await both.SameAsync("compaction", "3");
        await both.SameAsync("compaction", "1000");
        await both.SameAsync("compaction", "4", "--physical", "-w", "json");
        await both.SameAsync("compaction");
        await both.SameAsync("get", "a", "--rev=2");
        await both.SameAsync("alarm", "list");
        await both.SameAsync("alarm", "list", "-w", "json");
        await both.SameAsync("alarm", "disarm");
        await both.SameAsync("alarm", "list", "x");
        await both.SameAsync("defrag");
        await both.SameAsync("defrag", "--cluster");
        await both.SameAsync("move-leader", "1234");
        await both.SameAsync("move-leader");
        await both.SameAsync("snapshot", "save");
        await both.SameAsync("snapshot", "save", "x", "--endpoints=127.0.0.1:1");
    }

    [Fact]
    public async Task A_snapshot_is_one_that_etcdctl_can_read()
    {
        var etcdctl = Etcdctl.FindOrSkip();
        await using var store = await StoreProcess.StartAsync(
            Etcdctl.FindServerOrSkip(), cancellation: TestContext.Current.CancellationToken);
        var path = Path.Combine(store.NewFolder("snapshots"), "saved");
        await CommandRun.OfAsync("put", "a", "1", $"--endpoints={store.Endpoints}");

        var saved = await CommandRun.OfAsync("snapshot", "save", path, $"--endpoints={store.Endpoints}");

        Assert.Equal(new CommandRun(0, $"Snapshot saved at {path}\n", ""), saved);
        var status = await Etcdctl.RunAsync(etcdctl, ["snapshot", "status", path], []);
        Assert.Equal(0, status.Code);
        Assert.Contains(", 2, ", status.Output, StringComparison.Ordinal); // The revision.
        Assert.False(File.Exists(path + ".part"));
    }

    [Fact]
    public async Task A_user_is_let_in_with_the_right_password()
    {
        var etcdctl = Etcdctl.FindOrSkip();
        await using var store = await StoreProcess.StartAsync(
            Etcdctl.FindServerOrSkip(), cancellation: TestContext.Current.CancellationToken);
        var endpoint = $"--endpoints={store.Endpoints}";
        Assert.Equal(new CommandRun(0, "OK\n", ""), await CommandRun.OfAsync(endpoint, "put", "a", "1", "--user=root:anything"));
        await Etcdctl.RunAsync(etcdctl, [endpoint, "user", "add", "root:secret"], []);
        Assert.Equal(0, (await Etcdctl.RunAsync(etcdctl, [endpoint, "auth", "enable"], [])).Code);

        Assert.Equal(new CommandRun(0, "a\n1\n", ""), await CommandRun.OfAsync(endpoint, "get", "a", "--user=root:secret"));
        Assert.Equal(new CommandRun(0, "a\n1\n", ""), await CommandRun.OfAsync(endpoint, "get", "a", "--user=root", "--password=secret"));
        var refused = await CommandRun.OfAsync(endpoint, "get", "a", "--user=root:wrong");
        Assert.Equal(new CommandRun(2, "", "Error: etcdserver: authentication failed, invalid user ID or password\n"), refused);
        var nobody = await CommandRun.OfAsync(endpoint, "get", "a");
        Assert.Equal(new CommandRun(1, "", "Error: etcdserver: user name is empty\n"), nobody);
        var silent = await CommandRun.OfAsync(endpoint, "get", "a", "--user=root");
        Assert.Equal(128, silent.Code);
        Assert.Contains("the password of 'root' is missing", silent.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Any_bytes_go_in_and_come_out()
    {
        await using var store = await StoreProcess.StartAsync(
            Etcdctl.FindServerOrSkip(), cancellation: TestContext.Current.CancellationToken);
        byte[] all = [.. Enumerable.Range(0, 256).Select(value => (byte)value)];
        var key = ByteText.Decode(all.AsSpan(1));
        var endpoint = $"--endpoints={store.Endpoints}";

        await CommandRun.OfAsync([endpoint, "put", key], all);
        var read = await CommandRun.OfAsync([endpoint, "get", key]);

        Assert.Equal([.. all[1..], (byte)'\n', .. all, (byte)'\n'], ByteText.Bytes(read.Output));
    }
}
