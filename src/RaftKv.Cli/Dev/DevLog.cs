using System.Globalization;
using Microsoft.Extensions.Logging;

namespace RaftKv.Cli.Dev;

/// <summary>The lines of all members in one place, each with its member's name in front.</summary>
internal sealed class DevLog(TextWriter output, LogLevel least, bool isColoured)
{
    private const string Plain = "\u001b[0m";

    // Cyan, yellow, green, magenta, blue, red.
    private static readonly string[] Colours = ["\u001b[36m", "\u001b[33m", "\u001b[32m", "\u001b[35m", "\u001b[34m", "\u001b[31m"];

    private readonly Lock _turn = new();
    private int _members;

    /// <summary>The log of one member.</summary>
    public ILoggerFactory Of(string member)
    {
        var colour = Colours[_members++ % Colours.Length];
        var name = isColoured ? $"{colour}{member} |{Plain}" : $"{member} |";
        return new LoggerFactory([new MemberLog(this, name)], new LoggerFilterOptions { MinLevel = least, Rules = { new("", "Microsoft", LogLevel.Warning, null) } });
    }

    public async Task WriteAsync(string text)
    {
        lock (_turn)
        {
            output.WriteLine(text);
        }

        await output.FlushAsync();
    }

    private void Write(string name, LogLevel level, string message)
    {
        var word = level switch { LogLevel.Information => "info", LogLevel.Warning => "warn", LogLevel.Error => "error", LogLevel.Critical => "crit", _ => "debug" };
        var time = DateTime.Now.ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture);
        lock (_turn)
        {
            foreach (var line in message.Split('\n'))
            {
                output.WriteLine($"{name} {time} {word}: {line}");
            }

            output.Flush();
        }
    }

    private sealed class MemberLog(DevLog log, string name) : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
            => log.Write(name, logLevel, exception is null ? formatter(state, exception) : $"{formatter(state, exception)}\n{exception}");

        public void Dispose()
        {
        }
    }
}
