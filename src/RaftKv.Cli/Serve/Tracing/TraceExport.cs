using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using RaftKv.Server;

namespace RaftKv.Cli.Serve.Tracing;

/// <summary>Where traces go, and how many.</summary>
/// <param name="Collector">Takes OTLP over gRPC.</param>
/// <param name="Service">What the collector is told this is.</param>
/// <param name="Instance">Which one of them; empty for none in particular.</param>
/// <param name="Rate">Of a million writes without a trace of their own, how many begin one.</param>
internal sealed record TraceSettings(Uri Collector, string Service, string Instance, int Rate)
{
    public const int RateMax = 1_000_000;
}

/// <summary>Sends the member's spans to a collector. They wait in a queue that is bounded, and are sent beside; what does not
/// fit is dropped, so that no write ever waits for a collector.</summary>
internal sealed class TraceExport : IDisposable
{
    private readonly TracerProvider _provider;
    private readonly TraceTrouble _trouble;

    public TraceExport(TraceSettings settings, ILogger log)
    {
        _trouble = new TraceTrouble(log, TimeProvider.System);
        _provider = Sdk.CreateTracerProviderBuilder()
            .AddSource(RaftKvNode.TelemetryName)
            .SetResourceBuilder(ResourceBuilder.CreateEmpty().AddService(
                settings.Service,
                serviceVersion: RaftKvNode.Version,
                autoGenerateServiceInstanceId: false,
                serviceInstanceId: settings.Instance.Length > 0 ? settings.Instance : null))
            .SetSampler(new ParentBasedSampler(new TraceIdRatioBasedSampler((double)settings.Rate / TraceSettings.RateMax)))
            .AddOtlpExporter(export =>
            {
                export.Endpoint = settings.Collector;
                export.Protocol = OtlpExportProtocol.Grpc;
            })
            .Build();
    }

    /// <summary>Sends what waits, as far as the collector takes it at once.</summary>
    public void Dispose()
    {
        _provider.Dispose();
        _trouble.Dispose();
    }
}
