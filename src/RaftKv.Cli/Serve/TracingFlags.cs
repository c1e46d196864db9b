using System.CommandLine;
using RaftKv.Cli.Serve.Tracing;

namespace RaftKv.Cli.Serve;

/// <summary>The flags of a member that are about OpenTelemetry, under etcd's names, those of before 3.6 included.</summary>
internal sealed class TracingFlags
{
    private readonly Option<bool> _isOn = new("--enable-distributed-tracing", "--experimental-enable-distributed-tracing")
    {
        Description = "Send the stages of writes as spans to an OpenTelemetry collector",
    };

    private readonly Option<string> _address = new("--distributed-tracing-address", "--experimental-distributed-tracing-address")
    {
        Description = "Where it takes OTLP over gRPC; http:// or https:// may stand before it",
        HelpName = "HOST:PORT",
        DefaultValueFactory = _ => "localhost:4317",
    };

    private readonly Option<string> _service = new("--distributed-tracing-service-name", "--experimental-distributed-tracing-service-name")
    {
        Description = "What it is told this service is; the same on all members",
        HelpName = "NAME",
        DefaultValueFactory = _ => "etcd",
    };

    private readonly Option<string> _instance = new("--distributed-tracing-instance-id", "--experimental-distributed-tracing-instance-id")
    {
        Description = "Which one of them this is",
        HelpName = "ID",
    };

    private readonly Option<int> _rate = new("--distributed-tracing-sampling-rate", "--experimental-distributed-tracing-sampling-rate")
    {
        Description = "How many of a million writes are sent that come without a trace; a trace that comes with a write decides itself",
        HelpName = "N",
    };

    public IEnumerable<Option> All => [_isOn, _address, _service, _instance, _rate];

    /// <returns>Null if nothing is to be sent.</returns>
    /// <exception cref="FlagException">They cannot be followed.</exception>
    public TraceSettings? Read(ParseResult parsed)
    {
        if (!parsed.GetValue(_isOn))
        {
            return null;
        }

        var address = parsed.GetRequiredValue(_address);
        var text = address.Contains("://", StringComparison.Ordinal) ? address : $"http://{address}";
        if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https") || url.Host.Length == 0 || url.PathAndQuery != "/")
        {
            throw new FlagException($"--distributed-tracing-address is '{address}'; write it as collector.example:4317.");
        }

        var rate = parsed.GetValue(_rate);
        return rate is >= 0 and <= TraceSettings.RateMax
            ? new TraceSettings(url, parsed.GetRequiredValue(_service), parsed.GetValue(_instance) ?? "", rate)
            : throw new FlagException($"--distributed-tracing-sampling-rate is {rate}; it must be from 0 to {TraceSettings.RateMax}, of a million.");
    }
}
