using RaftKv.Cli.Commands.Flags;
using RaftKv.Cli.Commands.Printing;

namespace RaftKv.Cli.Commands;

/// <summary>One command of the client side. An object serves one run: its flags keep what the command line gave.</summary>
internal abstract class ClientCommand(string name, string arguments, string description)
{
    /// <summary>"put", or "lease grant".</summary>
    public string Name { get; } = name;

    /// <summary>What stands behind the name in a help text.</summary>
    public string Arguments { get; } = arguments;

    public string Description { get; } = description;

    /// <summary>What --write-out may name.</summary>
    public virtual AnswerForms Forms => AnswerForms.Message;

    public virtual void AddFlags(FlagSet flags)
    {
    }

    /// <summary>Checks what was typed, before anything is connected.</summary>
    /// <exception cref="CommandFailure">The arguments cannot be meant.</exception>
    public virtual void Check(ParsedArguments arguments, ClientSession session)
    {
    }

    /// <returns>The exit code.</returns>
    /// <exception cref="CommandFailure">It did not work; the message says why.</exception>
    public abstract Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop);
}
