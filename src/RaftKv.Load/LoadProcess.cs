namespace RaftKv.Load;

/// <summary>
/// How a process that makes load is set up. What comes on a socket is dealt with by the thread that notices it: handing it
/// to another costs three times the processor with one client, and that processor is taken from what is measured.
/// </summary>
public static class LoadProcess
{
    // The runtime has no other place for this setting, and looks at it with the first socket.
    private const string Inline = "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS";

    /// <summary>To be called before the process has any socket.</summary>
    public static void Prepare() => Environment.SetEnvironmentVariable(Inline, "1");

    /// <summary>Takes back what other processes would inherit.</summary>
    public static void Clean(IDictionary<string, string?> environment) => environment.Remove(Inline);
}
