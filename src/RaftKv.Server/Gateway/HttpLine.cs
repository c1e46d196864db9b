using Microsoft.AspNetCore.Http;
using RaftKv.Rpc;

namespace RaftKv.Server.Gateway;

/// <summary>A POST: requests one after the other in its body, and each response of a stream on a line of its own.</summary>
internal sealed class HttpLine(HttpContext http, int maxRequestBytes) : IGatewayLine
{
    public async ValueTask<JsonText?> NextAsync(CancellationToken cancellation)
    {
        var body = http.Request.BodyReader;
        while (true)
        {
            var read = await body.ReadAsync(cancellation).ConfigureAwait(false);
            var bytes = read.Buffer;
            JsonText? json;
            try
            {
                json = JsonText.Take(ref bytes, read.IsCompleted);
            }
            catch (GatewayInputException)
            {
                body.AdvanceTo(read.Buffer.End);
                throw;
            }

            if (json is not null)
            {
                body.AdvanceTo(bytes.Start);
                return json;
            }

            body.AdvanceTo(bytes.Start, read.Buffer.End);
            if (bytes.Length > maxRequestBytes)
            {
                throw GatewayStatus.TooLarge(maxRequestBytes);
            }

            if (read.IsCompleted)
            {
                return null;
            }
        }
    }

    public async ValueTask AnswerAsync(string json, CancellationToken cancellation)
    {
        http.Response.ContentType = "application/json";
        await http.Response.WriteAsync(json, cancellation).ConfigureAwait(false);
    }

    public async ValueTask SendAsync(string json, CancellationToken cancellation)
    {
        http.Response.ContentType ??= "application/json";
        await http.Response.WriteAsync(json + "\n", cancellation).ConfigureAwait(false);
        await http.Response.Body.FlushAsync(cancellation).ConfigureAwait(false);
    }

    public async ValueTask FailAsync(RpcStatus status, bool isStream, CancellationToken cancellation)
    {
        if (!http.Response.HasStarted)
        {
            http.Response.StatusCode = GatewayStatus.HttpOf(status.Code);
            if (status.Code == RpcStatusCode.Unauthenticated)
            {
                http.Response.Headers.WWWAuthenticate = status.Detail;
            }
        }

        var json = GatewayStatus.JsonOf(status, isStream);
        if (isStream)
        {
            await SendAsync(json, cancellation).ConfigureAwait(false);
        }
        else
        {
            await AnswerAsync(json, cancellation).ConfigureAwait(false);
        }
    }
}
