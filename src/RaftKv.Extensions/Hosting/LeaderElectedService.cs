using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using RaftKv.Client;

namespace RaftKv.Extensions.Hosting;

/// <summary>
/// A background service that works in one instance of the application at a time: the one that is elected. When the
/// leadership is lost, or the host stops, its token fires; when it has ended, the instance stands for election again.
/// </summary>
/// <remarks>
/// Between the loss of the leadership and the end of the work somebody else may have begun: the token fires a little
/// earlier than that can be, but a process that is paused notices late. What must not happen then belongs into
/// <see cref="LockHandle.CommitAsync"/>, or is sent with the fencing token.
/// </remarks>
/// <example><code>
/// sealed class Billing(RaftKvClient client, ILogger&lt;Billing&gt; log)
///     : LeaderElectedService(client, "shop/billing", log: log)
/// {
///     protected override async Task LeadAsync(LockHandle leadership, CancellationToken stop)
///     {
///         while (true)
///         {
///             await BillAsync(leadership.FencingToken, stop);
///             await Task.Delay(TimeSpan.FromMinutes(1), stop);
///         }
///     }
/// }
///
/// builder.Services.AddHostedService&lt;Billing&gt;();
/// </code></example>
public abstract partial class LeaderElectedService : BackgroundService
{
    private readonly RaftKvClient _client;
    private readonly string _office;
    private readonly LockOptions _options;
    private readonly ILogger _log;
    private volatile LockHandle? _leadership;

    /// <param name="client">Stays the caller's.</param>
    /// <param name="office">What is elected for: all instances of the service name the same, and nobody else.</param>
    /// <param name="options">How long others wait for a leader that has vanished, and what it says of itself: the machine's name, if nothing is said.</param>
    /// <param name="log">Told of elections.</param>
    protected LeaderElectedService(RaftKvClient client, string office, LockOptions? options = null, ILogger? log = null)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentException.ThrowIfNullOrEmpty(office);
        _client = client;
        _office = office;
        _options = options ?? new LockOptions { Value = Environment.MachineName };
        _log = log ?? NullLogger.Instance;
    }

    /// <summary>Whether this instance leads. By the time it is looked at, it may have changed.</summary>
    public bool IsLeader => _leadership is { Lost.IsCancellationRequested: false };

    /// <summary>The work, from the election on. Called once for each leadership.</summary>
    /// <param name="leadership">For transactions that need it, and the fencing token.</param>
    /// <param name="stop">Fires when the leadership is lost or the host stops. Nobody else is elected here before this has ended.</param>
    /// <returns>
    /// Who returns before the token fires has nothing more to do, and stays elected, so that no other instance does it again.
    /// Who throws ends the service, as with every <see cref="BackgroundService"/>, and another instance is elected.
    /// </returns>
    protected abstract Task LeadAsync(LockHandle leadership, CancellationToken stop);

    /// <inheritdoc/>
    protected sealed override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await foreach (var state in _client.StandForElectionAsync(_office, _options, stoppingToken).ConfigureAwait(false))
            {
                if (state.Leadership is { } leadership)
                {
                    Elected(_log, _office, leadership.FencingToken);
                    _leadership = leadership;
                    try
                    {
                        await LeadAsync(leadership, stoppingToken, leadership.Lost).ConfigureAwait(false);
                    }
                    finally
                    {
                        _leadership = null;
                    }
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The host stops. Whoever waits is elected at once.
        }
    }

    private async Task LeadAsync(LockHandle leadership, CancellationToken host, CancellationToken lost)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(host, lost);
        try
        {
            await LeadAsync(leadership, stop.Token).ConfigureAwait(false);
            await Task.Delay(Timeout.InfiniteTimeSpan, stop.Token).ConfigureAwait(false);
        }
        catch (Exception e) when ((e is OperationCanceledException && stop.IsCancellationRequested) || e is LockLostException)
        {
            host.ThrowIfCancellationRequested();
            NoLongerElected(_log, _office, leadership.FencingToken);
        }
    }

    [LoggerMessage(1, LogLevel.Information, "Elected for {Office} with token {Token}")]
    private static partial void Elected(ILogger log, string office, long token);

    [LoggerMessage(2, LogLevel.Warning, "No longer elected for {Office} with token {Token}; standing again")]
    private static partial void NoLongerElected(ILogger log, string office, long token);
}
