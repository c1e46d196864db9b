using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;
using RaftKv.Rpc.Framing;

namespace RaftKv.Rpc.Server;

/// <summary>
/// One call as its handler sees it: who calls and with which metadata, how long there is, and how it ends.
/// </summary>
/// <remarks>
/// Belongs to the handler until the handler's task completes, and to one caller at a time. The object of a unary call
/// is used again for a later call of the same connection: keep nothing of it.
/// </remarks>
[SuppressMessage("Design", "CA1001", Justification = "End() releases what a call holds, after every call.")]
public sealed class RpcServerCall
{
    internal readonly FrameReader Reader = new();
    internal readonly FrameWriter Writer = new();

    private HttpContext _http = null!;
    private TimeProvider _time = null!;
    private RpcMetadata? _requestMetadata;
    private RpcMetadata? _responseHeaders;
    private RpcMetadata? _responseTrailers;
    private CallEnding? _ending;
    private CancellationToken _stopping;
    private long _deadlineTimestamp;
    private bool _hasDeadline;
    private volatile EndedWith? _endedWith;
    private IDisposable? _held;

    internal RpcServerCall()
    {
    }

    public RpcMethod Method { get; private set; } = null!;

    /// <summary>The request under the call: connection, addresses, features.</summary>
    public HttpContext HttpContext => _http;

    /// <summary>Where the call comes from, or null where the transport has no address.</summary>
    public IPEndPoint? Peer => _http.Connection.RemoteIpAddress is { } address ? new(address, _http.Connection.RemotePort) : null;

    /// <summary>The caller's certificate, where TLS asked for one and it was accepted.</summary>
    public X509Certificate2? ClientCertificate => _http.Connection.ClientCertificate;

    /// <summary>What its handler knows of where the time went, for <see cref="RpcServerOptions.SlowCall"/>.</summary>
    public object? Remark { get; set; }

    /// <summary>How many bytes of its answer are in this process's memory, and not on their way yet.</summary>
    public long WaitingBytes => Writer.WaitingBytes;

    /// <summary>How the call will end, or has ended. OK until something says otherwise.</summary>
    public RpcStatus Status { get; private set; } = RpcStatus.Ok;

    /// <summary>
    /// Fires when the client goes away, its deadline passes, or the server stops (which most unary calls are not told).
    /// Created on first use: a handler that never waits need not ask for it.
    /// </summary>
    public CancellationToken CancellationToken
    {
        get
        {
            if (!_hasDeadline && !_stopping.CanBeCanceled)
            {
                return _http.RequestAborted;
            }

            return (_ending ??= new CallEnding(_hasDeadline ? DeadlineTimer() : null, _http.RequestAborted, _stopping)).Token;
        }
    }

    /// <summary>Time left until the caller's deadline, or null when it set none. Never negative.</summary>
    public TimeSpan? TimeLeft
    {
        get
        {
            if (!_hasDeadline)
            {
                return null;
            }

            var left = _time.GetElapsedTime(_time.GetTimestamp(), _deadlineTimestamp);
            return left > TimeSpan.Zero ? left : TimeSpan.Zero;
        }
    }

    /// <summary>All metadata the caller sent. For one key, <see cref="Metadata"/> is cheaper.</summary>
    public RpcMetadata RequestMetadata => _requestMetadata ??= CollectMetadata(_http.Request.Headers);

    /// <summary>Sent before the first message, or with the status of a call that sends none.</summary>
    public RpcMetadata ResponseHeaders => _responseHeaders ??= [];

    /// <summary>Sent with the status.</summary>
    public RpcMetadata ResponseTrailers => _responseTrailers ??= [];

    /// <summary>The first value of one metadata key, or null.</summary>
    public string? Metadata(string key) => _http.Request.Headers.TryGetValue(key, out var values) && values.Count > 0 ? values[0] : null;

    /// <summary>
    /// Compresses the response's messages, though the request was not compressed. To be asked for before the first of
    /// them is written.
    /// </summary>
    /// <returns>False if the client does not accept it, or it is too late.</returns>
    public bool TryCompressResponse()
    {
        if (IsGzipWanted)
        {
            return true;
        }

        if (Writer.HasWritten || _http.Response.HasStarted || !RpcDispatcher.AcceptsGzip(_http.Request.Headers))
        {
            return false;
        }

        IsGzipWanted = true;
        Writer.UseGzip();
        return true;
    }

    /// <summary>Decides how the call ends, without the price of an exception. The first failure stays.</summary>
    public void Fail(RpcStatus status)
    {
        if (Status.IsOk)
        {
            Status = status;
        }
    }

    /// <inheritdoc cref="Fail(RpcStatus)"/>
    public void Fail(RpcStatusCode code, string detail) => Fail(new RpcStatus(code, detail));

    /// <summary><see cref="Fail(RpcStatus)"/> as the last step of an interceptor or handler.</summary>
    public ValueTask Refuse(RpcStatus status)
    {
        Fail(status);
        return default;
    }

    /// <summary>
    /// Ends a streaming call from outside of its handler, on any thread: <see cref="CancellationToken"/> fires, and when
    /// the handler gives up over it, the call ends with this status. Only while the handler runs, and after somebody has
    /// asked for the token before it.
    /// </summary>
    public void EndWith(RpcStatus status)
    {
        if (_ending is not { } ending)
        {
            throw new InvalidOperationException("A call can be ended from outside once its token was asked for.");
        }

        _endedWith ??= new EndedWith(status);
        ending.Cancel();
    }

    /// <summary>
    /// Gives something back when the answer has left this process's memory, or the call has failed. A unary call that holds
    /// something does not end before: to be asked for where answers are large, and clients may read them slowly.
    /// </summary>
    public void HoldUntilSent(IDisposable held)
    {
        if (_held is not null)
        {
            throw new InvalidOperationException("A call holds one thing.");
        }

        _held = held;
    }

    /// <summary>Waits until the answer of a call that holds something is with the connection.</summary>
    internal ValueTask SendHeldAsync()
    {
        return _held is null ? default : SendAsync();

        async ValueTask SendAsync() => await Writer.FlushAsync(CancellationToken).ConfigureAwait(false);
    }

    /// <summary>Sends the response headers now, ahead of the first message. What is added to them later is lost.</summary>
    public async ValueTask SendHeadersAsync()
    {
        PrepareHeaders();
        await Writer.FlushAsync(CancellationToken).ConfigureAwait(false);
    }

    /// <summary>For waiting on the request's own bytes: those waits end by themselves when the client goes.</summary>
    internal CancellationToken ReadCancellation => _hasDeadline ? CancellationToken : default;

    // The timer counts in milliseconds and may fire a little before the timestamp is reached; what it ended, the deadline
    // has ended.
    internal bool HasDeadlinePassed
        => _hasDeadline && (_ending is { HasDeadlineFired: true } || _time.GetTimestamp() >= _deadlineTimestamp);

    /// <summary>The status that somebody else has chosen, if anybody did.</summary>
    internal RpcStatus? EndedFromOutside => _endedWith?.Status;

    /// <summary>Ends the read of the request that is under way.</summary>
    internal void CancelRead() => _http.Request.BodyReader.CancelPendingRead();

    /// <summary>Whether the call ends because the server does.</summary>
    public bool IsServerStopping => _stopping.IsCancellationRequested;

    internal bool IsGzipWanted { get; private set; }

    internal void Begin(
        HttpContext http,
        RpcMethod method,
        TimeProvider time,
        in RpcCallShape shape,
        IRpcMethodObserver? observer,
        CancellationToken stopping)
    {
        _stopping = stopping;
        _http = http;
        _time = time;
        Method = method;
        Status = RpcStatus.Ok;
        Remark = null;
        _endedWith = null;
        IsGzipWanted = shape.GzipResponse;
        _hasDeadline = shape.Timeout is not null;
        if (shape.Timeout is { } timeout)
        {
            var ticks = timeout.TotalSeconds * time.TimestampFrequency;
            var now = time.GetTimestamp();
            _deadlineTimestamp = ticks >= long.MaxValue - now ? long.MaxValue : now + (long)ticks;
        }

        Reader.Reset(http.Request.BodyReader, shape.MaxReceiveMessageBytes, shape.GzipRequest, observer);
        Writer.Reset(http.Response.BodyWriter, shape.MaxSendMessageBytes, shape.GzipResponse, observer);
    }

    internal void End()
    {
        Reader.Dispose();
        Writer.Dispose();
        _ending?.Dispose();
        _ending = null;
        _held?.Dispose();
        _held = null;
        _requestMetadata = null;
        _responseHeaders = null;
        _responseTrailers = null;
        _http = null!;
    }

    /// <summary>Puts the protocol's headers and the handler's metadata into the response, once, before it starts.</summary>
    internal void PrepareHeaders()
    {
        var response = _http.Response;
        if (response.HasStarted || response.ContentType is not null)
        {
            return;
        }

        response.ContentType = RpcDispatcher.ContentType;
        if (IsGzipWanted)
        {
            response.Headers["grpc-encoding"] = Gzip.Name;
        }

        if (_responseHeaders is not null)
        {
            Append(response.Headers, _responseHeaders);
        }
    }

    /// <summary>Ends the response: the status goes behind the messages, or into the headers where there were none.</summary>
    internal void WriteStatus()
    {
        Writer.Settle();
        var response = _http.Response;
        if (!Writer.HasWritten && !response.HasStarted)
        {
            IsGzipWanted = false;
            PrepareHeaders();
            Write(response.Headers);
            return;
        }

        // A handler that failed halfway has written part of a message before anybody has said what kind of answer this is.
        PrepareHeaders();
        Write(_http.Features.Get<IHttpResponseTrailersFeature>()!.Trailers);
    }

    private void Write(IHeaderDictionary headers)
    {
        headers.GrpcStatus = StatusText(Status.Code);
        if (Status.Detail.Length > 0)
        {
            headers.GrpcMessage = PercentText.Encode(Status.Detail);
        }

        if (_responseTrailers is not null)
        {
            Append(headers, _responseTrailers);
        }
    }

    private static void Append(IHeaderDictionary headers, RpcMetadata metadata)
    {
        foreach (var entry in metadata)
        {
            // Not headers.Append, which leaves out a value without characters.
            headers[entry.Key] = StringValues.Concat(headers[entry.Key], entry.Text);
        }
    }

    private static string StatusText(RpcStatusCode code)
        => code == RpcStatusCode.Ok ? "0" : ((int)code).ToString(CultureInfo.InvariantCulture);

    private static RpcMetadata CollectMetadata(IHeaderDictionary headers)
    {
        var metadata = new RpcMetadata();
        foreach (var (key, values) in headers)
        {
            if (!RpcMetadata.IsMetadata(key))
            {
                continue;
            }

            foreach (var value in values)
            {
                metadata.AddReceived(key.ToLowerInvariant(), value ?? "");
            }
        }

        return metadata;
    }

    private CancellationTokenSource DeadlineTimer()
    {
        // A timer takes at most this long; a deadline further away than three weeks is as good as none.
        var longest = TimeSpan.FromMilliseconds(int.MaxValue);
        var left = TimeLeft!.Value;
        return new CancellationTokenSource(left < longest ? left : longest, _time);
    }

    // A status is too large to be published to another thread as it is.
    private sealed record EndedWith(RpcStatus Status);

    /// <summary>Fires when the call must end, whatever the reason, and owns the timer of its deadline.</summary>
    private sealed class CallEnding : CancellationTokenSource
    {
        private readonly CancellationTokenSource? _deadline;
        private readonly CancellationTokenRegistration _onDeadline;
        private readonly CancellationTokenRegistration _onAbort;
        private readonly CancellationTokenRegistration _onStopping;

        public CallEnding(CancellationTokenSource? deadline, CancellationToken aborted, CancellationToken stopping)
        {
            _deadline = deadline;
            _onDeadline = deadline?.Token.UnsafeRegister(Fire, this) ?? default;
            _onAbort = aborted.UnsafeRegister(Fire, this);
            _onStopping = stopping.UnsafeRegister(Fire, this);
        }

        public bool HasDeadlineFired => _deadline is { IsCancellationRequested: true };

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                _onDeadline.Dispose();
                _onAbort.Dispose();
                _onStopping.Dispose();
                _deadline?.Dispose();
            }

            base.Dispose(disposing);
        }

        private static void Fire(object? self) => ((CallEnding)self!).Cancel();
    }
}

/// <summary>What a call's headers say about how it travels.</summary>
internal readonly record struct RpcCallShape(
    TimeSpan? Timeout, bool GzipRequest, bool GzipResponse, int MaxReceiveMessageBytes, int MaxSendMessageBytes);
