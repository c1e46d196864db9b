using System.Diagnostics;
using RaftKv.Rpc.Server;
using RaftKv.Storage.State;

namespace RaftKv.Server.Api;

/// <summary>Says where calls spent their time: to the log if they were slow, and as spans if somebody listens.</summary>
/// <remarks>The source of the spans is called <see cref="SourceName"/>. A call belongs to the trace that its metadata
/// <c>traceparent</c> names.</remarks>
/// <example><code>
/// services.AddOpenTelemetry().WithTracing(tracing => tracing.AddSource(RaftKvNode.TelemetryName));
/// </code></example>
internal sealed class CallClock(ApiOptions options, TimeProvider time)
{
    public const string SourceName = RaftKvNode.TelemetryName;

    private static readonly ActivitySource Source = new(SourceName);

    public long Now => time.GetTimestamp();

    /// <summary>A write was answered.</summary>
    public void Wrote(RpcServerCall call, in StageTimes times)
    {
        if (Span(times.Total) > options.SlowCall / 2)
        {
            call.Remark = new CallStages(
                ("queue", Span(times.Queue)), ("log write", Span(times.LogWrite)), ("replication", Span(times.Replication)), ("apply", Span(times.Apply)));
        }

        if (Source.HasListeners())
        {
            Trace(call, times);
        }
    }

    /// <summary>A read has waited for what it was to see, and then read.</summary>
    /// <param name="call">Which.</param>
    /// <param name="began">When it began to wait.</param>
    /// <param name="current">When it began to read.</param>
    public void Read(RpcServerCall call, long began, long current)
    {
        var now = Now;
        if (Span(now - began) > options.SlowCall / 2)
        {
            call.Remark = new CallStages(("quorum", Span(current - began)), ("read", Span(now - current)));
        }
    }

    private static void Stage(ActivityContext parent, string name, ref DateTime at, TimeSpan took)
    {
        using var span = Source.StartActivity(name, ActivityKind.Internal, parent, startTime: at);
        at += took;
        span?.SetEndTime(at);
    }

    // It is known only at the end how long each stage took.
    private void Trace(RpcServerCall call, in StageTimes times)
    {
        ActivityContext.TryParse(call.Metadata("traceparent"), call.Metadata("tracestate"), isRemote: true, out var parent);
        var end = DateTime.UtcNow;
        var at = end - Span(times.Total);
        using var write = Source.StartActivity(call.Method.Path, ActivityKind.Server, parent, startTime: at);
        if (write is null)
        {
            return;
        }

        Stage(write.Context, "queue", ref at, Span(times.Queue));
        Stage(write.Context, "log write", ref at, Span(times.LogWrite));
        Stage(write.Context, "replication", ref at, Span(times.Replication));
        Stage(write.Context, "apply", ref at, Span(times.Apply));
        write.SetEndTime(end);
    }

    private TimeSpan Span(long ticks) => time.GetElapsedTime(0, ticks);
}
