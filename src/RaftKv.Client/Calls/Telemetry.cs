using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using RaftKv.Rpc;

namespace RaftKv.Client.Calls;

/// <summary>What the client tells of itself, by names that are kept: never a key, never a value.</summary>
internal static partial class Telemetry
{
    public const string Name = "RaftKv.Client";

    private static readonly ActivitySource Source = new(Name);
    private static readonly Meter Meter = new(Name);

    private static readonly Histogram<double> Duration = Meter.CreateHistogram<double>(
        "raftkv.client.operation.duration", "s", "How long calls take, repetitions included.");

    private static readonly Counter<long> Repetitions = Meter.CreateCounter<long>(
        "raftkv.client.repetitions", "{attempt}", "Attempts beyond the first of a call.");

    private static readonly Counter<long> Departures = Meter.CreateCounter<long>(
        "raftkv.client.member.departures", "{departure}", "How often a member was found to be no good.");

    private static readonly UpDownCounter<long> Streams = Meter.CreateUpDownCounter<long>(
        "raftkv.client.watch.streams", "{stream}", "Watch streams that are open.");

    /// <summary>Whether anybody listens to calls.</summary>
    public static bool IsOn => Source.HasListeners() || Duration.Enabled;

    public static Activity? Start(RpcMethod method)
    {
        var activity = Source.StartActivity(method.Name, ActivityKind.Client);
        activity?.SetTag("rpc.system", "grpc").SetTag("rpc.service", method.Service).SetTag("rpc.method", method.Name);
        return activity;
    }

    public static void End(RpcMethod method, Activity? activity, TimeSpan duration, Exception? failure)
    {
        var kind = failure?.GetType().Name;
        if (kind is not null)
        {
            activity?.SetTag("error.type", kind).SetStatus(ActivityStatusCode.Error);
        }

        Duration.Record(duration.TotalSeconds, new("rpc.method", method.Name), new("error.type", kind));
    }

    public static void Repeated(RpcMethod method) => Repetitions.Add(1, new KeyValuePair<string, object?>("rpc.method", method.Name));

    public static void StreamOpened() => Streams.Add(1);

    public static void StreamClosed() => Streams.Add(-1);

    public static void Left(ILogger log, Uri member, string why)
    {
        Departures.Add(1);
        MemberLeft(log, member, why);
    }

    [LoggerMessage(1, LogLevel.Warning, "The member at {Member} is left until it answers: {Why}")]
    private static partial void MemberLeft(ILogger log, Uri member, string why);

    [LoggerMessage(2, LogLevel.Information, "The member at {Member} answers again")]
    public static partial void MemberReturned(ILogger log, Uri member);

    [LoggerMessage(3, LogLevel.Information, "A watch stream at {Member} has ended, and {Watchers} watchers go on elsewhere: {Why}")]
    public static partial void StreamEnded(ILogger log, Uri member, int watchers, string why);
}
