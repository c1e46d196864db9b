using System.Buffers;
using System.Net.WebSockets;
using System.Text;
using RaftKv.Rpc;

namespace RaftKv.Server.Gateway;

/// <summary>A web socket: each request and each response is a message of text.</summary>
internal sealed class WebSocketLine(WebSocket socket, int maxRequestBytes) : IGatewayLine
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
                return null;
            }

            _message.Advance(read.Count);
            if (_message.WrittenCount > maxRequestBytes)
            {
                throw new RpcException(
                    RpcStatusCode.ResourceExhausted, $"The request is larger than {maxRequestBytes} bytes of JSON.");
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
    {
        var json = GatewayStatus.JsonOf(status);
        return SendAsync(isStream ? $$"""{"error":{{json}}}""" : json, cancellation);
    }
}
