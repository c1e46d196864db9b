using System.Collections.Concurrent;
using System.Net;

namespace RaftKv.Rpc.Client;

/// <summary>
/// One server of a channel: its connections, and what is believed about its health. Belief comes from calls alone:
/// <code>
///             failure                    back-off passed, a call tries
///   Healthy ───────────► Evicted ──────────────────────────► Probing
///      ▲                    ▲                                  │  │
///      │                    └──────────── failure ─────────────┘  │
///      └─────────────────────────── an answer ────────────────────┘
/// </code>
/// One call probes; the others go elsewhere while there is an elsewhere.
/// </summary>
internal sealed class ChannelAddress : IDisposable
{
    // Methods are few and fixed; the bound only matters to a caller that makes up names.
    private const int MaxRequestUris = 1024;

    private readonly ConcurrentDictionary<string, Uri> _requestUris = new(StringComparer.Ordinal);
    private readonly RpcChannelOptions _options;
    private readonly Lock _lock = new();

    // Under the lock; _isHealthy is also read without it.
    private volatile bool _isHealthy = true;
    private bool _isProbing;
    private bool _isLastResort;
    private int _failures;
    private int _epoch;
    private long _retryAt;
    private RpcStatus _lastFailure;

    public ChannelAddress(Uri uri, RpcChannelOptions options)
    {
        Uri = uri;
        _options = options;
        var handler = options.Handlers?.Invoke(uri) ?? options.InProcess?.NewHandler() ?? NewHandler(uri, options);
        Invoker = new HttpMessageInvoker(handler, disposeHandler: true);
    }

    public Uri Uri { get; }

    public HttpMessageInvoker Invoker { get; }

    /// <summary>Takes the address for a call, if it is healthy or due for a probe.</summary>
    public bool TryTake(long now, out AddressUse use)
    {
        // One read of the flag on the way of every call; the epoch only matters once something fails.
        if (_isHealthy)
        {
            use = new(this, Volatile.Read(ref _epoch), IsProbe: false);
            return true;
        }

        lock (_lock)
        {
            if (_isHealthy)
            {
                use = new(this, _epoch, IsProbe: false);
                return true;
            }

            if (_isProbing || now < _retryAt)
            {
                use = default;
                return false;
            }

            _isProbing = true;
            use = new(this, _epoch, IsProbe: true);
            return true;
        }
    }

    /// <summary>
    /// Takes the address where there is no better one: it is being probed already, or it lost a connection for the
    /// first time, which says little about the next one.
    /// </summary>
    public bool TryTakeAsLastResort(out AddressUse use)
    {
        lock (_lock)
        {
            use = new(this, _epoch, IsProbe: false);
            return _isHealthy || _isProbing || _isLastResort;
        }
    }

    /// <summary>When an evicted address may be tried again, and what happened to it.</summary>
    public (long RetryAt, RpcStatus LastFailure) Eviction()
    {
        lock (_lock)
        {
            return (_retryAt, _lastFailure);
        }
    }

    /// <summary>The server answered.</summary>
    /// <returns>True when it had been evicted.</returns>
    public bool Answered(int epoch)
    {
        // The usual case: nothing to correct.
        if (_isHealthy && Volatile.Read(ref _failures) == 0)
        {
            return false;
        }

        lock (_lock)
        {
            // A call from before the failure says nothing about the time after it.
            if (epoch != _epoch)
            {
                return false;
            }

            var returned = !_isHealthy;
            _isHealthy = true;
            _isProbing = false;
            _isLastResort = false;
            _failures = 0;
            if (returned)
            {
                _options.Observer?.AddressReturned(Uri);
            }

            return returned;
        }
    }

    /// <summary>The server could not be reached, or its connection broke.</summary>
    public void Failed(int epoch, in CallFailure failure)
    {
        TimeSpan backOff;
        lock (_lock)
        {
            // A broken connection fails all of its calls. It is one failure, not hundreds.
            if (epoch != _epoch)
            {
                return;
            }

            _epoch++;
            _failures++;
            _isLastResort = _failures == 1 && failure.Reach is not FailureReach.NotConnected;
            _isProbing = false;
            _lastFailure = failure.Status;
            lock (_options.Chance)
            {
                backOff = _options.Eviction.After(_failures, _options.Chance.NextDouble());
            }

            _retryAt = _options.Time.GetTimestamp() + (long)(backOff.TotalSeconds * _options.Time.TimestampFrequency);
            _isHealthy = false;
        }

        _options.Observer?.AddressEvicted(Uri, failure.Status, backOff);
    }

    /// <summary>A call that was to find out ended without having found out.</summary>
    public void ProbeAbandoned(int epoch)
    {
        lock (_lock)
        {
            if (epoch == _epoch && !_isHealthy)
            {
                _isProbing = false;
            }
        }
    }

    public Uri RequestUri(RpcMethod method)
    {
        if (_requestUris.TryGetValue(method.Path, out var uri))
        {
            return uri;
        }

        uri = new Uri(Uri, method.Path);
        if (_requestUris.Count < MaxRequestUris)
        {
            _requestUris.TryAdd(method.Path, uri);
        }

        return uri;
    }

    /// <summary>Takes no further calls. Those in progress go on to their end.</summary>
    public void Dispose() => Invoker.Dispose();

    private static SocketsHttpHandler NewHandler(Uri uri, RpcChannelOptions options)
    {
        var handler = new SocketsHttpHandler
        {
            // Nothing of a browser.
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            ActivityHeadersPropagator = null,

            // A server allows so many streams a connection; one more connection is better than a queue.
            EnableMultipleHttp2Connections = true,
            InitialHttp2StreamWindowSize = options.StreamWindowBytes,

            // Far above the limit that each call applies: this one takes the connection down.
            MaxResponseHeadersLength = Math.Max(1024, 4 * (options.MaxHeaderBytes / 1024)),
            ConnectTimeout = options.ConnectTimeout,
            PooledConnectionIdleTimeout = options.IdleTimeout,
            PooledConnectionLifetime = Timeout.InfiniteTimeSpan,
            KeepAlivePingDelay = options.KeepAliveInterval ?? Timeout.InfiniteTimeSpan,
            KeepAlivePingTimeout = options.KeepAliveTimeout,
            KeepAlivePingPolicy = options.KeepAliveWithoutCalls ? HttpKeepAlivePingPolicy.Always : HttpKeepAlivePingPolicy.WithActiveRequests,
        };
        if (uri.Scheme == Uri.UriSchemeHttps)
        {
            var tls = options.Tls ?? new RpcClientTls();
            handler.ConnectCallback = (context, cancellation) => TlsConnection.OpenAsync(context, tls, cancellation);
        }

        return handler;
    }
}

/// <summary>An address in the hands of one call, and which of its lives the call has seen.</summary>
internal readonly record struct AddressUse(ChannelAddress Address, int Epoch, bool IsProbe)
{
    /// <returns>True when the address had been evicted.</returns>
    public bool Answered() => Address.Answered(Epoch);

    public void Failed(in CallFailure failure) => Address.Failed(Epoch, failure);

    /// <summary>The attempt ended without news of the address.</summary>
    public void EndedWithoutNews()
    {
        if (IsProbe)
        {
            Address.ProbeAbandoned(Epoch);
        }
    }
}
