using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;
using RaftKv.Rpc.Server;

namespace RaftKv.Rpc.InProcess;

/// <summary>
/// One request and its response. The client's end is an <see cref="HttpResponseMessage"/>, the server's an
/// <see cref="HttpContext"/>; between them are two pipes, which make a fast side wait for a slow one as flow control does.
/// </summary>
#pragma warning disable CA1001 // Either end may be the last to abort, and a source that was never linked or timed holds nothing.
internal sealed class InProcessExchange : IHttpRequestLifetimeFeature, IHttpResponseBodyFeature, IRequestBodyPipeFeature, IHttpResponseTrailersFeature
#pragma warning restore CA1001
{
    private static readonly PipeOptions Options = new(
        pauseWriterThreshold: 512 * 1024, resumeWriterThreshold: 256 * 1024, useSynchronizationContext: false);

    private readonly RpcDispatcher _dispatcher;
    private readonly HttpRequestMessage _request;
    private readonly Pipe _up = new(Options);
    private readonly Pipe _down = new(Options);
    private readonly CancellationTokenSource _aborted = new();
    private readonly TaskCompletionSource<HttpResponseMessage> _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly HttpResponseFeature _response = new();
    private readonly StartingWriter _writer;
    private int _isStarted;

    public InProcessExchange(RpcDispatcher dispatcher, HttpRequestMessage request)
    {
        _dispatcher = dispatcher;
        _request = request;
        _writer = new StartingWriter(this, _down.Writer);
        RequestAborted = _aborted.Token;
    }

    public CancellationToken RequestAborted { get; set; }

    public IHeaderDictionary Trailers { get; set; } = new HeaderDictionary();

    PipeReader IRequestBodyPipeFeature.Reader => _up.Reader;

    PipeWriter IHttpResponseBodyFeature.Writer => _writer;

    Stream IHttpResponseBodyFeature.Stream => _writer.AsStream(leaveOpen: true);

    public async Task<HttpResponseMessage> RunAsync(CancellationToken cancellation)
    {
        // Until the response is there, the client gives up by its token; afterwards, by disposing of the response.
        using var givenUp = cancellation.UnsafeRegister(static self => ((InProcessExchange)self!).GiveUp(), this);
        _ = SendRequestAsync();
        _ = ServeAsync();
        return await _opened.Task.ConfigureAwait(false);
    }

    public void Abort() => _aborted.Cancel();

    Task IHttpResponseBodyFeature.CompleteAsync() => _down.Writer.CompleteAsync().AsTask();

    void IHttpResponseBodyFeature.DisableBuffering()
    {
        // Nothing is held back as it is.
    }

    Task IHttpResponseBodyFeature.SendFileAsync(string path, long offset, long? count, CancellationToken cancellationToken)
        => throw new NotSupportedException("Calls do not answer with files.");

    Task IHttpResponseBodyFeature.StartAsync(CancellationToken cancellationToken)
    {
        Start();
        return Task.CompletedTask;
    }

    private void GiveUp()
    {
        Abort();
        _opened.TrySetException(new OperationCanceledException("The call was given up."));
    }

    private async Task SendRequestAsync()
    {
        Exception? broken = null;
        try
        {
            if (_request.Content is { } content)
            {
                await content.CopyToAsync(_up.Writer.AsStream(leaveOpen: true), _aborted.Token).ConfigureAwait(false);
            }
        }
        catch (Exception problem)
        {
            broken = problem is OperationCanceledException ? problem : new IOException("The client gave its request up.", problem);
        }

        await _up.Writer.CompleteAsync(broken).ConfigureAwait(false);
    }

    private async Task ServeAsync()
    {
        var features = new FeatureCollection();
        features.Set<IHttpRequestFeature>(Request());
        features.Set<IHttpResponseFeature>(_response);
        features.Set<IHttpRequestLifetimeFeature>(this);
        features.Set<IHttpResponseBodyFeature>(this);
        features.Set<IRequestBodyPipeFeature>(this);
        features.Set<IHttpResponseTrailersFeature>(this);
        try
        {
            await _dispatcher.HandleAsync(new DefaultHttpContext(features), NotFoundAsync).ConfigureAwait(false);
            Start();
            await _down.Writer.CompleteAsync().ConfigureAwait(false);
        }
        catch (Exception broken)
        {
            _opened.TrySetException(new HttpRequestException("The server in this process failed.", broken));
            await _down.Writer.CompleteAsync(new IOException("The server in this process failed.", broken)).ConfigureAwait(false);
        }

        // What the server has not read by now it never will, and the client's side need not go on writing it.
        await _up.Reader.CompleteAsync().ConfigureAwait(false);
        await _aborted.CancelAsync().ConfigureAwait(false);
    }

    private static Task NotFoundAsync(HttpContext http)
    {
        http.Response.StatusCode = StatusCodes.Status404NotFound;
        return Task.CompletedTask;
    }

    private HttpRequestFeature Request()
    {
        var request = new HttpRequestFeature
        {
            Protocol = HttpProtocol.Http2,
            Scheme = "http",
            Method = _request.Method.Method,
            Path = _request.RequestUri!.AbsolutePath,
            Headers = new HeaderDictionary(),
        };
        Copy(_request.Headers.NonValidated, request.Headers);
        if (_request.Content is { } content)
        {
            Copy(content.Headers.NonValidated, request.Headers);
        }

        return request;
    }

    private static void Copy(System.Net.Http.Headers.HttpHeadersNonValidated from, IHeaderDictionary to)
    {
        foreach (var (name, values) in from)
        {
            to[name] = new StringValues([.. values]);
        }
    }

    /// <summary>Opens the client's end with the headers as they are now.</summary>
    private void Start()
    {
        if (Interlocked.Exchange(ref _isStarted, 1) != 0)
        {
            return;
        }

        var response = new HttpResponseMessage((HttpStatusCode)_response.StatusCode)
        {
            Version = HttpVersion.Version20,
            RequestMessage = _request,
        };
        response.Content = new StreamContent(new ResponseStream(this, response));
        foreach (var (name, values) in _response.Headers)
        {
            if (!response.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values))
            {
                response.Content.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
            }
        }

        if (!_opened.TrySetResult(response))
        {
            response.Dispose();
        }
    }

    /// <summary>The server's end of the response: its first flush sends the headers.</summary>
    private sealed class StartingWriter(InProcessExchange exchange, PipeWriter inner) : PipeWriter
    {
        public override bool CanGetUnflushedBytes => inner.CanGetUnflushedBytes;

        public override long UnflushedBytes => inner.UnflushedBytes;

        public override void Advance(int bytes) => inner.Advance(bytes);

        public override Memory<byte> GetMemory(int sizeHint = 0) => inner.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => inner.GetSpan(sizeHint);

        public override void CancelPendingFlush() => inner.CancelPendingFlush();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
        {
            exchange._response.MarkStarted();
            exchange.Start();
            return inner.FlushAsync(cancellationToken);
        }
    }

    /// <summary>The client's end of the response. At its end the trailers are there; disposing of it before gives the call up.</summary>
    private sealed class ResponseStream(InProcessExchange exchange, HttpResponseMessage response) : Stream
    {
        private readonly Stream _inner = exchange._down.Reader.AsStream();
        private bool _hasEnded;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await _inner.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
            if (read == 0 && buffer.Length > 0 && !_hasEnded)
            {
                _hasEnded = true;
                foreach (var (name, values) in exchange.Trailers)
                {
                    response.TrailingHeaders.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
                }
            }

            return read;
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
            => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush()
        {
            // There is nothing to write.
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                if (!_hasEnded)
                {
                    exchange.Abort();
                }

                _inner.Dispose();
            }

            base.Dispose(disposing);
        }
    }

    /// <summary>Knows whether the headers have gone out.</summary>
    private sealed class HttpResponseFeature : IHttpResponseFeature
    {
        private bool _hasStarted;

        public int StatusCode { get; set; } = StatusCodes.Status200OK;

        public string? ReasonPhrase { get; set; }

        public IHeaderDictionary Headers { get; set; } = new HeaderDictionary();

        [Obsolete("Asked for by the interface; nobody uses it.")]
        public Stream Body { get; set; } = Stream.Null;

        public bool HasStarted => _hasStarted;

        public void MarkStarted() => _hasStarted = true;

        public void OnStarting(Func<object, Task> callback, object state) => throw new NotSupportedException("No call asks for it.");

        public void OnCompleted(Func<object, Task> callback, object state) => throw new NotSupportedException("No call asks for it.");
    }
}
