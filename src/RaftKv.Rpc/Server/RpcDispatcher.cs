using System.Collections.Frozen;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Extensions.Logging;
using RaftKv.Rpc.Framing;

namespace RaftKv.Rpc.Server;

/// <summary>
/// Turns HTTP/2 requests into calls of bound services: finds the method, checks what the headers say, runs the handler,
/// and puts the status behind the response. Requests that are not gRPC are handed on.
/// </summary>
/// <example><code>
/// var dispatcher = new RpcDispatcher(new RpcServerOptions(), [kv, watch]);
/// app.Use((http, next) => dispatcher.HandleAsync(http, next));
/// </code></example>
public sealed partial class RpcDispatcher
{
    internal const string ContentType = "application/grpc";

    // Where a unary call's object waits, between two calls, with the HTTP/2 stream that is kept for reuse.
    private static readonly object PooledCallKey = new();

    private readonly FrozenDictionary<string, Route> _routes;
    private readonly FrozenSet<string> _services;
    private readonly RpcServerOptions _options;
    private readonly ILogger _log;
    private readonly CancellationToken _stopping;

    /// <param name="options">What every service shares.</param>
    /// <param name="services">The services, each with its handlers bound.</param>
    /// <param name="stopping">Ends streaming calls, which would otherwise outlive any patience, as UNAVAILABLE.</param>
    public RpcDispatcher(RpcServerOptions options, IEnumerable<RpcService> services, CancellationToken stopping = default)
    {
        _stopping = stopping;
        _options = options;
        _log = options.Loggers.CreateLogger("RaftKv.Rpc.Server");

        var allCalls = options.MaxConcurrentCalls is { } limit ? new CallGate(limit) : null;
        var routes = new Dictionary<string, Route>(StringComparer.Ordinal);
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var service in services)
        {
            if (!names.Add(service.Descriptor.FullName))
            {
                throw new ArgumentException($"Service {service.Descriptor.FullName} is registered twice.", nameof(services));
            }

            foreach (var endpoint in service.Endpoints())
            {
                routes.Add(endpoint.Method.Path, new Route(endpoint, Compose(endpoint, allCalls), options.Observer?.Of(endpoint.Method)));
            }
        }

        _routes = routes.ToFrozenDictionary(StringComparer.Ordinal);
        _services = names.ToFrozenSet(StringComparer.Ordinal);
    }

    /// <summary>Handles a request if it is gRPC, or hands it to <paramref name="next"/>.</summary>
    public Task HandleAsync(HttpContext http, RequestDelegate next)
    {
        var request = http.Request;
        _routes.TryGetValue(request.Path.Value ?? "", out var route);
        if (!IsGrpc(request.ContentType))
        {
            return route is null ? next(http) : RefuseContentType(http);
        }

        if (!HttpProtocol.IsHttp2(request.Protocol) && !HttpProtocol.IsHttp3(request.Protocol))
        {
            return RefuseProtocol(http);
        }

        if (!HttpMethods.IsPost(request.Method))
        {
            return RefuseMethod(http);
        }

        if (route is null)
        {
            return RefuseUnknown(http);
        }

        return route.Endpoint.Method.Shape == RpcShape.Unary ? HandleUnary(http, route) : HandleStreaming(http, route);
    }

    /// <summary>Whether the handlers of a path never hold up the thread that calls them.</summary>
    internal bool IsBrief(string path) => _routes.TryGetValue(path, out var route) && route.Endpoint.Limits is { IsBrief: true };

    private Task HandleUnary(HttpContext http, Route route)
    {
        // One object serves all calls that a connection makes one after the other on the same pooled stream.
        var pool = http.Features.Get<IPersistentStateFeature>()?.State;
        if (pool is null)
        {
            return RunAsync(http, route, new RpcServerCall());
        }

        RpcServerCall call;
        if (pool.TryGetValue(PooledCallKey, out var pooled))
        {
            call = (RpcServerCall)pooled!;
        }
        else
        {
            call = new RpcServerCall();
            pool.Add(PooledCallKey, call);
        }

        return RunAsync(http, route, call);
    }

    private Task HandleStreaming(HttpContext http, Route route)
    {
        // A stream may be silent for hours, and be as long as it likes.
        if (http.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate)
        {
            rate.MinDataRate = null;
        }

        return RunAsync(http, route, new RpcServerCall());
    }

    private async Task RunAsync(HttpContext http, Route route, RpcServerCall call)
    {
        // The limit is on messages, and is ours.
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = null;
        }

        var began = route.Observer?.Begin() ?? 0;
        var looksAtTime = _options.SlowCall is not null && route.Endpoint.Method.Shape == RpcShape.Unary;
        var arrived = looksAtTime ? _options.Time.GetTimestamp() : 0;
        try
        {
            // Unary calls are short, as a rule: a server that stops lets them finish.
            var method = route.Endpoint.Method;
            var mayFinish = method.Shape == RpcShape.Unary && route.Endpoint.Limits is not { EndsWithServer: true };
            var wellFormed = TryReadShape(http, route.Endpoint.Limits, out var shape, out var refusal);
            call.Begin(http, method, _options.Time, shape, route.Observer, mayFinish ? default : _stopping);
            if (!wellFormed)
            {
                call.Fail(refusal);
            }
            else
            {
                await route.Handler(call).ConfigureAwait(false);
            }
        }
        catch (Exception trouble)
        {
            // An interceptor's own; a handler's has become a status inside.
            Absorb(call, trouble);
        }

        call.WriteStatus();
        route.Observer?.End(began, call.Status.Code);
        if (looksAtTime && _options.Time.GetElapsedTime(arrived) is var took && took > _options.SlowAfter)
        {
            _options.SlowCall!(call, took);
        }

        call.End();
    }

    /// <summary>The handler with its failures turned into a status, inside the interceptors and the gates.</summary>
    private RpcHandler Compose(RpcEndpoint endpoint, CallGate? allCalls)
    {
        RpcHandler handler = call => Guarded(endpoint, call);
        foreach (var interceptor in _options.Interceptors.Reverse())
        {
            handler = interceptor(endpoint.Method, handler);
        }

        if (endpoint.Limits?.MaxConcurrentCalls is { } limit)
        {
            handler = new CallGate(limit).Around($"of {endpoint.Method.Path}", handler);
        }

        return allCalls is null ? handler : allCalls.Around("on this server", handler);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask Guarded(RpcEndpoint endpoint, RpcServerCall call)
    {
        if (call.HasDeadlinePassed)
        {
            call.Fail(DeadlineExceeded);
            return;
        }

        try
        {
            await endpoint.RunAsync(call).ConfigureAwait(false);
        }
        catch (Exception trouble)
        {
            Absorb(call, trouble);
        }

        if (!call.Status.IsOk)
        {
            call.Writer.Abandon();
        }
    }

    private static readonly RpcStatus DeadlineExceeded = new(RpcStatusCode.DeadlineExceeded, "context deadline exceeded");

    /// <summary>What a caller learns of an exception. Its text stays here unless it was made for the caller.</summary>
    private void Absorb(RpcServerCall call, Exception trouble)
    {
        switch (trouble)
        {
            case RpcException refused:
                foreach (var entry in refused.Trailers)
                {
                    call.ResponseTrailers.AddReceived(entry.Key, entry.Text);
                }

                call.Fail(refused.Status);
                break;
            case OperationCanceledException or IOException when call.EndedFromOutside is { } chosen:
                call.Fail(chosen);
                break;
            case OperationCanceledException or IOException when call.HasDeadlinePassed:
                call.Fail(DeadlineExceeded);
                break;
            case OperationCanceledException when call.IsServerStopping:
                call.Fail(RpcStatusCode.Unavailable, "the server is shutting down");
                break;
            case BadHttpRequestException bad:
                call.Fail(RpcStatusCode.Internal, $"the request broke off: {bad.Message}");
                break;
            case OperationCanceledException or IOException:
                // The client has gone, and nobody is left to be told; or the handler gave up on its own.
                call.Fail(RpcStatusCode.Cancelled, "context canceled");
                break;
            default:
                LogHandlerFailed(call.Method.Path, trouble);
                call.Fail(_options.Explains?.Invoke(trouble) ?? new RpcStatus(RpcStatusCode.Unknown, "the server failed while it handled the call"));
                break;
        }
    }

    [LoggerMessage(EventId = 1, Level = LogLevel.Error, Message = "{Method} failed with an exception that is no answer")]
    private partial void LogHandlerFailed(string method, Exception exception);

    private bool TryReadShape(HttpContext http, RpcMethodLimits? limits, out RpcCallShape shape, out RpcStatus refusal)
    {
        var headers = http.Request.Headers;
        refusal = default;
        shape = new RpcCallShape(
            Timeout: null,
            GzipRequest: false,
            GzipResponse: false,
            limits?.MaxReceiveMessageBytes ?? _options.MaxReceiveMessageBytes,
            limits?.MaxSendMessageBytes ?? _options.MaxSendMessageBytes);

        var encoding = headers.GrpcEncoding;
        if (encoding.Count > 0 && encoding[0] is { } name && name != "identity")
        {
            if (name != Gzip.Name)
            {
                http.Response.Headers.GrpcAcceptEncoding = Gzip.Accepted;
                refusal = new(RpcStatusCode.Unimplemented, $"grpc: Decompressor is not installed for grpc-encoding \"{name}\"; accepted: {Gzip.Accepted}");
                return false;
            }

            // Answer as we were asked: a client that compresses wants small answers too, if it can read them.
            shape = shape with { GzipRequest = true, GzipResponse = AcceptsGzip(headers) };
        }

        var timeout = headers.GrpcTimeout;
        if (timeout.Count > 0)
        {
            if (!TimeoutText.TryParse(timeout[0], out var left))
            {
                refusal = new(RpcStatusCode.Internal, $"malformed grpc-timeout: \"{timeout[0]}\"");
                return false;
            }

            shape = shape with { Timeout = left };
        }

        return true;
    }

    internal static bool AcceptsGzip(IHeaderDictionary headers)
    {
        foreach (var line in headers.GrpcAcceptEncoding)
        {
            if (line is not null && line.Contains(Gzip.Name, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>"application/grpc", alone or as "+proto" or with parameters. "application/grpc-web" is another protocol.</summary>
    private static bool IsGrpc(string? contentType)
    {
        if (contentType is null || !contentType.StartsWith(ContentType, StringComparison.OrdinalIgnoreCase))
        {
            return false;
        }

        var rest = contentType.AsSpan(ContentType.Length);
        return rest.IsEmpty || rest[0] == ';' || rest.StartsWith("+proto", StringComparison.OrdinalIgnoreCase);
    }

    private static Task RefuseContentType(HttpContext http)
    {
        http.Response.StatusCode = StatusCodes.Status415UnsupportedMediaType;
        return http.Response.WriteAsync(
            $"{http.Request.Path} takes content-type {ContentType}, not '{http.Request.ContentType}'.\n", http.RequestAborted);
    }

    private static Task RefuseProtocol(HttpContext http)
    {
        http.Response.StatusCode = StatusCodes.Status426UpgradeRequired;
        http.Response.Headers.Upgrade = "HTTP/2";
        return http.Response.WriteAsync($"gRPC needs HTTP/2; this request came over {http.Request.Protocol}.\n", http.RequestAborted);
    }

    private static Task RefuseMethod(HttpContext http)
    {
        http.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
        http.Response.Headers.Allow = HttpMethods.Post;
        return http.Response.WriteAsync($"gRPC calls are POST, not {http.Request.Method}.\n", http.RequestAborted);
    }

    private Task RefuseUnknown(HttpContext http)
    {
        var path = http.Request.Path.Value ?? "";
        var slash = path.LastIndexOf('/');
        var service = slash > 0 ? path[1..slash] : "";
        var method = slash >= 0 ? path[(slash + 1)..] : path;
        var text = slash <= 0
            ? $"malformed method name: \"{path}\""
            : _services.Contains(service) ? $"unknown method {method} for service {service}" : $"unknown service {service}";

        http.Response.ContentType = ContentType;
        http.Response.Headers.GrpcStatus = "12";
        http.Response.Headers.GrpcMessage = PercentText.Encode(text);
        return Task.CompletedTask;
    }

    private sealed record Route(RpcEndpoint Endpoint, RpcHandler Handler, IRpcMethodObserver? Observer);
}
