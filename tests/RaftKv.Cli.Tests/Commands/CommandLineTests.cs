using System.Net;
using System.Net.Sockets;
using RaftKv.Cli.Commands;

namespace RaftKv.Cli.Tests.Commands;

/// <summary>Everything that is decided before a member is asked. No member is there to ask.</summary>
public sealed class CommandLineTests
{
    private const string Nowhere = "--endpoints=127.0.0.1:1";

    [Theory]
    [InlineData(true, "get", "a")]
    [InlineData(true, "--endpoints=x", "-w", "json", "--hex", "get")]
    [InlineData(true, "-wjson", "lease", "list")]
    [InlineData(false)]
    [InlineData(false, "--endpoints", "get")]
    [InlineData(false, "--name", "get")]
    [InlineData(false, "wal", "dump", "get")]
    [InlineData(false, "version")]
    [InlineData(false, "--help")]
    [InlineData(false, "-w")]
    [InlineData(false, "")]
    public void A_client_command_is_known_by_its_name_behind_common_flags(bool expected, params string[] arguments)
        => Assert.Equal(expected, ClientProgram.Takes(arguments));

    [Theory]
    [InlineData(true, "bench", "put")]
    [InlineData(true, "--endpoints=x", "bench")]
    [InlineData(false, "put", "bench", "x")]
    [InlineData(false)]
    public void A_load_is_told_from_other_commands(bool expected, params string[] arguments)
        => Assert.Equal(expected, ClientProgram.IsLoad(arguments));

    [Theory]
    [InlineData(1, "unknown flag: --nonsense", "get", "a", "--nonsense")]
    [InlineData(1, "did you mean --prefix?", "get", "a", "--prefx")]
    [InlineData(1, "unknown shorthand flag: '5' in -5", "put", "a", "-5")]
    [InlineData(1, "flag needs an argument: --limit", "get", "a", "--limit")]
    [InlineData(1, "invalid argument \"x\" for \"--limit\" flag: strconv.ParseInt: parsing \"x\": invalid syntax", "get", "a", "--limit=x")]
    [InlineData(1, "invalid argument \"maybe\" for \"--prefix\" flag: strconv.ParseBool: parsing \"maybe\": invalid syntax", "get", "a", "--prefix=maybe")]
    [InlineData(1, "invalid argument \"x\" for \"--dial-timeout\" flag: time: invalid duration \"x\"", "get", "a", "--dial-timeout=x")]
    [InlineData(4, "unsupported output format", "get", "a", "-w", "nonsense")]
    [InlineData(4, "table not supported as output format", "get", "a", "-w", "table")]
    [InlineData(4, "protobuf not supported as output format", "endpoint", "status", "-w", "protobuf")]
    [InlineData(4, "bad sort order foo", "get", "a", "--order=foo")]
    [InlineData(4, "bad sort target foo", "get", "a", "--sort-by=foo")]
    [InlineData(4, "unknown consistency flag \"x\"", "get", "a", "--consistency=x")]
    [InlineData(128, "get command needs one argument as key and an optional argument as range_end", "get")]
    [InlineData(128, "`--prefix` and `--from-key` cannot be set at the same time, choose one", "del", "a", "--prefix", "--from-key")]
    [InlineData(128, "print-value-only is only for `--write-out=simple`", "get", "a", "--print-value-only", "-w", "json")]
    [InlineData(128, "put command needs 1 argument and input from stdin or 2 arguments", "put")]
    [InlineData(128, "put command needs only 1 argument when 'ignore-value' is set", "put", "a", "b", "--ignore-value")]
    [InlineData(128, "bad lease ID (strconv.ParseInt: parsing \"zz\": invalid syntax), expecting ID in Hex", "put", "a", "b", "--lease=zz")]
    [InlineData(128, "txn command does not accept argument", "txn", "x")]
    [InlineData(128, "bad number of arguments", "watch")]
    [InlineData(128, "bad number of arguments (found separator --, but no commands)", "watch", "a", "--")]
    [InlineData(128, "`range_end` and `--prefix` are mutually exclusive", "watch", "a", "b", "--prefix")]
    [InlineData(128, "bad TTL (strconv.ParseInt: parsing \"x\": invalid syntax)", "lease", "grant", "x")]
    [InlineData(128, "bad member ID arg (strconv.ParseUint: parsing \"-1\": invalid syntax), expecting ID in Hex", "member", "remove", "--", "-1")]
    [InlineData(128, "member peer urls not provided", "member", "add", "x")]
    [InlineData(1, "URL scheme must be http, https, unix, or unixs: nonsense", "member", "add", "x", "--peer-urls=nonsense")]
    [InlineData(5, "snapshot must be requested to one selected node, not multiple [127.0.0.1:1 b:2]", "snapshot", "save", "x", "--endpoints=b:2")]
    [InlineData(128, "snapshot status requires exactly one argument", "snapshot", "status")]
    [InlineData(128, "snapshot restore requires exactly one argument", "snapshot", "restore")]
    [InlineData(128, "--format is 'bolt'; it must be raftkv or etcd", "snapshot", "save", "x", "--format=bolt")]
    [InlineData(128, "--bump-revision 0 hands out revisions again", "snapshot", "restore", "x", "--bump-revision=0")]
    [InlineData(128, "--mark-compacted=false goes with --bump-revision 0", "snapshot", "restore", "x", "--mark-compacted=false")]
    [InlineData(128, "--bump-revision is negative", "snapshot", "restore", "x", "--bump-revision=-5")]
    [InlineData(128, "'a' names no member and its URL", "snapshot", "restore", "x", "--initial-cluster=a")]
    [InlineData(1, "no-such-file", "snapshot", "status", "no-such-file")]
    [InlineData(1, "no-such-file", "snapshot", "restore", "no-such-file", "--data-dir=no-such-folder")]
    [InlineData(128, "say what to recover from: --from-survivor", "recover", "--data-dir=x")]
    [InlineData(128, "--data-dir is missing", "recover", "--from-survivor")]
    [InlineData(1, "is not the data directory of a member", "recover", "--from-survivor", "--data-dir=no-such-folder")]
    [InlineData(1, "unknown command \"nonsense\" for \"raftkv lease\": there are grant, revoke, timetolive, list, keep-alive", "lease", "nonsense")]
    [InlineData(1, "invalid argument \"0\" for \"--clients\" flag: it is 1 at least", "bench", "put", "--clients=0")]
    [InlineData(128, "5 connections (--conns) are more than 2 clients (--clients)", "bench", "put", "--conns=5", "--clients=2")]
    [InlineData(128, "--total says when it ends, so there is no --duration and no --warm-up with it", "bench", "get", "--total=5", "--duration=1s")]
    [InlineData(128, "10 streams (--streams) are more than 5 watchers (--watchers)", "bench", "watch", "--watchers=5")]
    [InlineData(128, "bench txn takes flags only", "bench", "txn", "x")]
    [InlineData(4, "table not supported as output format", "bench", "put", "-w", "table")]
    [InlineData(1, "unknown command \"nonsense\" for \"raftkv bench\": there are put, get, txn, watch, lease, keep-alive", "bench", "nonsense")]
    public async Task A_mistake_is_one_line_and_a_code(int code, string problem, params string[] arguments)
    {
        var run = await CommandRun.OfAsync([Nowhere, .. arguments]);

        Assert.Equal(code, run.Code);
        Assert.StartsWith("Error: ", run.Error, StringComparison.Ordinal);
        Assert.Contains(problem, run.Error, StringComparison.Ordinal);
        Assert.Single(run.Error.TrimEnd('\n').Split('\n'));
        Assert.Empty(run.Output);
    }

    [Theory]
    [InlineData("--endpoints=", 2, "--endpoints names none")]
    [InlineData("--endpoints=host", 128, "'host' names no port: write it as host:2379")]
    [InlineData("--endpoints=ftp://a:1", 128, "'ftp://a:1' is no endpoint")]
    [InlineData("--endpoints=http://a:1/path", 128, "'http://a:1/path' has more in it than a host and a port")]
    [InlineData("--endpoints=:::", 128, "':::' is no endpoint")]
    public async Task An_endpoint_that_is_none_is_named(string flag, int code, string problem)
    {
        var run = await CommandRun.OfAsync("get", "a", flag);

        Assert.Equal(code, run.Code);
        Assert.Contains(problem, run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("get", "a")]
    [InlineData("lease", "keep-alive", "--once", "1")]
    [InlineData("watch", "a")]
    [InlineData("endpoint", "health")]
    [InlineData("member", "list")]
    [InlineData("snapshot", "save", "/dev/null/x")]
    public async Task A_cluster_that_is_not_there_is_named(params string[] arguments)
    {
        var run = await CommandRun.OfAsync([Nowhere, "--dial-timeout=10ms", .. arguments]);

        Assert.NotEqual(0, run.Code);
        Assert.Empty(run.Output);
        Assert.DoesNotContain("   at ", run.Error, StringComparison.Ordinal);
        if (arguments[0] != "snapshot")
        {
            Assert.Contains("127.0.0.1:1", run.Error, StringComparison.Ordinal);
        }

        // The health of an endpoint is said in etcdctl's words.
        if (arguments[0] is not ("snapshot" or "endpoint"))
        {
            Assert.Contains("--endpoints", run.Error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_cluster_that_does_not_let_a_connection_come_up_is_not_there_either()
    {
        // It takes the connection, and never answers TLS.
        using var mute = new TcpListener(IPAddress.Loopback, 0);
        mute.Start();

        var run = await CommandRun.OfAsync([$"--endpoints=https://{mute.LocalEndpoint}", "--dial-timeout=10ms", "watch", "a"]);

        Assert.NotEqual(0, run.Code);
        Assert.Contains($"no member can be reached at https://{mute.LocalEndpoint} (--endpoints)", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, "ETCDCTL_ENDPOINTS", "x:1", "shadowed by --endpoints")]
    [InlineData(1, "ETCDCTL_HEX", "maybe", "ETCDCTL_HEX holds \"maybe\"")]
    [InlineData(4, "ETCDCTL_WRITE_OUT", "nonsense", "unsupported output format")]
    [InlineData(4, "RAFTKV_WRITE_OUT", "nonsense", "unsupported output format")]
    [InlineData(4, "ETCDCTL_NONSENSE", "1", "Warning: the environment variable ETCDCTL_NONSENSE is no setting")]
    public async Task The_environment_is_read_and_its_mistakes_are_named(int code, string name, string value, string problem)
    {
        var environment = new Dictionary<string, string> { [name] = value };
        string[] arguments = name.EndsWith("NONSENSE", StringComparison.Ordinal) ? ["-w", "x"] : [];

        var run = await CommandRun.OfAsync([Nowhere, "get", "a", .. arguments], environment: environment);

        Assert.Equal(code, run.Code);
        Assert.Contains(problem, run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ETCDCTL_WATCH_KEY", "a", "found conflicting environment key", "watch", "b")]
    [InlineData("ETCDCTL_WATCH_RANGE_END", "c", "ETCDCTL_WATCH_KEY is empty but got ETCDCTL_WATCH_RANGE_END=\"c\"", "watch", "b")]
    public async Task A_watch_whose_key_is_said_twice_is_refused(string name, string value, string problem, params string[] arguments)
    {
        var run = await CommandRun.OfAsync([Nowhere, .. arguments], environment: new Dictionary<string, string> { [name] = value });

        Assert.Equal(128, run.Code);
        Assert.Contains(problem, run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("value(\"a\") ~ \"1\"\n\n\n\n", 3, "there are =, !=, < and >, not ~")]
    [InlineData("garbage\n\n\n\n", 3, "malformed comparison: garbage")]
    [InlineData("foo(\"a\") = \"1\"\n\n\n\n", 3, "unknown target foo")]
    [InlineData("ver(a) = \"1\"\n\n\n\n", 3, "the key stands in double quotes")]
    [InlineData("ver(\"a\") = 1\n\n\n\n", 3, "in double quotes")]
    [InlineData("ver(\"a\") = \"x\"\n\n\n\n", 3, "invalid txn compare request: ver(\"a\") = \"x\"")]
    [InlineData("\nfrobnicate a\n\n\n", 3, "invalid txn request: frobnicate a")]
    [InlineData("\nget a --hex\n\n\n", 3, "invalid txn request: get a --hex")]
    [InlineData("\nput a\n\n\n", 128, "put command needs 1 argument")]
    [InlineData("\nput \"a\n\n\n", 3, "a quoted word has no end")]
    [InlineData("\nget a\n", 3, "EOF")]
    [InlineData("", 3, "EOF")]
    public async Task A_transaction_that_is_none_is_refused(string script, int code, string problem)
    {
        var run = await CommandRun.OfAsync([Nowhere, "txn"], System.Text.Encoding.UTF8.GetBytes(script));

        Assert.Equal(code, run.Code);
        Assert.Contains(problem, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Help_names_every_flag()
    {
        var run = await CommandRun.OfAsync("get", "--help");

        Assert.Equal(0, run.Code);
        Assert.Contains("--print-value-only", run.Output, StringComparison.Ordinal);
        Assert.Contains("-w, --write-out", run.Output, StringComparison.Ordinal);
        Assert.Contains("ETCDCTL_DIAL_TIMEOUT", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_first_word_alone_names_what_may_follow()
    {
        var run = await CommandRun.OfAsync("member");

        Assert.Equal(0, run.Code);
        Assert.Contains("raftkv member promote ID", run.Output, StringComparison.Ordinal);
    }
}
