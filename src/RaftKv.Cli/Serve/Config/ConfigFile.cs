using System.CommandLine;
using RaftKv.Cli.Commands.Text;

namespace RaftKv.Cli.Serve.Config;

/// <summary>A configuration file: YAML or JSON, with etcd's keys, which are the names of the flags.</summary>
/// <param name="Parsed">As if the command line had said it.</param>
/// <param name="Warnings">What was left out, and where it stands.</param>
internal sealed record ConfigFile(ParseResult Parsed, IReadOnlyList<string> Warnings)
{
    // Flags of the same meaning go by longer names.
    private static readonly Dictionary<string, string> Sections = new(StringComparer.Ordinal)
    {
        ["client-transport-security.cert-file"] = "cert-file",
        ["client-transport-security.key-file"] = "key-file",
        ["client-transport-security.client-cert-file"] = "client-cert-file",
        ["client-transport-security.client-key-file"] = "client-key-file",
        ["client-transport-security.client-cert-auth"] = "client-cert-auth",
        ["client-transport-security.trusted-ca-file"] = "trusted-ca-file",
        ["client-transport-security.auto-tls"] = "auto-tls",
        ["client-transport-security.allowed-hostname"] = "client-cert-allowed-hostname",
        ["client-transport-security.crl-file"] = "client-crl-file",
        ["peer-transport-security.cert-file"] = "peer-cert-file",
        ["peer-transport-security.key-file"] = "peer-key-file",
        ["peer-transport-security.client-cert-file"] = "peer-client-cert-file",
        ["peer-transport-security.client-key-file"] = "peer-client-key-file",
        ["peer-transport-security.client-cert-auth"] = "peer-client-cert-auth",
        ["peer-transport-security.trusted-ca-file"] = "peer-trusted-ca-file",
        ["peer-transport-security.auto-tls"] = "peer-auto-tls",
        ["peer-transport-security.allowed-cn"] = "peer-cert-allowed-cn",
        ["peer-transport-security.allowed-hostname"] = "peer-cert-allowed-hostname",
        ["peer-transport-security.skip-client-san-verification"] = "peer-skip-client-san-verification",
        ["peer-transport-security.crl-file"] = "peer-crl-file",
        ["socket-options.reuse-port"] = "socket-reuse-port",
        ["socket-options.reuse-address"] = "socket-reuse-address",
        ["discovery-config.token"] = "discovery-token",
        ["discovery-config.client.endpoints"] = "discovery-endpoints",
        ["discovery-config.client.request-timeout"] = "discovery-request-timeout",
        ["discovery-config.client.dial-timeout"] = "discovery-dial-timeout",
        ["discovery-config.client.keepalive-time"] = "discovery-keepalive-time",
        ["discovery-config.client.keepalive-timeout"] = "discovery-keepalive-timeout",
        ["discovery-config.client.secure.cert"] = "discovery-cert",
        ["discovery-config.client.secure.key"] = "discovery-key",
        ["discovery-config.client.secure.cacert"] = "discovery-cacert",
        ["discovery-config.client.secure.insecure-transport"] = "discovery-insecure-transport",
        ["discovery-config.client.secure.insecure-skip-tls-verify"] = "discovery-insecure-skip-tls-verify",
        ["discovery-config.client.auth.username"] = "discovery-user",
        ["discovery-config.client.auth.password"] = "discovery-password",
        ["experimental-snapshot-catch-up-entries"] = "snapshot-catchup-entries",
    };

    /// <exception cref="FlagException">It cannot be read, or says something wrong; the message names file, line and column.</exception>
    public static ConfigFile Read(string path, RootCommand raftkv, IReadOnlyList<Option> flags)
    {
        var byName = flags
            .SelectMany(flag => flag.Aliases.Prepend(flag.Name).Select(name => (Name: name[2..], Flag: flag)))
            .ToDictionary(one => one.Name, one => one.Flag, StringComparer.Ordinal);
        var arguments = new List<string>();
        var warnings = new List<string>();
        var seen = new Dictionary<Option, ConfigSetting>();
        foreach (var setting in ConfigSettings.Read(path))
        {
            var name = Sections.GetValueOrDefault(setting.Key, setting.Key);
            if (!byName.TryGetValue(name, out var flag) || name == "config-file")
            {
                warnings.Add($"{path}:{setting.Place}: '{setting.Key}' is no setting{Suggestion(setting.Key, byName.Keys)}; it is left out.");
                continue;
            }

            if (seen.TryGetValue(flag, out var before))
            {
                throw new FlagException($"{path}:{setting.Place}: {flag.Name[2..]} is set twice, first as '{before.Key}' at {before.Place}.");
            }

            seen.Add(flag, setting);
            if (setting.Value.Length == 0)
            {
                continue;
            }

            // In such files durations are numbers of nanoseconds.
            var isBareDuration = flag is Option<TimeSpan> && setting.Value.All(char.IsAsciiDigit);
            var argument = $"--{name}={setting.Value}{(isBareDuration ? "ns" : "")}";
            if (raftkv.Parse([argument]).Errors is [var wrong, ..])
            {
                throw new FlagException($"{path}:{setting.Place}: {setting.Key}: {wrong.Message}");
            }

            arguments.Add(argument);
        }

        return new ConfigFile(raftkv.Parse(arguments), warnings);
    }

    private static string Suggestion(string key, IEnumerable<string> names)
        => names.Concat(Sections.Keys).FirstOrDefault(name => Spelling.IsClose(name, key)) is { } close ? $" (did you mean '{close}'?)" : "";
}
