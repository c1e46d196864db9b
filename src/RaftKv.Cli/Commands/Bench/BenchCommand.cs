using System.Net.Sockets;
using RaftKv.Cli.Commands.Connection;
using RaftKv.Cli.Commands.Flags;
using RaftKv.Cli.Commands.Printing;
using RaftKv.Load;
using RaftKv.Protocol.Etcd;

namespace RaftKv.Cli.Commands.Bench;

/// <summary>
/// Load on any cluster that speaks etcd's v3 API. Preparing is done with our client, which can say what is wrong; the load
/// itself by <see cref="LoadRun"/>, which is cheaper by far, because it may share a machine with what it measures.
/// </summary>
internal abstract class BenchCommand(string name, string description) : ClientCommand($"bench {name}", "", description)
{
    private Flag<int> _clients = null!;
    private Flag<int> _connections = null!;
    private Flag<TimeSpan> _duration = null!;
    private Flag<TimeSpan> _warmUp = null!;
    private Flag<int> _total = null!;
    private Flag<int> _rate = null!;

    public override AnswerForms Forms => AnswerForms.Simple | AnswerForms.Json;

    protected int Clients => _clients.Value;

    protected int Connections => _connections.IsSet ? _connections.Value : (Clients + 9) / 10;

    protected long? Total => _total.IsSet ? _total.Value : null;

    protected TimeSpan Duration => _duration.Value;

    protected double? Rate => _rate.IsSet ? _rate.Value : null;

    public override void AddFlags(FlagSet flags)
    {
        _clients = flags.Count("clients", "How many calls at a time", 50);
        _connections = flags.Count("conns", "On how many connections [default: one for ten clients]", 0);
        _duration = flags.Duration("duration", "For how long, where no --total is given", TimeSpan.FromSeconds(10));
        _warmUp = flags.Duration("warm-up", "For how long before that, which does not count", TimeSpan.FromSeconds(1));
        _total = flags.Count("total", "How many operations, all of which count", 0);
        _rate = flags.Count("rate", "Operations a second, answered or not [default: as many as the clients can]", 0);
    }

    public override void Check(ParsedArguments arguments, ClientSession session)
    {
        if (arguments.Count > 0)
        {
            throw CommandFailure.BadArguments($"{Name} takes flags only");
        }

        if (Connections > Clients)
        {
            throw CommandFailure.BadArguments($"{Connections} connections (--conns) are more than {Clients} clients (--clients)");
        }

        if (_total.IsSet && (_duration.IsSet || _warmUp.IsSet))
        {
            throw CommandFailure.BadArguments("--total says when it ends, so there is no --duration and no --warm-up with it");
        }

        if (_duration.Value <= TimeSpan.Zero || _warmUp.Value < TimeSpan.Zero)
        {
            throw CommandFailure.BadArguments("--duration must be more than nothing, and --warm-up not less");
        }
    }

    public sealed override async Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        BenchReport report;
        try
        {
            await CheckAsync(session.Cluster, stop);
            report = await MeasureAsync(session, await session.Cluster.LoadEndpointsAsync(stop), stop);
        }
        catch (Exception broken) when (broken is IOException or SocketException)
        {
            throw new CommandFailure(ExitCode.Error, $"the load broke off: {broken.Message}", broken);
        }

        report.WriteTo(session.Output, isJson: !session.IsSimple);
        return report.Operations > 0 ? ExitCode.Success : ExitCode.Error;
    }

    protected abstract Task<BenchReport> MeasureAsync(ClientSession session, IReadOnlyList<LoadEndpoint> endpoints, CancellationToken stop);

    /// <summary>Loads as the flags say.</summary>
    protected async Task<LoadFigures> LoadAsync(IReadOnlyList<LoadEndpoint> endpoints, IWorkload work, CancellationToken stop)
    {
        var plan = new LoadPlan
        {
            Endpoints = endpoints,
            Work = work,
            Clients = Clients,
            Connections = Connections,
            Rate = Rate,
            Operations = Total,
        };
        return Total is null
            ? await LoadRun.MeasureAsync(plan, _warmUp.Value, _duration.Value, stop)
            : await LoadRun.CompleteAsync(plan, stop);
    }

    // Refused loads say only that they were refused; this call says why.
    private static Task<RangeResponse> CheckAsync(ClusterConnection cluster, CancellationToken stop)
        => cluster.CallAsync(
            EtcdMethods.Range, new RangeRequest { Key = Google.Protobuf.ByteString.CopyFromUtf8(BenchKeys.First) }, stop, isSafeToRepeat: true);
}
