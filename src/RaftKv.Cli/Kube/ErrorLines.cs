using Microsoft.Extensions.Logging;

namespace RaftKv.Cli.Kube;

/// <summary>Writes what has to be told to the standard error output.</summary>
internal sealed class ErrorLines(TextWriter error) : ILogger
{
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull
        => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        => error.WriteLine($"raftkv: {formatter(state, exception)}");
}
