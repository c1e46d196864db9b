using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;
using RaftKv.Rpc.Framing;

namespace RaftKv.Rpc.Tests.Server;

/// <summary>A streaming call made by hand: writes frames whenever the test says, reads frames one at a time.</summary>
internal sealed class RawStream : IAsyncDisposable
{
    private readonly CancellationTokenSource _reset = new();
    private readonly TaskCompletionSource<Stream> _requestStream = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _requestDone = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly HttpMessageInvoker _http;
    private readonly Task<HttpResponseMessage> _sending;
    private Stream? _responseStream;

    public RawStream(Uri server, string path, params (string Key, string Value)[] headers)
    {
        _http = new HttpMessageInvoker(new SocketsHttpHandler { InitialHttp2StreamWindowSize = 65_535 });
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri(server, path))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new OpenContent(_requestStream, _requestDone.Task),
        };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        foreach (var (key, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(key, value);
        }

        _sending = _http.SendAsync(request, _reset.Token);
    }

    public async Task WriteAsync(byte[] bytes)
    {
        var stream = await _requestStream.Task;
        await stream.WriteAsync(bytes, TestContext.Current.CancellationToken);
        await stream.FlushAsync(TestContext.Current.CancellationToken);
    }

    public void EndRequest() => _requestDone.TrySetResult();

    /// <summary>Resets the stream, as a client does that has lost interest.</summary>
    public void Reset()
    {
        _reset.Cancel();
        _responseStream?.Dispose();
    }

    public async Task<HttpResponseMessage> HeadersAsync() => await _sending;

    /// <returns>Null at the end of the response.</returns>
    public async Task<byte[]?> ReadAsync()
    {
        _responseStream ??= await (await _sending).Content.ReadAsStreamAsync(TestContext.Current.CancellationToken);
        var header = new byte[FrameHeader.Size];
        var first = await _responseStream.ReadAtLeastAsync(header, header.Length, throwOnEndOfStream: false, TestContext.Current.CancellationToken);
        if (first == 0)
        {
            return null;
        }

        var message = new byte[BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(1))];
        await _responseStream.ReadExactlyAsync(message, TestContext.Current.CancellationToken);
        return message;
    }

    public async Task<(RpcStatusCode Code, string Text)> StatusAsync()
    {
        while (await ReadAsync() is not null)
        {
        }

        var response = await _sending;
        var answer = new RawAnswer((int)response.StatusCode, [], response.Headers, response.TrailingHeaders, response.Content.Headers);
        return (answer.Code, answer.Text);
    }

    public async ValueTask DisposeAsync()
    {
        _requestDone.TrySetResult();
        await _reset.CancelAsync();
        try
        {
            (await _sending).Dispose();
        }
        catch (Exception cancelled) when (cancelled is OperationCanceledException or HttpRequestException)
        {
        }

        _http.Dispose();
        _reset.Dispose();
    }

    private sealed class OpenContent(TaskCompletionSource<Stream> opened, Task done) : HttpContent
    {
        // The client resets the stream only once this has let go of it, so the token must be obeyed.
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            await stream.FlushAsync(cancellationToken);
            opened.SetResult(stream);
            await done.WaitAsync(cancellationToken);
        }

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context)
            => SerializeToStreamAsync(stream, context, CancellationToken.None);

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
