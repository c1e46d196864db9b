using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Text;
using Google.Protobuf;
using RaftKv.Rpc;

namespace RaftKv.Server.Tests.Api;

/// <summary>A call with a header whose value is any bytes, which our own client does not send.</summary>
internal static class RawCall
{
    public static async Task<(RpcStatus Status, byte[] Body)> UnaryAsync(
        Uri address, string path, IMessage request, string header, byte[] value)
    {
        using var handler = new SocketsHttpHandler { RequestHeaderEncodingSelector = (_, _) => Encoding.Latin1 };
        using var client = new HttpClient(handler);
        var message = request.ToByteArray();
        var frame = new byte[5 + message.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), message.Length);
        message.CopyTo(frame.AsSpan(5));
        using var post = new HttpRequestMessage(HttpMethod.Post, new Uri(address, path))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(frame),
        };
        post.Content.Headers.ContentType = new("application/grpc");
        post.Headers.TryAddWithoutValidation("te", "trailers");
        post.Headers.TryAddWithoutValidation(header, Encoding.Latin1.GetString(value));
        using var response = await client.SendAsync(post, TestContext.Current.CancellationToken);
        var body = await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
        var code = First(response, "grpc-status") ?? throw new InvalidOperationException("There was no status.");
        return (
            new RpcStatus((RpcStatusCode)int.Parse(code, CultureInfo.InvariantCulture), WebUtility.UrlDecode(First(response, "grpc-message") ?? "")),
            body);
    }

    private static string? First(HttpResponseMessage response, string header)
        => response.TrailingHeaders.TryGetValues(header, out var trailing) ? trailing.First()
            : response.Headers.TryGetValues(header, out var leading) ? leading.First()
            : null;
}
