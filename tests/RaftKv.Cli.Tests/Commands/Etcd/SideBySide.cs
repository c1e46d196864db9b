using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using RaftKv.Cli.Commands.Text;
using RaftKv.Stores;

namespace RaftKv.Cli.Tests.Commands.Etcd;

/// <summary>
/// Two etcd 3.4 servers that start alike, ids included: etcdctl talks to the first and our commands to the second. What
/// both print after the same history is compared byte by byte.
/// </summary>
/// <example><code>
/// await using var both = await SideBySide.StartOrSkipAsync();
/// await both.NameAsync("lease", "lease ([0-9a-f]+)", "lease", "grant", "100");
/// await both.SameAsync("put", "key", "value", "--lease={lease}");
/// </code></example>
internal sealed partial class SideBySide : IAsyncDisposable
{
    // Ids come from the peer addresses. Nobody connects to this one, since each server is alone.
    private const string PeerUrl = "http://127.0.0.1:1";

    // A busy machine must not fail a test.
    private const string Patient = "--command-timeout=1m";

    private readonly string _etcdctl;
    private readonly StoreProcess _theirs;
    private readonly StoreProcess _ours;
    private readonly Dictionary<string, (string Theirs, string Ours)> _names = [];

    private SideBySide(string etcdctl, StoreProcess theirs, StoreProcess ours)
    {
        _etcdctl = etcdctl;
        _theirs = theirs;
        _ours = ours;
        _names["endpoint"] = (Address(theirs), Address(ours));
    }

    public static async Task<SideBySide> StartOrSkipAsync()
    {
        var etcdctl = Etcdctl.FindOrSkip();
        var program = Etcdctl.FindServerOrSkip() with
        {
            Arguments = ["--initial-advertise-peer-urls", PeerUrl, "--initial-cluster", $"m1={PeerUrl}"],
        };
        var theirs = await StoreProcess.StartAsync(program, cancellation: TestContext.Current.CancellationToken);
        return new SideBySide(etcdctl, theirs, await StoreProcess.StartAsync(program, cancellation: TestContext.Current.CancellationToken));
    }

    /// <summary>Runs a command on both sides; names in braces stand for what each side calls it. Output and exit code must be the same.</summary>
    public Task<CommandRun> SameAsync(params string[] arguments) => SameWithInputAsync("", arguments);

    /// <summary>As above, with standard input.</summary>
    public async Task<CommandRun> SameWithInputAsync(string input, params string[] arguments)
    {
        var (theirs, ours) = await RunAsync(input, arguments);
        var said = $"{string.Join(' ', arguments)}\n{theirs.Error}{ours.Error}";
        Assert.Equal($"{said}\n{Plain(theirs.Output)}", $"{said}\n{Plain(ours.Output)}");
        Assert.True(theirs.Code == ours.Code, $"{said}\nexit code {theirs.Code} of etcdctl, {ours.Code} of ours");
        if (ours.Code != 0)
        {
            // Their last line of trouble is what both print; before it, etcdctl logs.
            Assert.Equal(LastLine(theirs.Error), LastLine(ours.Error));
        }

        return ours;
    }

    /// <summary>Runs a command on both sides, and gives a name to what a pattern finds in their answers.</summary>
    public async Task NameAsync(string name, string pattern, params string[] arguments)
    {
        var (theirs, ours) = await RunAsync("", arguments);
        _names[name] = (Found(theirs), Found(ours));
        Assert.Equal(Plain(theirs.Output), Plain(ours.Output));

        string Found(CommandRun run)
        {
            var match = Regex.Match(run.Output, pattern);
            Assert.True(match.Success, $"There is no {pattern} in: {run.Output}{run.Error}");
            return match.Groups[1].Value;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _theirs.DisposeAsync();
        await _ours.DisposeAsync();
    }

    private string LastLine(string error) => Plain(error.TrimEnd('\n').Split('\n')[^1]);

    private static string Address(StoreProcess store) => store.Members[0].Client.Authority;

    private async Task<(CommandRun Theirs, CommandRun Ours)> RunAsync(string input, string[] arguments)
    {
        var bytes = ByteText.Bytes(input);
        var theirs = Etcdctl.RunAsync(_etcdctl, [$"--endpoints={Address(_theirs)}", Patient, .. arguments.Select(text => Named(text, isOurs: false))], bytes);
        var ours = CommandRun.OfAsync([$"--endpoints={Address(_ours)}", Patient, .. arguments.Select(text => Named(text, isOurs: true))], bytes);
        return (await theirs, await ours);
    }

    private string Named(string text, bool isOurs)
        => _names.Aggregate(text, (text, name) => text.Replace($"{{{name.Key}}}", isOurs ? name.Value.Ours : name.Value.Theirs, StringComparison.Ordinal));

    // Numbers and addresses that each server makes for itself, and what depends on the clock and on page allocation.
    private string Plain(string output)
    {
        var text = new StringBuilder(output);
        foreach (var (name, (theirs, ours)) in _names)
        {
            foreach (var own in new[] { theirs, ours })
            {
                text.Replace(own, $"{{{name}}}");
                if (ulong.TryParse(own, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var number))
                {
                    text.Replace(number.ToString(CultureInfo.InvariantCulture), $"{{{name}}}");
                }
            }
        }

        return Changing().Replace(text.ToString(), match => new string('~', match.Value.Contains(" B", StringComparison.Ordinal) ? 5 : 1));
    }

    [GeneratedRegex("""(?<=took = |"took":"|"Took" : )[0-9.µmns]+|(?<="dbSize":|"dbSizeInUse":|"DBSize" : )[0-9]+|[0-9.]+ [kM]B""")]
    private static partial Regex Changing();
}
