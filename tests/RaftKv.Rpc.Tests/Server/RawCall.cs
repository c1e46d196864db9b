using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;
using Google.Protobuf;
using RaftKv.Rpc.Framing;

namespace RaftKv.Rpc.Tests.Server;

/// <summary>A call made by hand: any bytes, any headers, over an HTTP/2 client that knows nothing of gRPC.</summary>
internal sealed class RawCall : IDisposable
{
    private readonly HttpMessageInvoker _http;

    public RawCall(SocketsHttpHandler? handler = null)
        => _http = new HttpMessageInvoker(handler ?? new SocketsHttpHandler());

    public static byte[] Framed(IMessage message) => Framed(message.ToByteArray());

    public static byte[] Framed(byte[] message, byte flag = 0)
    {
        var framed = new byte[FrameHeader.Size + message.Length];
        framed[0] = flag;
        BinaryPrimitives.WriteUInt32BigEndian(framed.AsSpan(1), (uint)message.Length);
        message.CopyTo(framed, FrameHeader.Size);
        return framed;
    }

    public Task<RawAnswer> PostAsync(Uri server, string path, byte[] body, params (string Key, string Value)[] headers)
        => SendAsync(server, HttpMethod.Post, path, body, "application/grpc", HttpVersion.Version20, headers);

    public async Task<RawAnswer> SendAsync(
        Uri server,
        HttpMethod method,
        string path,
        byte[]? body,
        string? contentType,
        Version version,
        params (string Key, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, new Uri(server, path))
        {
            Version = version,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = body is null ? null : new ByteArrayContent(body),
        };
        if (contentType is not null && request.Content is not null)
        {
            request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(contentType);
        }

        foreach (var (key, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(key, value);
        }

        using var response = await _http.SendAsync(request, TestContext.Current.CancellationToken);
        var bytes = await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
        return new RawAnswer((int)response.StatusCode, bytes, response.Headers, response.TrailingHeaders, response.Content.Headers);
    }

    public void Dispose() => _http.Dispose();
}

/// <summary>What came back, as it travelled.</summary>
internal sealed record RawAnswer(
    int HttpStatus, byte[] Body, HttpResponseHeaders Headers, HttpResponseHeaders Trailers, HttpContentHeaders ContentHeaders)
{
    public RpcStatusCode Code => (RpcStatusCode)int.Parse(Either("grpc-status") ?? "-1", System.Globalization.CultureInfo.InvariantCulture);

    public string Text => PercentText.Decode(Either("grpc-message") ?? "");

    public string? Either(string name)
        => Trailers.TryGetValues(name, out var trailers) ? string.Join(',', trailers)
            : Headers.TryGetValues(name, out var headers) ? string.Join(',', headers)
            : null;

    /// <summary>The messages of the body, unpacked from their frames.</summary>
    public List<(byte Flag, byte[] Message)> Messages()
    {
        var messages = new List<(byte, byte[])>();
        var rest = Body.AsSpan();
        while (!rest.IsEmpty)
        {
            var length = (int)BinaryPrimitives.ReadUInt32BigEndian(rest[1..]);
            messages.Add((rest[0], rest.Slice(FrameHeader.Size, length).ToArray()));
            rest = rest[(FrameHeader.Size + length)..];
        }

        return messages;
    }
}
