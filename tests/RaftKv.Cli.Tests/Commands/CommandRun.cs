using RaftKv.Cli.Commands;
using RaftKv.Cli.Commands.Text;

namespace RaftKv.Cli.Tests.Commands;

/// <summary>How a command ended and what it wrote. Bytes are shown as byte text, so that nothing is lost in a comparison.</summary>
internal sealed record CommandRun(int Code, string Output, string Error)
{
    /// <summary>Runs a command of ours inside this process.</summary>
    public static async Task<CommandRun> OfAsync(
        IReadOnlyList<string> arguments, byte[]? input = null, IReadOnlyDictionary<string, string>? environment = null)
    {
        using var output = new MemoryStream();
        using var error = new StringWriter();
        var console = new ClientConsole(
            new MemoryStream(input ?? []), output, error, environment ?? new Dictionary<string, string>());
        Assert.True(ClientProgram.Takes(arguments), $"'{string.Join(' ', arguments)}' is no client command.");
        var code = await ClientProgram.RunAsync(arguments, console, TestContext.Current.CancellationToken);
        return new CommandRun(code, ByteText.Decode(output.ToArray()), error.ToString());
    }

    public static Task<CommandRun> OfAsync(params string[] arguments) => OfAsync((IReadOnlyList<string>)arguments);
}
