using Microsoft.Extensions.Logging;

namespace RaftKv.Server;

/// <summary>What is worth a line, as long as nobody says otherwise.</summary>
/// <example><code>
/// var levels = new LogLevelSwitch(LogLevel.Information);
/// using var loggers = LoggerFactory.Create(logging => logging
///     .SetMinimumLevel(LogLevel.Trace)
///     .AddFilter((category, level) => level >= levels.Level)
///     .AddConsole());
/// var options = new RaftKvOptions { Loggers = loggers, LogLevels = levels };
/// </code></example>
public sealed class LogLevelSwitch(LogLevel level)
{
    private volatile int _level = (int)level;

    /// <summary>Of this severity and above.</summary>
    public LogLevel Level
    {
        get => (LogLevel)_level;
        set => _level = (int)value;
    }

    /// <summary>By etcd's names, in any case.</summary>
    public static bool TryParse(string? text, out LogLevel level)
    {
        level = text?.ToUpperInvariant() switch
        {
            "DEBUG" => LogLevel.Debug,
            "INFO" => LogLevel.Information,
            "WARN" or "WARNING" => LogLevel.Warning,
            "ERROR" or "DPANIC" or "PANIC" or "FATAL" => LogLevel.Error,
            _ => LogLevel.None,
        };
        return level != LogLevel.None;
    }
}
