using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using RaftKv.Rpc.Server.Http2.Hpack;

namespace RaftKv.Rpc.Server.Http2;

/// <summary>
/// One request and its answer, as ASP.NET wants to see them. The object serves many requests of its connection, one after
/// the other.
/// </summary>
#pragma warning disable CA1001 // The source of an abandoned request may still be asked for its token; it holds nothing.
internal sealed partial class Http2Stream
#pragma warning restore CA1001
    : IThreadPoolWorkItem, IFeatureCollection, IHttpRequestFeature, IHttpResponseFeature, IHttpResponseBodyFeature, IRequestBodyPipeFeature,
      IHttpResponseTrailersFeature, IHttpRequestLifetimeFeature, IHttpResetFeature, IHttpRequestBodyDetectionFeature, IPersistentStateFeature
{
    private readonly Http2Connection _connection;
    private readonly DefaultHttpContext _http = new();
    private readonly HeaderDictionary _requestHeaders = [];
    private readonly HeaderDictionary _responseHeaders = [];
    private readonly HeaderDictionary _trailers = [];
    private readonly Action _handled;
    private readonly Lock _abortGate = new();
    private Dictionary<Type, object>? _set;
    private Dictionary<object, object?>? _kept;
    private List<(Func<object, Task> Callback, object State)>? _starting;
    private List<(Func<object, Task> Callback, object State)>? _completed;
    private CancellationTokenSource? _aborted;
    private CancellationToken? _abortedInstead;
    private Stream? _bodyStream;
    private Stream? _answerStream;
    private Task? _handling;
    private bool _isAborted;
    private bool _hasStarted;
    private int _revision;
    private int _statusCode;

    public Http2Stream(Http2Connection connection)
    {
        _connection = connection;
        Place = new LinkedListNode<Http2Stream>(this);
        Request = new RequestBody(this);
        Answer = new ResponseBody(this);
        _handled = Handled;
    }

    public int Id { get; private set; }

    /// <summary>Where it waits for the connection, if it does. Under the connection's lock.</summary>
    public LinkedListNode<Http2Stream> Place { get; }

    public RequestBody Request { get; }

    public ResponseBody Answer { get; }

    /// <summary>Whether the thread that reads may handle it.</summary>
    public bool IsBrief { get; private set; }

    /// <summary>Whether its answer has no body, whatever the handler writes.</summary>
    public bool IsBodiless => Method == "HEAD" || _statusCode is StatusCodes.Status204NoContent or StatusCodes.Status304NotModified;

    /// <summary>What the client said that its body would have, or -1.</summary>
    public long BodyBytesAnnounced { get; private set; }

    // The connection's, under its lock; see there.
    public StreamSending Sending;
    public StreamReceiving Receiving;

    /// <summary>Takes a request.</summary>
    /// <returns>False if it is none.</returns>
    public bool TryBegin(int id, List<HeaderField> fields, bool hasBody)
    {
        Id = id;
        CanHaveBody = hasBody;
        Request.Reset();
        _requestHeaders.Clear();
        _responseHeaders.Clear();
        _trailers.Clear();
        RequestHeaders = _requestHeaders;
        ResponseHeaders = _responseHeaders;
        Trailers = _trailers;
        _statusCode = StatusCodes.Status200OK;
        BodyBytesAnnounced = -1;
        Method = Scheme = Path = QueryString = PathBase = RawTarget = "";
        _isAborted = _hasStarted = false;
        _aborted = null;
        _abortedInstead = null;
        return RequestHead.TryTake(fields, this);
    }

    /// <summary>Takes what the head of a request says.</summary>
    public void Take(string method, string scheme, string target, long bodyBytes)
    {
        Method = method;
        Scheme = scheme;
        RawTarget = target;
        BodyBytesAnnounced = bodyBytes;
        var question = target.IndexOf('?', StringComparison.Ordinal);
        var path = question < 0 ? target : target[..question];
        QueryString = question < 0 ? "" : target[question..];
        Path = path.Contains('%', StringComparison.Ordinal) ? Uri.UnescapeDataString(path) : path;
        IsBrief = _connection.Server.IsBrief(Path);
    }

    /// <summary>Runs the handler, until it has to wait.</summary>
    public void Execute()
    {
        try
        {
            _revision++;
            _http.Initialize(this);
            if (_connection.Server.Scopes is { } scopes)
            {
                _http.ServiceScopeFactory = scopes;
            }

            _handling = _connection.Server.App(_http);
        }
        catch (Exception trouble)
        {
            _handling = Task.FromException(trouble);
        }

        if (_handling.IsCompleted)
        {
            Handled();
        }
        else
        {
            _handling.ConfigureAwait(false).GetAwaiter().UnsafeOnCompleted(_handled);
        }
    }

    private void Handled()
    {
        var handling = _handling!;
        _handling = null;
        if (handling.IsCompletedSuccessfully && _starting is null && _completed is null)
        {
            End();
        }
        else
        {
            _ = HandledAsync(handling);
        }
    }

    // The long way, for what is no call.
    private async Task HandledAsync(Task handling)
    {
        try
        {
            await handling.ConfigureAwait(false);
            await StartAsync().ConfigureAwait(false);
        }
        catch (Exception trouble)
        {
            if (!_isAborted)
            {
                _connection.Server.LogRequestFailed(Path, trouble);
            }

            _starting = null;
            if (_hasStarted)
            {
                Reset(Http2Error.Internal);
            }
            else
            {
                _responseHeaders.Clear();
                ResponseHeaders = _responseHeaders;
                StatusCode = trouble is BadHttpRequestException bad ? bad.StatusCode : StatusCodes.Status500InternalServerError;
                _connection.DropAnswer(this);
            }
        }

        if (_completed is { } completed)
        {
            _completed = null;
            foreach (var (callback, state) in Enumerable.Reverse(completed))
            {
                try
                {
                    await callback(state).ConfigureAwait(false);
                }
                catch (Exception trouble)
                {
                    _connection.Server.LogRequestFailed(Path, trouble);
                }
            }
        }

        End();
    }

    private void End()
    {
        _hasStarted = true;
        _http.Uninitialize();
        _set = null;
        _bodyStream = null;
        _answerStream = null;
        Request.Complete();

        // Nothing of this object is touched after that: it may be serving another request.
        _connection.Complete(this);
    }

    /// <summary>The client, or the connection, has gone.</summary>
    public void Abandon(Exception reason)
    {
        Request.Break(reason);
        CancellationTokenSource? aborted;
        lock (_abortGate)
        {
            _isAborted = true;
            aborted = _aborted;
        }

        if (aborted is not null)
        {
            // Whoever waits for it goes on elsewhere: not on the thread that reads for everybody else.
            ThreadPool.UnsafeQueueUserWorkItem(static self => self.Stream.TellOfEnd(self.Source), (Stream: this, Source: aborted), preferLocal: false);
        }
    }

    private void TellOfEnd(CancellationTokenSource aborted)
    {
        try
        {
            aborted.Cancel();
        }
        catch (AggregateException trouble)
        {
            _connection.Server.LogRequestFailed(Path, trouble);
        }
    }

    public void Consumed(int bytes) => _connection.Consumed(this, bytes);

    public ValueTask<FlushResult> FlushAsync(CancellationToken cancellation)
    {
        if (_starting is not null && !_hasStarted)
        {
            return StartAndFlushAsync(cancellation);
        }

        _hasStarted = true;
        return _connection.FlushAsync(this, cancellation);
    }

    public void CancelFlush() => _connection.CancelFlush(this);

    private async ValueTask<FlushResult> StartAndFlushAsync(CancellationToken cancellation)
    {
        await StartAsync().ConfigureAwait(false);
        return await _connection.FlushAsync(this, cancellation).ConfigureAwait(false);
    }

    private async Task StartAsync()
    {
        while (_starting is { } starting)
        {
            _starting = null;
            foreach (var (callback, state) in Enumerable.Reverse(starting))
            {
                await callback(state).ConfigureAwait(false);
            }
        }

        _hasStarted = true;
    }

    private void Reset(Http2Error error) => _connection.ResetStream(this, error);
}

/// <summary>How far a stream's answer is on its way. The connection's, under its lock.</summary>
internal struct StreamSending
{
    /// <summary>How much the client takes.</summary>
    public long Window;

    /// <summary>The answer's headers are on their way.</summary>
    public bool HasBegun;

    /// <summary>The handler has ended.</summary>
    public bool IsComplete;

    /// <summary>Nothing more is to be sent.</summary>
    public bool HasEnded;

    /// <summary>Whoever waits for what was flushed to be on its way.</summary>
    public TaskCompletionSource<FlushResult>? Flushing;
}

/// <summary>What of a stream's request has come. Read and written where frames are read, but for what is said.</summary>
internal struct StreamReceiving
{
    /// <summary>How much the client may still send. Under the connection's lock.</summary>
    public int Window;

    /// <summary>What was read and is to be asked for again. Under the connection's lock.</summary>
    public int Credit;

    /// <summary>All of the request has come. Under the connection's lock.</summary>
    public bool HasEnded;

    /// <summary>The client or we have given it up. Under the connection's lock.</summary>
    public bool IsReset;

    /// <summary>So much of the body has come.</summary>
    public long BodyBytes;
}
