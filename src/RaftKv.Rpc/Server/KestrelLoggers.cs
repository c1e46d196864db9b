using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace RaftKv.Rpc.Server;

/// <summary>The host's loggers without what the host would log of every request: as long as anybody might listen to that,
/// it makes an activity for each.</summary>
internal sealed class KestrelLoggers(ILoggerFactory loggers) : ILoggerFactory
{
    private const string RequestCategory = "Microsoft.AspNetCore.Hosting.Diagnostics";

    public ILogger CreateLogger(string categoryName)
        => categoryName == RequestCategory ? NullLogger.Instance : loggers.CreateLogger(categoryName);

    public void AddProvider(ILoggerProvider provider) => loggers.AddProvider(provider);

    /// <summary>The loggers belong to the host's owner.</summary>
    public void Dispose()
    {
    }
}
