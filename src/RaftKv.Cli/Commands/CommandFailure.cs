namespace RaftKv.Cli.Commands;

/// <summary>How a client command ends, in the numbers that etcdctl's scripts know.</summary>
internal static class ExitCode
{
    public const int Success = 0;
    public const int Error = 1;
    public const int BadConnection = 2;
    public const int InvalidInput = 3;
    public const int BadFeature = 4;
    public const int Interrupted = 5;
    public const int BadArguments = 128;

    /// <summary>What shells show for a program that a broken pipe has ended.</summary>
    public const int ReaderGone = 141;
}

/// <summary>A command cannot go on. The message is one line for the person who typed it; the code is for scripts.</summary>
internal sealed class CommandFailure(int exitCode, string message, Exception? cause = null) : Exception(message, cause)
{
    public int ExitCode { get; } = exitCode;

    public static CommandFailure BadArguments(string message) => new(Commands.ExitCode.BadArguments, message);
}
