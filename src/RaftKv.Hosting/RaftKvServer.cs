using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using RaftKv.Rpc.Client;
using RaftKv.Rpc.InProcess;
using RaftKv.Server;

namespace RaftKv.Hosting;

/// <summary>
/// The application's member: it starts and stops with the host. The host has started when the member runs; that it has
/// caught up with its cluster, which may take until others have started, is for <see cref="WaitUntilReadyAsync"/> and the
/// health check to say.
/// </summary>
/// <remarks>A member that must end by itself, because its disk failed or it was removed from its cluster, stops the
/// application, and the reason is thrown to whoever stops or runs the host.</remarks>
/// <example><code>
/// builder.Services.AddRaftKvServer(options => options.DataDirectory = "data");
/// app.MapGet("/members", (RaftKvServer server) => server.Node.Member.Members.Count);
/// </code></example>
public sealed partial class RaftKvServer : IHostedService, IAsyncDisposable
{
    private readonly TaskCompletionSource<RaftKvNode> _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly RaftKvOptions _options;
    private readonly IHostApplicationLifetime _lifetime;
    private readonly ILogger _log;
    private Task? _stopped;

    public RaftKvServer(
        IOptions<RaftKvServerOptions> options,
        IHostEnvironment environment,
        IHostApplicationLifetime lifetime,
        ILoggerFactory loggers,
        IServiceProvider services)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(environment);
        var read = ServerSettings.Read(options.Value, []);
        var folder = read.DataDirectory.Length > 0 ? read.DataDirectory : $"{read.Name}.raftkv";
        _options = read with
        {
            DataDirectory = Path.Combine(environment.ContentRootPath, folder),
            Loggers = loggers,
            Time = services.GetService<TimeProvider>() ?? TimeProvider.System,
        };
        _lifetime = lifetime;
        _log = loggers.CreateLogger("raftkv");

        // Calls that come before it runs wait for it. There is a channel from the beginning, so that a client may be, too.
        Channel = new RpcChannel(new RpcChannelOptions
        {
            Addresses = [RpcInProcessServer.Address],
            Handlers = _ => new MemberHandler(_started.Task),
            MaxReceiveMessageBytes = int.MaxValue,
            Time = _options.Time,
        });
    }

    /// <summary>The member.</summary>
    /// <exception cref="InvalidOperationException">It does not run yet.</exception>
    public RaftKvNode Node => _started.Task.IsCompletedSuccessfully
#pragma warning disable VSTHRD002 // It is there.
        ? _started.Task.Result
#pragma warning restore VSTHRD002
        : throw new InvalidOperationException("The member of this application does not run yet: it starts with the host.");

    /// <summary>Without a socket. It is this object's.</summary>
    internal RpcChannel Channel { get; }

    internal RaftKvOptions Options => _options;

    internal bool IsStarted => _started.Task.IsCompletedSuccessfully;

    /// <summary>Waits until the member runs, knows a leader, and has caught up with what was agreed upon when this was called.</summary>
    public async Task WaitUntilReadyAsync(CancellationToken cancellation = default)
    {
        var node = await _started.Task.WaitAsync(cancellation).ConfigureAwait(false);
        await node.WaitUntilReadyAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>Starts the member. The host does that.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        try
        {
            var node = await RaftKvNode.StartAsync(_options, cancellationToken).ConfigureAwait(false);
            _started.TrySetResult(node);
            _ = EndWithAsync(node);
        }
        catch (Exception problem)
        {
            _started.TrySetException(problem);
            _ = _started.Task.Exception;
            throw;
        }
    }

    /// <summary>Hands leadership over, finishes what is under way, and stops. The host does that.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (!IsStarted)
        {
            return;
        }

        var ended = Node.Ended;
        await (_stopped ??= Node.DisposeAsync().AsTask()).WaitAsync(cancellationToken).ConfigureAwait(false);
        await ended.ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        _started.TrySetException(new ObjectDisposedException(nameof(RaftKvServer)));
        _ = _started.Task.Exception;
        await Channel.DisposeAsync().ConfigureAwait(false);
        if (IsStarted)
        {
            await (_stopped ??= Node.DisposeAsync().AsTask()).ConfigureAwait(false);
        }
    }

    private async Task EndWithAsync(RaftKvNode node)
    {
        try
        {
            await node.Ended.ConfigureAwait(false);
        }
        catch (Exception reason)
        {
            LogEnded(_log, reason.Message);
            _lifetime.StopApplication();
        }
    }

    [LoggerMessage(EventId = 100, Level = LogLevel.Critical, Message = "The member has ended, and the application with it: {Reason}")]
    private static partial void LogEnded(ILogger log, string reason);

    /// <summary>Carries calls to a member that may not run yet.</summary>
    private sealed class MemberHandler(Task<RaftKvNode> started) : HttpMessageHandler
    {
        private HttpMessageInvoker? _member;

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var member = Volatile.Read(ref _member) ?? await FindAsync(cancellationToken).ConfigureAwait(false);
            return await member.SendAsync(request, cancellationToken).ConfigureAwait(false);
        }

        // Whoever comes second at the same time makes one too much, which holds nothing.
        private async ValueTask<HttpMessageInvoker> FindAsync(CancellationToken cancellation)
        {
            try
            {
                var node = await started.WaitAsync(cancellation).ConfigureAwait(false);
                var invoker = new HttpMessageInvoker(node.NewHandler(), disposeHandler: true);
                Volatile.Write(ref _member, invoker);
                return invoker;
            }
            catch (Exception problem) when (problem is not OperationCanceledException)
            {
                throw new HttpRequestException(HttpRequestError.ConnectionError, $"The member of this application does not run: {problem.Message}", problem);
            }
        }
    }
}
