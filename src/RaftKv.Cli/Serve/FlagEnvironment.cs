using System.Collections;
using System.CommandLine;

namespace RaftKv.Cli.Serve;

/// <summary>
/// Flags from the environment: <c>ETCD_LISTEN_CLIENT_URLS</c>, or <c>RAFTKV_LISTEN_CLIENT_URLS</c>, for
/// <c>--listen-client-urls</c>.
/// </summary>
internal static class FlagEnvironment
{
    private static readonly string[] Prefixes = ["RAFTKV_", "ETCD_"];

    // Said of etcd's own process, or of its client.
    private static readonly string[] NoFlags = ["ETCD_UNSUPPORTED_ARCH", "RAFTKV_REWRITE", "RAFTKV_FUZZ_ROUNDS"];

    /// <summary>What the environment adds to a command line.</summary>
    /// <exception cref="FlagException">A flag is given there and here.</exception>
    public static (string[] Arguments, string[] Warnings) Read(IDictionary environment, ParseResult parsed, IEnumerable<Option> flags)
    {
        var byVariable = flags
            .SelectMany(flag => flag.Aliases.Prepend(flag.Name).Select(name => (Name: name, Flag: flag)))
            .ToDictionary(one => one.Name[2..].ToUpperInvariant().Replace('-', '_'), StringComparer.Ordinal);
        var arguments = new List<string>();
        var warnings = new List<string>();
        foreach (var variable in environment.Keys.Cast<string>().Order(StringComparer.Ordinal))
        {
            var prefix = Prefixes.FirstOrDefault(one => variable.StartsWith(one, StringComparison.Ordinal));
            if (prefix is null || NoFlags.Contains(variable) || environment[variable] is not string { Length: > 0 } value)
            {
                continue;
            }

            if (!byVariable.TryGetValue(variable[prefix.Length..], out var found))
            {
                warnings.Add($"The environment variable {variable} is not known.");
                continue;
            }

            if (parsed.GetResult(found.Flag) is { Implicit: false })
            {
                throw new FlagException($"{found.Name} is given on the command line and by the environment variable {variable}: take one of them away.");
            }

            arguments.Add($"{found.Name}={value}");
        }

        return ([.. arguments], [.. warnings]);
    }
}
