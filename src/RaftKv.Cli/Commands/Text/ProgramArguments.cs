namespace RaftKv.Cli.Commands.Text;

/// <summary>
/// The arguments of this process as they were given. The runtime decodes them as UTF-8 and replaces what is none; where
/// the system still shows the bytes, they are taken from there.
/// </summary>
internal static class ProgramArguments
{
    private const string CommandLineFile = "/proc/self/cmdline";

    public static string[] Undamaged(string[] decoded)
    {
        if (!decoded.Any(argument => argument.Contains('\ufffd', StringComparison.Ordinal)))
        {
            return decoded;
        }

        try
        {
            return Last(File.ReadAllBytes(CommandLineFile), decoded.Length) ?? decoded;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return decoded;
        }
    }

    /// <summary>The last so many of the arguments in a list that ends each with a zero byte; null if there are fewer.</summary>
    internal static string[]? Last(ReadOnlySpan<byte> commandLine, int count)
    {
        var all = new List<string>();
        while (!commandLine.IsEmpty)
        {
            var end = commandLine.IndexOf((byte)0);
            end = end < 0 ? commandLine.Length : end;
            all.Add(ByteText.Decode(commandLine[..end]));
            commandLine = commandLine[Math.Min(end + 1, commandLine.Length)..];
        }

        return all.Count < count ? null : [.. all[^count..]];
    }
}
