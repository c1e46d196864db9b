using System.CommandLine;
using Microsoft.Extensions.Logging;
using RaftKv.Cli.Serve.Logging;
using RaftKv.Server;

namespace RaftKv.Cli.Serve;

/// <summary>The flags of a member that are about its log for people, under etcd's names.</summary>
internal sealed class LogFlags
{
    private readonly Option<string> _logLevel = new("--log-level")
    {
        Description = "What is worth a line: debug, info, warn or error",
        HelpName = "LEVEL",
        DefaultValueFactory = _ => "info",
    };

    private readonly Option<string> _logFormat = new("--log-format")
    {
        Description = "How lines of the log look [default: console on a terminal, else json]",
        HelpName = "json|console",
    };

    private readonly Option<string> _logOutputs = new("--log-outputs", "--log-output")
    {
        Description = "Where they go, comma-separated: stderr, stdout, or files, which are added to",
        HelpName = "OUTPUT,...",
        DefaultValueFactory = _ => "default",
    };

    private readonly Option<bool> _rotates = new("--enable-log-rotation")
    {
        Description = "Begin a new file when one has grown large, and keep the old ones as --log-rotation-config-json says",
    };

    private readonly Option<string> _rotation = new("--log-rotation-config-json")
    {
        Description = "When: maxsize in MB, maxage in days, maxbackups, localtime, compress",
        HelpName = "JSON",
        DefaultValueFactory = _ => LogRotation.UsualText,
    };

    public IEnumerable<Option> All => [_logLevel, _logFormat, _logOutputs, _rotates, _rotation];

    /// <summary>What is worth a line.</summary>
    /// <exception cref="FlagException">There is no such level.</exception>
    public LogLevel Level(ParseResult parsed)
        => LogLevelSwitch.TryParse(parsed.GetRequiredValue(_logLevel), out var level)
            ? level
            : throw new FlagException($"--log-level is '{parsed.GetRequiredValue(_logLevel)}'; it must be debug, info, warn or error.");

    public bool IsJson(ParseResult parsed) => parsed.GetValue(_logFormat) switch
    {
        null => Console.IsErrorRedirected,
        "json" => true,
        "console" => false,
        var other => throw new FlagException($"--log-format is '{other}'; it must be json or console."),
    };

    /// <summary>Opens what lines go to.</summary>
    /// <exception cref="FlagException">Something cannot be opened, or rotated.</exception>
    public LogOutput Open(ParseResult parsed)
    {
        var outputs = parsed.GetRequiredValue(_logOutputs).Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (!parsed.GetValue(_rotates))
        {
            return LogOutput.Open(outputs);
        }

        return outputs.Any(LogOutput.IsFile)
            ? LogOutput.Open(outputs, LogRotation.Parse(parsed.GetRequiredValue(_rotation)))
            : throw new FlagException("--enable-log-rotation is there for files, and --log-outputs names none.");
    }
}
