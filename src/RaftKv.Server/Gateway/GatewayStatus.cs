using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using RaftKv.Rpc;

namespace RaftKv.Server.Gateway;

/// <summary>How the end of a call is told over HTTP.</summary>
internal static class GatewayStatus
{
    public static int HttpOf(RpcStatusCode code) => code switch
    {
        RpcStatusCode.Ok => StatusCodes.Status200OK,
        RpcStatusCode.Cancelled => StatusCodes.Status499ClientClosedRequest,
        RpcStatusCode.InvalidArgument or RpcStatusCode.FailedPrecondition or RpcStatusCode.OutOfRange => StatusCodes.Status400BadRequest,
        RpcStatusCode.DeadlineExceeded => StatusCodes.Status504GatewayTimeout,
        RpcStatusCode.NotFound => StatusCodes.Status404NotFound,
        RpcStatusCode.AlreadyExists or RpcStatusCode.Aborted => StatusCodes.Status409Conflict,
        RpcStatusCode.PermissionDenied => StatusCodes.Status403Forbidden,
        RpcStatusCode.Unauthenticated => StatusCodes.Status401Unauthorized,
        RpcStatusCode.ResourceExhausted => StatusCodes.Status429TooManyRequests,
        RpcStatusCode.Unimplemented => StatusCodes.Status501NotImplemented,
        RpcStatusCode.Unavailable => StatusCodes.Status503ServiceUnavailable,
        _ => StatusCodes.Status500InternalServerError,
    };

    /// <summary>google.rpc.Status as JSON, and within the object that ends a stream.</summary>
    public static string JsonOf(RpcStatus status, bool isStream)
    {
        var message = JsonEncodedText.Encode(status.Detail, JavaScriptEncoder.UnsafeRelaxedJsonEscaping);
        var json = $$"""{"code":{{(int)status.Code}},"message":"{{message}}"}""";
        return isStream ? $$"""{"error":{{json}}}""" : json;
    }

    public static RpcException TooLarge(int maxRequestBytes)
        => new(RpcStatusCode.ResourceExhausted, $"The request is larger than {maxRequestBytes} bytes of JSON.");

    /// <summary>The status of whatever ended a call.</summary>
    public static RpcStatus Of(Exception end) => end switch
    {
        RpcException refused => refused.Status,
        GatewayInputException wrong => new(RpcStatusCode.InvalidArgument, wrong.Message),
        ObjectDisposedException => new(RpcStatusCode.Unavailable, "etcdserver: server stopped"),
        OperationCanceledException => new(RpcStatusCode.Cancelled, "context canceled"),
        _ => new(RpcStatusCode.Internal, end.Message),
    };
}
