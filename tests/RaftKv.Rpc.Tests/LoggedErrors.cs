using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace RaftKv.Rpc.Tests;

/// <summary>Keeps what is logged as an error, for tests of input that must not cause any.</summary>
internal sealed class LoggedErrors : ILoggerFactory
{
    private readonly ConcurrentQueue<string> _lines = new();

    public IReadOnlyCollection<string> Lines => _lines;

    public ILogger CreateLogger(string categoryName) => new Log(categoryName, _lines);

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException("Errors are kept here and go nowhere.");

    public void Dispose()
    {
    }

    private sealed class Log(string category, ConcurrentQueue<string> lines) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull
            => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

        void ILogger.Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                lines.Enqueue($"{category} {logLevel} {eventId}: {formatter(state, exception)} {exception}");
            }
        }
    }
}
