using System.Buffers;
using System.Collections.Concurrent;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace RaftKv.Rpc.Server.Http2;

/// <summary>
/// Serves HTTP/2 on connections that Kestrel accepts, with TLS or without. Whether a connection is HTTP/2 is seen by its
/// first bytes; what is not goes on to Kestrel, which serves HTTP/1.1.
/// </summary>
/// <remarks>
/// Kestrel could serve HTTP/2 as well, with a thread's turn, a pipe and two hand-overs for each request and again for each
/// answer. That was a third of what a put costs; docs/performance.md has the figures.
/// </remarks>
internal sealed partial class Http2Server : IDisposable
{
    private static readonly TimeSpan LongestTick = TimeSpan.FromSeconds(1);

    // Kestrel waits about as long for the first request of a connection.
    private static readonly TimeSpan FirstBytesPatience = TimeSpan.FromMinutes(2);

    private readonly ConcurrentDictionary<Http2Connection, bool> _connections = [];
    private readonly ILogger _log;
    private readonly Timer _timer;

    public Http2Server(RpcConnectionLimits limits, ISet<string> rawNames, ILoggerFactory loggers)
    {
        Limits = limits;
        RawNames = rawNames;
        _log = loggers.CreateLogger("RaftKv.Rpc.Server");
        var tick = limits.KeepAliveInterval is { } interval && interval / 2 < LongestTick ? interval / 2 : LongestTick;
        _timer = new Timer(static self => ((Http2Server)self!).Tick(), this, tick, tick);
    }

    public RpcConnectionLimits Limits { get; }

    /// <summary>Headers whose values may be any bytes.</summary>
    public ISet<string> RawNames { get; }

    /// <summary>Where requests go. Set before the first connection.</summary>
    public RequestDelegate App { get; set; } = null!;

    /// <summary>Of which paths requests are handled by the thread that reads them: those whose handlers never hold it up.</summary>
    public Func<string, bool> IsBrief { get; set; } = static _ => false;

    public IServiceScopeFactory? Scopes { get; set; }

    /// <summary>RFC 9113 §3.4: what every HTTP/2 client sends first.</summary>
    public static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    public ConnectionDelegate Use(ConnectionDelegate next) => async connection =>
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(
            connection.ConnectionClosed, connection.Features.Get<IConnectionLifetimeNotificationFeature>()?.ConnectionClosedRequested ?? default);
        ended.CancelAfter(FirstBytesPatience);
        if (!await StartsWithPrefaceAsync(connection.Transport.Input, ended.Token).ConfigureAwait(false))
        {
            // Whoever has said nothing worth an answer is not waited for any longer, least of all by a server that stops.
            if (!ended.IsCancellationRequested)
            {
                await next(connection).ConfigureAwait(false);
            }

            return;
        }

        ended.CancelAfter(Timeout.InfiniteTimeSpan);

        var served = new Http2Connection(this, connection);
        _connections.TryAdd(served, true);
        try
        {
            await served.RunAsync().ConfigureAwait(false);
        }
        finally
        {
            _connections.TryRemove(served, out _);
        }
    };

    public void Dispose() => _timer.Dispose();

    [LoggerMessage(EventId = 2, Level = LogLevel.Error, Message = "{Path} failed with an exception that is no answer")]
    public partial void LogRequestFailed(string path, Exception exception);

    [LoggerMessage(EventId = 3, Level = LogLevel.Debug, Message = "An HTTP/2 connection of {Peer} is ended: {Reason}")]
    public partial void LogConnectionEnded(System.Net.EndPoint? peer, string reason);

    private void Tick()
    {
        foreach (var (connection, _) in _connections)
        {
            connection.Tick();
        }
    }

    private static async ValueTask<bool> StartsWithPrefaceAsync(PipeReader input, CancellationToken ended)
    {
        while (true)
        {
            ReadResult result;
            try
            {
                result = await input.ReadAsync(ended).ConfigureAwait(false);
            }
            catch (Exception gone) when (gone is OperationCanceledException or IOException)
            {
                return false; // Kestrel meets the same end, and knows what to log.
            }

            var verdict = Compare(result.Buffer);
            if (verdict is { } decided || result.IsCompleted || result.IsCanceled)
            {
                // Examined nothing: the next read returns these same bytes at once.
                input.AdvanceTo(result.Buffer.Start);
                return verdict ?? false;
            }

            input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        }
    }

    /// <returns>Null while the bytes so far are a beginning of the preface.</returns>
    private static bool? Compare(in ReadOnlySequence<byte> bytes)
    {
        Span<byte> first = stackalloc byte[Preface.Length];
        var length = (int)Math.Min(bytes.Length, first.Length);
        first = first[..length];
        bytes.Slice(0, length).CopyTo(first);
        if (!Preface.StartsWith(first))
        {
            return false;
        }

        return length == Preface.Length ? true : null;
    }
}
