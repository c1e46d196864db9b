using System.Buffers;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;

namespace RaftKv.Faults.Nemeses;

/// <summary>
/// Lists and throws away what it is told, as it comes: so a thousand lists of 50 MB at once cost whoever asks for them hardly any
/// memory, and what grows is the member's.
/// </summary>
internal sealed class CarelessLister : IDisposable
{
    private const int HeaderBytes = 5;
    private const int PieceBytes = 64 * 1024;
    private static readonly MediaTypeHeaderValue GrpcType = new("application/grpc");

    private readonly HttpClient _http = new(new SocketsHttpHandler { EnableMultipleHttp2Connections = true, UseProxy = false })
    {
        Timeout = Timeout.InfiniteTimeSpan,
    };

    private readonly Uri _range;
    private readonly byte[] _request;

    public CarelessLister(Uri member, RangeRequest request)
    {
        _range = new(member, "/etcdserverpb.KV/Range");
        _request = new byte[HeaderBytes + request.CalculateSize()];
        _request[HeaderBytes - 1] = checked((byte)request.CalculateSize());
        request.WriteTo(_request.AsSpan(HeaderBytes));
    }

    /// <returns>How it was answered; null if it was not.</returns>
    public async Task<RpcStatus?> ListAsync()
    {
        using var message = new HttpRequestMessage(HttpMethod.Post, _range)
        {
            Content = new ByteArrayContent(_request),
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        message.Content.Headers.ContentType = GrpcType;
        message.Headers.TE.Add(new("trailers"));
        var piece = ArrayPool<byte>.Shared.Rent(PieceBytes);
        try
        {
            using var response = await _http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead);
            await using var body = await response.Content.ReadAsStreamAsync();
            while (await body.ReadAsync(piece) > 0)
            {
                // It is enough that it came.
            }

            return StatusOf(response.TrailingHeaders) ?? StatusOf(response.Headers);
        }
        catch (Exception silent) when (silent is HttpRequestException or IOException or OperationCanceledException or ObjectDisposedException)
        {
            return null;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
        }
    }

    /// <summary>Hangs up, whatever it is being told.</summary>
    public void Dispose() => _http.Dispose();

    private static RpcStatus? StatusOf(HttpResponseHeaders headers)
    {
        if (!headers.TryGetValues("grpc-status", out var codes))
        {
            return null;
        }

        var detail = headers.TryGetValues("grpc-message", out var messages) ? Uri.UnescapeDataString(messages.First()) : "";
        return new((RpcStatusCode)int.Parse(codes.First(), CultureInfo.InvariantCulture), detail);
    }
}
