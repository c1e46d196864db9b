using System.Buffers;
using System.Net.WebSockets;
using System.Text;
using RaftKv.Rpc;

namespace RaftKv.Server.Gateway;

/// <summary>A web socket: each request and each response is a message of text.</summary>
/// <param name="socket">Closed by whoever made it.</param>
/// <param name="maxRequestBytes">Of one message.</param>
/// <param name="ended">Cancelled when the client closes.</param>
internal sealed class WebSocketLine(WebSocket socket, int maxRequestBytes, CancellationTokenSource ended) : IGatewayLine
{
    private readonly ArrayBufferWriter<byte> _message = new();

    public async ValueTask<JsonText?> NextAsync(CancellationToken cancellation)
    {
        _message.ResetWrittenCount();
        while (true)
        {
            var read = await socket.ReceiveAsync(_message.GetMemory(4096), cancellation).ConfigureAwait(false);
            if (read.MessageType == WebSocketMessageType.Close)
            {
                // Who closes listens no more, unlike one whose body ends.
                await ended.CancelAsync().ConfigureAwait(false);
                return null;
            }

            _message.Advance(read.Count);
            if (_message.WrittenCount > maxRequestBytes)
            {
                throw GatewayStatus.TooLarge(maxRequestBytes);
            }

            if (read.EndOfMessage)
            {
                return JsonText.Take(_message.WrittenMemory)
                    ?? throw new GatewayInputException("A message without a JSON value in it was sent.");
            }
        }
    }

    public ValueTask AnswerAsync(string json, CancellationToken cancellation) => SendAsync(json, cancellation);

    public ValueTask SendAsync(string json, CancellationToken cancellation)
        => socket.SendAsync(Encoding.UTF8.GetBytes(json).AsMemory(), WebSocketMessageType.Text, endOfMessage: true, cancellation);

    public ValueTask FailAsync(RpcStatus status, bool isStream, CancellationToken cancellation)
        => SendAsync(GatewayStatus.JsonOf(status, isStream), cancellation);
}
