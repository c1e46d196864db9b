using RaftKv.Cli.Commands;
using RaftKv.Cli.Commands.Text;

namespace RaftKv.Cli.Tests.Commands;

/// <summary>How a command ended and what it wrote. Bytes are shown as byte text, so that nothing is lost in a comparison.</summary>
internal sealed record CommandRun(int Code, string Output, string Error)
{
    // A busy machine must not fail a test. Where a flag says otherwise, a variable would contradict it.
    private static readonly (string Flag, string Variable)[] Limits = [("--dial-timeout", "ETCDCTL_DIAL_TIMEOUT"), ("--command-timeout", "ETCDCTL_COMMAND_TIMEOUT")];

    /// <summary>Runs a command of ours inside this process. One that is to find nobody should be told not to try for long.</summary>
    public static async Task<CommandRun> OfAsync(
        IReadOnlyList<string> arguments, byte[]? input = null, IReadOnlyDictionary<string, string>? environment = null)
    {
        var variables = (environment ?? new Dictionary<string, string>()).ToDictionary();
        foreach (var limit in Limits.Where(limit => !arguments.Any(one => one.StartsWith(limit.Flag, StringComparison.Ordinal))))
        {
            variables.TryAdd(limit.Variable, "1m");
        }

        using var output = new MemoryStream();
        using var error = new StringWriter();
        var console = new ClientConsole(new MemoryStream(input ?? []), output, error, variables);
        Assert.True(ClientProgram.Takes(arguments), $"'{string.Join(' ', arguments)}' is no client command.");
        var code = await ClientProgram.RunAsync(arguments, console, TestContext.Current.CancellationToken);
        return new CommandRun(code, ByteText.Decode(output.ToArray()), error.ToString());
    }

    public static Task<CommandRun> OfAsync(params string[] arguments) => OfAsync((IReadOnlyList<string>)arguments);
}
