using System.Collections.Frozen;
using System.Net.WebSockets;
using System.Runtime.ExceptionServices;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using RaftKv.Rpc;
using RaftKv.Rpc.Client;
using RaftKv.Rpc.InProcess;
using RaftKv.Rpc.Server;

namespace RaftKv.Server.Gateway;

/// <summary>
/// The services as JSON over HTTP, under <c>/v3/</c>: paths, names and statuses are those of etcd's gateway. Calls go to the
/// services without a socket, and meet the same checks there as any other client's.
/// </summary>
internal sealed class JsonGateway : IAsyncDisposable
{
    private const string Prefix = "/v3/";
    private const string OldPrefix = "/v3beta/";
    private const string MetadataPrefix = "Grpc-Metadata-";
    private const string Bearer = "Bearer";

    private readonly RpcChannel _channel;
    private readonly Lazy<FrozenDictionary<string, GatewayMethod>> _routes;
    private readonly AllowedOrigins _origins;
    private readonly int _maxRequestBytes;

    /// <param name="services">Where calls go.</param>
    /// <param name="host">Which services there are, and the ports that it is to be on.</param>
    /// <param name="origins">Whose pages may call it from a browser.</param>
    /// <param name="maxRequestBytes">Of a request as the services take it.</param>
    public JsonGateway(RpcInProcessServer services, RpcHostOptions host, AllowedOrigins origins, int maxRequestBytes)
    {
        _channel = new RpcChannel(services.ChannelOptions());

        // Made when the first call comes, not while the member starts.
        _routes = new(() => GatewayRoutes.To(host.Services.Select(service => service.Descriptor)));
        _origins = origins;

        // Base64 makes four bytes of three; and there are names, and white space.
        _maxRequestBytes = (int)Math.Min(int.MaxValue, (2L * maxRequestBytes) + (512 * 1024));
        var others = host.Http;
        host.Http = app =>
        {
            app.UseWebSockets();
            app.Use((context, next) => PathOf(context.Request) is { } path ? ServeAsync(context, path) : next(context));
            others?.Invoke(app);
        };
    }

    public ValueTask DisposeAsync() => _channel.DisposeAsync();

    // What is behind the prefix; null for what is not the gateway's.
    private static string? PathOf(HttpRequest request)
    {
        var path = request.Path.Value ?? "";
        return path.StartsWith(Prefix, StringComparison.Ordinal) ? path[Prefix.Length..]
            : path.StartsWith(OldPrefix, StringComparison.Ordinal) ? path[OldPrefix.Length..]
            : null;
    }

    private async Task ServeAsync(HttpContext http, string path)
    {
        var line = new HttpLine(http, _maxRequestBytes);
        if (_origins.Check(http) is { } why)
        {
            await RefuseAsync(RpcStatusCode.PermissionDenied, why).ConfigureAwait(false);
            return;
        }

        if (HttpMethods.IsOptions(http.Request.Method))
        {
            return;
        }

        if (!_routes.Value.TryGetValue(path, out var method))
        {
            await RefuseAsync(RpcStatusCode.NotFound, "Not Found").ConfigureAwait(false);
            return;
        }

        if (!HttpMethods.IsPost(http.Request.Method) && !http.WebSockets.IsWebSocketRequest)
        {
            await RefuseAsync(RpcStatusCode.Unimplemented, "Method Not Allowed").ConfigureAwait(false);
            return;
        }

        if (http.WebSockets.IsWebSocketRequest)
        {
            await ServeSocketAsync(http, method).ConfigureAwait(false);
            return;
        }

        if (method.TakesMany && http.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } pace)
        {
            // Whoever watches need not ask all the time.
            pace.MinDataRate = null;
        }

        await RunAsync(method, line, MetadataOf(http), http.RequestAborted).ConfigureAwait(false);

        ValueTask RefuseAsync(RpcStatusCode code, string detail) => line.FailAsync(new(code, detail), isStream: false, http.RequestAborted);
    }

    private async Task ServeSocketAsync(HttpContext http, GatewayMethod method)
    {
        var metadata = MetadataOf(http);
        string? spoken = null;
        if (http.WebSockets.WebSocketRequestedProtocols is [Bearer, var token, ..])
        {
            // A browser cannot send headers with a web socket.
            spoken = Bearer;
            metadata.Add("authorization", token);
        }

        using var socket = await http.WebSockets.AcceptWebSocketAsync(spoken).ConfigureAwait(false);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted);
        try
        {
            await RunAsync(method, new WebSocketLine(socket, _maxRequestBytes, ended), metadata, ended.Token).ConfigureAwait(false);
            await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, http.RequestAborted).ConfigureAwait(false);
        }
        catch (Exception gone) when (gone is WebSocketException or OperationCanceledException)
        {
            // Nobody is there any more to be told.
        }
    }

    private async Task RunAsync(GatewayMethod method, IGatewayLine line, RpcMetadata metadata, CancellationToken cancellation)
    {
        try
        {
            using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            var options = new RpcCallOptions { Metadata = metadata, CancellationToken = stopping.Token };
            if (method.TakesMany)
            {
                await ConverseAsync(method, line, options, stopping).ConfigureAwait(false);
                return;
            }

            using var request = await line.NextAsync(cancellation).ConfigureAwait(false);
            var bytes = method.ReadRequest(request);
            if (method.IsUnary)
            {
                var response = await _channel.UnaryAsync(method.Rpc, bytes, options).ConfigureAwait(false);
                await line.AnswerAsync(method.WriteResponse(response), cancellation).ConfigureAwait(false);
                return;
            }

            var call = _channel.ServerStreaming(method.Rpc, bytes, options);
            await using (call.ConfigureAwait(false))
            {
                await PassOnAsync(method, call.Responses, line, cancellation).ConfigureAwait(false);
            }
        }
        catch (Exception) when (cancellation.IsCancellationRequested)
        {
            // The client is gone.
        }
        catch (Exception end) when (end is RpcException or GatewayInputException or ObjectDisposedException or OperationCanceledException)
        {
            await line.FailAsync(GatewayStatus.Of(end), !method.IsUnary, cancellation).ConfigureAwait(false);
        }
    }

    private async Task ConverseAsync(GatewayMethod method, IGatewayLine line, RpcCallOptions options, CancellationTokenSource stopping)
    {
        var call = _channel.Duplex(method.Rpc, options);
        Exception? mistake = null;
        await using (call.ConfigureAwait(false))
        {
            var asking = AskAsync();
            try
            {
                await PassOnAsync(method, call.Responses, line, stopping.Token).ConfigureAwait(false);
            }
            catch (Exception) when (mistake is not null)
            {
                // That is why the call ended.
                ExceptionDispatchInfo.Throw(mistake);
            }
            finally
            {
                await stopping.CancelAsync().ConfigureAwait(false);
                await asking.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        async Task AskAsync()
        {
            try
            {
                while (await line.NextAsync(stopping.Token).ConfigureAwait(false) is { } request)
                {
                    using (request)
                    {
                        call.Requests.Write(method.ReadRequest(request));
                    }

                    if (!await call.Requests.FlushAsync().ConfigureAwait(false))
                    {
                        return;
                    }
                }

                await call.Requests.CompleteAsync().ConfigureAwait(false);
            }
            catch (Exception wrong) when (wrong is GatewayInputException or RpcException)
            {
                mistake = wrong;
                await stopping.CancelAsync().ConfigureAwait(false);
            }
        }
    }

    private static async Task PassOnAsync(
        GatewayMethod method, IAsyncEnumerable<System.Buffers.ReadOnlySequence<byte>> responses, IGatewayLine line, CancellationToken cancellation)
    {
        await foreach (var response in responses.ConfigureAwait(false))
        {
            await line.SendAsync($$"""{"result":{{method.WriteResponse(response)}}}""", cancellation).ConfigureAwait(false);
        }
    }

    private static RpcMetadata MetadataOf(HttpContext http)
    {
        var metadata = new RpcMetadata();
        foreach (var (name, values) in http.Request.Headers)
        {
            var isToken = name.Equals("Authorization", StringComparison.OrdinalIgnoreCase);
            if (!isToken && !name.StartsWith(MetadataPrefix, StringComparison.OrdinalIgnoreCase))
            {
                continue;
            }

            foreach (var value in values)
            {
                var text = value ?? "";
                metadata.Add(
                    isToken ? "authorization" : name[MetadataPrefix.Length..].ToLowerInvariant(),
                    isToken && text.StartsWith(Bearer + " ", StringComparison.Ordinal) ? text[(Bearer.Length + 1)..] : text);
            }
        }

        return metadata;
    }
}
