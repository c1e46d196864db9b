using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace RaftKv.Rpc.Server;

/// <summary>
/// The host's loggers without one warning of Kestrel's: that a port without TLS cannot serve HTTP/2 beside HTTP/1.1.
/// With <see cref="Http2.Http2Server"/> it can. And without what the host would log of every request: as long as anybody might
/// listen to that, it makes an activity for each.
/// </summary>
internal sealed class KestrelLoggers(ILoggerFactory loggers) : ILoggerFactory
{
    private const string Category = "Microsoft.AspNetCore.Server.Kestrel";

    private const string RequestCategory = "Microsoft.AspNetCore.Hosting.Diagnostics";

    public ILogger CreateLogger(string categoryName) => categoryName switch
    {
        Category => new WithoutThatWarning(loggers.CreateLogger(categoryName)),
        RequestCategory => NullLogger.Instance,
        _ => loggers.CreateLogger(categoryName),
    };

    public void AddProvider(ILoggerProvider provider) => loggers.AddProvider(provider);

    /// <summary>The loggers belong to the host's owner.</summary>
    public void Dispose()
    {
    }

    private sealed class WithoutThatWarning(ILogger log) : ILogger
    {
        private const string EventName = "Http2DisabledWithHttp1AndNoTls";

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull
            => log.BeginScope(state);

        public bool IsEnabled(LogLevel logLevel) => log.IsEnabled(logLevel);

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (eventId.Name != EventName)
            {
                log.Log(logLevel, eventId, state, exception, formatter);
            }
        }
    }
}
