using System.Diagnostics.Tracing;
using System.Globalization;
using Microsoft.Extensions.Logging;

namespace RaftKv.Cli.Serve.Tracing;

/// <summary>Puts into the log what goes wrong on the way to a collector, once a minute at most: the libraries tell nobody but
/// those who listen.</summary>
internal sealed partial class TraceTrouble : EventListener
{
    private static readonly TimeSpan Silence = TimeSpan.FromMinutes(1);

    private readonly ILogger _log;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private long _last;

    public TraceTrouble(ILogger log, TimeProvider time)
    {
        (_log, _time) = (log, time);
    }

    protected override void OnEventSourceCreated(EventSource eventSource)
    {
        if (eventSource.Name.StartsWith("OpenTelemetry", StringComparison.Ordinal))
        {
            EnableEvents(eventSource, EventLevel.Warning);
        }
    }

    protected override void OnEventWritten(EventWrittenEventArgs eventData)
    {
        // Some come before the constructor has got so far.
        if (_log is null || _time is null)
        {
            return;
        }

        lock (_gate)
        {
            if (_last != 0 && _time.GetElapsedTime(_last) < Silence)
            {
                return;
            }

            _last = _time.GetTimestamp();
        }

        var values = (eventData.Payload ?? []).Select(value => Convert.ToString(value, CultureInfo.InvariantCulture)?.Split('\n')[0]).ToArray();
        SayTrouble(_log, $"{eventData.EventName}: {string.Join(", ", values)}");
    }

    [LoggerMessage(1, LogLevel.Warning, "Traces do not get to their collector: {Problem}")]
    private static partial void SayTrouble(ILogger log, string problem);
}
