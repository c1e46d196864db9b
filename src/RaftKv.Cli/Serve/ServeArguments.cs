using System.Collections;
using System.CommandLine;
using RaftKv.Cli.Serve.Config;

namespace RaftKv.Cli.Serve;

/// <summary>
/// Where a member's flags come from: a configuration file alone if one is named, or else the command line and the
/// environment together.
/// </summary>
internal static class ServeArguments
{
    /// <returns>All flags, and what to tell about them.</returns>
    /// <exception cref="FlagException">They contradict each other, or cannot be read.</exception>
    public static (ParseResult Parsed, IReadOnlyList<string> Warnings) Read(
        RootCommand raftkv, ServeFlags flags, ParseResult parsed, IDictionary environment)
    {
        var all = flags.All.Concat(OtherFlags.All).ToList();
        if (parsed.GetValue(flags.ConfigFile) is { Length: > 0 } named)
        {
            return OfFile(raftkv, all, named, parsed);
        }

        var (more, warnings) = FlagEnvironment.Read(environment, parsed, all);
        if (more.Length > 0)
        {
            parsed = raftkv.Parse([.. parsed.Tokens.Select(token => token.Value), .. more]);
            if (parsed.Errors is [var wrong, ..])
            {
                throw new FlagException($"The environment sets {string.Join(", ", more)}. {wrong.Message}");
            }
        }

        return parsed.GetValue(flags.ConfigFile) is { Length: > 0 } file
            ? OfFile(raftkv, all, file, parsed)
            : (parsed, [.. warnings, .. OtherFlags.Warnings(parsed)]);
    }

    // As in etcd, the file says everything.
    private static (ParseResult Parsed, IReadOnlyList<string> Warnings) OfFile(
        RootCommand raftkv, IReadOnlyList<Option> all, string file, ParseResult given)
    {
        var ignored = all
            .Where(flag => flag.Name != "--config-file" && given.GetResult(flag) is { Implicit: false })
            .Select(flag => $"{flag.Name} is ignored: with --config-file, the file says everything.");
        var config = ConfigFile.Read(file, raftkv, all);
        return (config.Parsed, [.. ignored, .. config.Warnings, .. OtherFlags.Warnings(config.Parsed)]);
    }
}
