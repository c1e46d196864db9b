namespace RaftKv.Load;

/// <summary>
/// How a process that makes load is set up. What comes on a socket is dealt with by the thread that notices it: handing it
/// to another costs three times the processor with one client, and that processor is taken from what is measured.
/// </summary>
public static class LoadProcess
{
    /// <summary>What is set, for those who start other processes and take it from them.</summary>
    /// <remarks>The runtime has no other place for this setting, and looks at it with the first socket.</remarks>
    public const string InlineVariable = "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS";

    /// <summary>To be called before the process has any socket.</summary>
    public static void Prepare() => Environment.SetEnvironmentVariable(InlineVariable, "1");
}
