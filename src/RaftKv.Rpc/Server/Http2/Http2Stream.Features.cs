using System.Collections;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace RaftKv.Rpc.Server.Http2;

// What ASP.NET asks of a request.
internal sealed partial class Http2Stream
{
    public string Protocol { get; set; } = HttpProtocol.Http2;

    public string Scheme { get; set; } = "";

    public string Method { get; set; } = "";

    public string PathBase { get; set; } = "";

    public string Path { get; set; } = "";

    public string QueryString { get; set; } = "";

    public string RawTarget { get; set; } = "";

    public IHeaderDictionary RequestHeaders { get; private set; } = null!;

    public IHeaderDictionary ResponseHeaders { get; private set; } = null!;

    public int StatusCode
    {
        get => _statusCode;
        set => _statusCode = _hasStarted ? throw new InvalidOperationException("The response has started.") : value;
    }

    public string? ReasonPhrase { get; set; }

    public bool HasStarted => _hasStarted;

    public IHeaderDictionary Trailers { get; set; } = null!;

    public bool CanHaveBody { get; private set; }

    public PipeReader Reader => Request;

    public PipeWriter Writer => Answer;

    IHeaderDictionary IHttpRequestFeature.Headers
    {
        get => RequestHeaders;
        set => RequestHeaders = value;
    }

    Stream IHttpRequestFeature.Body
    {
        get => _bodyStream ??= Request.AsStream(leaveOpen: true);
        set => _bodyStream = value;
    }

    IHeaderDictionary IHttpResponseFeature.Headers
    {
        get => ResponseHeaders;
        set => ResponseHeaders = value;
    }

    [Obsolete("Asked for by the interface; nobody uses it.")]
    Stream IHttpResponseFeature.Body
    {
        get => Stream;
        set => _answerStream = value;
    }

    public Stream Stream => _answerStream ??= Answer.AsStream(leaveOpen: true);

    IDictionary<object, object?> IPersistentStateFeature.State => _kept ??= [];

    public CancellationToken RequestAborted
    {
        get
        {
            lock (_abortGate)
            {
                if (_abortedInstead is { } instead)
                {
                    return instead;
                }

                if (_isAborted)
                {
                    return new CancellationToken(canceled: true);
                }

                return (_aborted ??= new CancellationTokenSource()).Token;
            }
        }

        set
        {
            lock (_abortGate)
            {
                _abortedInstead = value;
            }
        }
    }

    public void Abort() => Reset(Http2Error.Internal);

    void IHttpResetFeature.Reset(int errorCode) => Reset((Http2Error)errorCode);

    void IHttpResponseFeature.OnStarting(Func<object, Task> callback, object state)
    {
        if (_hasStarted)
        {
            throw new InvalidOperationException("The response has started.");
        }

        (_starting ??= []).Add((callback, state));
    }

    void IHttpResponseFeature.OnCompleted(Func<object, Task> callback, object state) => (_completed ??= []).Add((callback, state));

    void IHttpResponseBodyFeature.DisableBuffering()
    {
        // Nothing is held back as it is.
    }

    async Task IHttpResponseBodyFeature.StartAsync(CancellationToken cancellationToken)
        => await FlushAsync(cancellationToken).ConfigureAwait(false);

    async Task IHttpResponseBodyFeature.CompleteAsync() => await FlushAsync(default).ConfigureAwait(false);

    Task IHttpResponseBodyFeature.SendFileAsync(string path, long offset, long? count, CancellationToken cancellationToken)
        => SendFileFallback.SendFileAsync(Stream, path, offset, count, cancellationToken);

    bool IFeatureCollection.IsReadOnly => false;

    int IFeatureCollection.Revision => _revision;

    object? IFeatureCollection.this[Type key]
    {
        get => _set is not null && _set.TryGetValue(key, out var set) ? set
            : key.IsInstanceOfType(this) ? this
            : key == typeof(IHttpConnectionFeature) ? _connection
            : _connection.Features[key];
        set => Set(key, value);
    }

    public TFeature? Get<TFeature>()
    {
        if (_set is not null && _set.TryGetValue(typeof(TFeature), out var set))
        {
            return (TFeature?)set;
        }

        if (this is TFeature own)
        {
            return own;
        }

        return _connection is TFeature connection ? connection : _connection.Features.Get<TFeature>();
    }

    public void Set<TFeature>(TFeature? instance) => Set(typeof(TFeature), instance);

    public IEnumerator<KeyValuePair<Type, object>> GetEnumerator() => (_set ?? []).Concat(_connection.Features).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private void Set(Type key, object? instance)
    {
        _revision++;
        if (instance is null)
        {
            _set?.Remove(key);
        }
        else
        {
            (_set ??= [])[key] = instance;
        }
    }
}
