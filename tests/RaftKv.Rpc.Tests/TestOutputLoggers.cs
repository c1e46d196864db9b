using Microsoft.Extensions.Logging;

namespace RaftKv.Rpc.Tests;

/// <summary>Puts warnings and errors of what is under test into the output of the test that caused them.</summary>
internal sealed class TestOutputLoggers : ILoggerFactory, ILogger
{
    private readonly ITestOutputHelper? _output = TestContext.Current.TestOutputHelper;

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException("There is one output.");

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull
        => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (!IsEnabled(logLevel))
        {
            return;
        }

        try
        {
            _output?.WriteLine($"{logLevel} {eventId.Id} {eventId.Name}: {formatter(state, exception)} {exception}");
        }
        catch (InvalidOperationException)
        {
            // The test is over; a server that is still closing has nobody left to tell.
        }
    }

    public void Dispose()
    {
    }
}
