using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Authentication;

namespace RaftKv.Rpc.Client;

/// <summary>How far a failed attempt came. It decides what may be done about it.</summary>
internal enum FailureReach
{
    /// <summary>The server answered; the failure concerns this call alone.</summary>
    Call,

    /// <summary>No connection came up: nothing was sent, and the address is bad.</summary>
    NotConnected,

    /// <summary>The server refused the stream and says that it did not process it.</summary>
    NotProcessed,

    /// <summary>The connection broke. What the server did with the call is unknown.</summary>
    ConnectionLost,
}

/// <summary>Why an attempt did not succeed. A value, since the next attempt may make it uninteresting.</summary>
internal readonly record struct CallFailure(
    RpcStatus Status, FailureReach Reach = FailureReach.Call, RpcMetadata? Trailers = null, Exception? Cause = null)
{
    public CallFailure(RpcStatusCode code, string detail, FailureReach reach = FailureReach.Call, Exception? cause = null)
        : this(new RpcStatus(code, detail), reach, Cause: cause)
    {
    }

    /// <summary>Whether no server can have acted on the attempt.</summary>
    public bool IsUnseen => Reach is FailureReach.NotConnected or FailureReach.NotProcessed;

    public RpcException ToException() => new(Status, Trailers, Cause);

    /// <summary>Whether an exception is one that the transport throws, for which <see cref="Of"/> has a meaning.</summary>
    public static bool IsTransport(Exception e)
        => e is HttpRequestException or IOException or OperationCanceledException or ObjectDisposedException
            or SocketException or AuthenticationException or TimeoutException;

    /// <summary>What an exception of the transport means in the words of gRPC.</summary>
    public static CallFailure Of(Exception e, Uri address)
    {
        if (e is HttpRequestException { HttpRequestError: HttpRequestError.InvalidResponse })
        {
            // What came is not HTTP/2 from its first frame on, or nothing came: another protocol, or a certificate refused.
            return new(RpcStatusCode.Unavailable, $"{address}: the server does not speak HTTP/2 to us: {Innermost(e)}", FailureReach.ConnectionLost, e);
        }

        for (var cause = e; cause is not null; cause = cause.InnerException)
        {
            if (cause is RequestNotRepeatableException)
            {
                return new(RpcStatusCode.Unavailable, cause.Message, FailureReach.ConnectionLost, e);
            }

            if (cause is HttpProtocolException protocol)
            {
                return OfHttp2(protocol, address);
            }
        }

        return e switch
        {
            // SocketsHttpHandler reports a connect timeout as a cancellation that nobody asked for.
            OperationCanceledException { InnerException: TimeoutException timeout }
                => new(RpcStatusCode.Unavailable, $"{address}: no connection: {timeout.Message}", FailureReach.NotConnected, e),
            HttpRequestException http => OfHttp(http.HttpRequestError, http, address),
            HttpIOException http => OfHttp(http.HttpRequestError, http, address),
            _ => new(RpcStatusCode.Unavailable, $"{address}: the connection was lost: {e.Message}", FailureReach.ConnectionLost, e),
        };
    }

    private static CallFailure OfHttp(HttpRequestError? error, Exception e, Uri address) => error switch
    {
        HttpRequestError.NameResolutionError or HttpRequestError.ConnectionError
            => new(RpcStatusCode.Unavailable, $"{address}: no connection: {Innermost(e)}", FailureReach.NotConnected, e),
        HttpRequestError.SecureConnectionError
            => new(RpcStatusCode.Unavailable, $"{address}: no TLS connection: {Innermost(e)}", FailureReach.NotConnected, e),
        HttpRequestError.VersionNegotiationError
            => new(RpcStatusCode.Unavailable, $"{address}: the server does not speak HTTP/2: {e.Message}", FailureReach.NotConnected, e),
        _ => new(RpcStatusCode.Unavailable, $"{address}: the connection was lost: {Innermost(e)}", FailureReach.ConnectionLost, e),
    };

    /// <summary>
    /// The mapping of HTTP/2 error codes in gRPC's "PROTOCOL-HTTP2" document. SocketsHttpHandler does not tell a reset
    /// stream from a closed connection; NO_ERROR is what servers close connections with, so it is read as that.
    /// </summary>
    private static CallFailure OfHttp2(HttpProtocolException e, Uri address)
    {
        var text = $"{address}: {e.Message}";
        if (IsUnansweredPing(e))
        {
            return new(RpcStatusCode.Unavailable, text, FailureReach.ConnectionLost, e);
        }

        return (Http2Error)e.ErrorCode switch
        {
            Http2Error.NoError => new(RpcStatusCode.Unavailable, text, FailureReach.ConnectionLost, e),
            Http2Error.RefusedStream => new(RpcStatusCode.Unavailable, text, FailureReach.NotProcessed, e),
            Http2Error.Cancel => new(RpcStatusCode.Cancelled, text, cause: e),
            Http2Error.EnhanceYourCalm => new(RpcStatusCode.ResourceExhausted, text, cause: e),
            Http2Error.InadequateSecurity => new(RpcStatusCode.PermissionDenied, text, cause: e),
            _ => new(RpcStatusCode.Internal, text, cause: e),
        };
    }

    // The transport gives up a connection whose pings stay unanswered as a protocol error, and only its words tell that
    // from a stream reset as one. A silent host is what keep-alive is for, so the words are worth reading: they name
    // the setting, or are the key of the text where texts were trimmed away.
    private static bool IsUnansweredPing(HttpProtocolException e)
        => e.Message.Contains(nameof(SocketsHttpHandler.KeepAlivePingDelay), StringComparison.Ordinal)
            || e.Message.Contains("net_ping_request_timed_out", StringComparison.Ordinal);

    // HttpRequestException wraps what happened in general words; the particular ones are inside.
    private static string Innermost(Exception e)
    {
        while (e.InnerException is { } inner)
        {
            e = inner;
        }

        return e.Message;
    }

    // RFC 9113 §7, those that mean something to gRPC.
    private enum Http2Error : long
    {
        NoError = 0x0,
        RefusedStream = 0x7,
        Cancel = 0x8,
        EnhanceYourCalm = 0xb,
        InadequateSecurity = 0xc,
    }
}

/// <summary>The request of a stream would have to be sent again, but the messages already taken from the caller are gone.</summary>
internal sealed class RequestNotRepeatableException()
    : IOException("the server refused the stream after messages had been sent on it, and those cannot be sent again");

/// <summary>Reads what a response says about how its call went.</summary>
internal static class ResponseStatus
{
    private const string StatusKey = "grpc-status";

    /// <summary>Whether the headers of a response open a gRPC response; if not, what they say instead.</summary>
    public static bool IsOpening(HttpResponseMessage response, int maxHeaderBytes, out CallFailure failure)
    {
        if (IsOversized("headers", SizeOf(response.Headers) + SizeOf(response.Content.Headers), maxHeaderBytes, out failure))
        {
            return false;
        }

        if (HasStatus(response.Headers))
        {
            // The whole answer is in the headers. One that says OK is read as a stream without messages.
            var status = Read(response.Headers);
            if (!status.IsOk)
            {
                failure = new(status, Trailers: Metadata(response.Headers));
            }

            return status.IsOk;
        }

        var contentType = Value(response.Content.Headers, "Content-Type");
        if (response.StatusCode != HttpStatusCode.OK || !IsGrpc(contentType))
        {
            failure = OfHttpStatus(response.StatusCode, contentType);
            return false;
        }

        if (Encoding(response) is not (null or "identity" or Framing.Gzip.Name))
        {
            failure = new(
                RpcStatusCode.Internal,
                $"grpc: the response is compressed as '{Encoding(response)}', but only {Framing.Gzip.Accepted} are understood");
            return false;
        }

        return true;
    }

    /// <summary>Whether the status of a response has come, so that <see cref="OfEnd"/> can tell it.</summary>
    public static bool HasEnded(HttpResponseMessage response) => HasStatus(response.TrailingHeaders) || HasStatus(response.Headers);

    public static bool IsGzip(HttpResponseMessage response) => Encoding(response) == Framing.Gzip.Name;

    /// <summary>The status of a response that was read to its end.</summary>
    public static CallFailure OfEnd(HttpResponseMessage response, int maxHeaderBytes)
    {
        var trailers = response.TrailingHeaders;
        if (IsOversized("trailers", SizeOf(trailers), maxHeaderBytes, out var failure))
        {
            return failure;
        }

        if (!HasStatus(trailers))
        {
            if (!HasStatus(response.Headers))
            {
                return new(RpcStatusCode.Unknown, "the response ended without a grpc-status");
            }

            trailers = response.Headers;
        }

        var status = Read(trailers);
        return status.IsOk ? new(status) : new(status, Trailers: Metadata(trailers));
    }

    public static RpcMetadata Metadata(HttpResponseHeaders headers)
    {
        var metadata = new RpcMetadata();
        foreach (var (key, values) in headers.NonValidated)
        {
            if (!RpcMetadata.IsMetadata(key))
            {
                continue;
            }

            foreach (var value in values)
            {
                metadata.AddReceived(key.ToLowerInvariant(), value);
            }
        }

        return metadata;
    }

    /// <summary>Trailers, wherever they came: a response without messages carries them in its headers.</summary>
    public static RpcMetadata Trailers(HttpResponseMessage response)
        => Metadata(HasStatus(response.TrailingHeaders) || !HasStatus(response.Headers) ? response.TrailingHeaders : response.Headers);

    // The transport has such a limit too, but passing it ends the connection and all calls on it.
    private static bool IsOversized(string what, long size, int maxHeaderBytes, out CallFailure failure)
    {
        failure = size > maxHeaderBytes
            ? new(RpcStatusCode.ResourceExhausted, $"the response {what} are larger than allowed ({size} vs. {maxHeaderBytes} bytes)")
            : default;
        return size > maxHeaderBytes;
    }

    private static long SizeOf(HttpHeaders headers)
    {
        long size = 0;
        foreach (var (key, values) in headers.NonValidated)
        {
            foreach (var value in values)
            {
                size += key.Length + value.Length;
            }
        }

        return size;
    }

    private static bool HasStatus(HttpResponseHeaders headers) => headers.NonValidated.TryGetValues(StatusKey, out _);

    private static RpcStatus Read(HttpResponseHeaders headers)
    {
        var code = Value(headers, StatusKey)!;
        if (code == "0")
        {
            return RpcStatus.Ok;
        }

        var detail = Framing.PercentText.Decode(Value(headers, "grpc-message") ?? "");
        if (!int.TryParse(code, System.Globalization.NumberStyles.None, null, out var number))
        {
            return new(RpcStatusCode.Unknown, $"the response carries grpc-status '{code}', which is no number: {detail}");
        }

        // Codes yet to be invented are Unknown by the rules of gRPC.
        return number <= (int)RpcStatusCode.Unauthenticated
            ? new((RpcStatusCode)number, detail)
            : new(RpcStatusCode.Unknown, $"unknown grpc-status {number}: {detail}");
    }

    private static CallFailure OfHttpStatus(HttpStatusCode http, string? contentType)
    {
        var code = (int)http switch
        {
            400 => RpcStatusCode.Internal,
            401 => RpcStatusCode.Unauthenticated,
            403 => RpcStatusCode.PermissionDenied,
            404 => RpcStatusCode.Unimplemented,
            429 or 502 or 503 or 504 => RpcStatusCode.Unavailable,
            _ => RpcStatusCode.Unknown,
        };
        var kind = contentType is null ? "no content type" : $"content type '{contentType}'";
        var text = $"the server did not answer in gRPC, but with HTTP status {(int)http} and {kind}";

        // What stands between us and the server says that the server cannot be reached.
        var reach = (int)http is 502 or 503 or 504 ? FailureReach.ConnectionLost : FailureReach.Call;
        return new(code, text, reach);
    }

    private static bool IsGrpc(string? contentType)
    {
        const string Grpc = "application/grpc";
        return contentType is not null
            && contentType.StartsWith(Grpc, StringComparison.OrdinalIgnoreCase)
            && (contentType.Length == Grpc.Length || contentType[Grpc.Length] is '+' or ';' or ' ');
    }

    private static string? Encoding(HttpResponseMessage response) => Value(response.Headers, "grpc-encoding");

    private static string? Value(HttpHeaders headers, string key)
        => headers.NonValidated.TryGetValues(key, out var values) ? values.ToString() : null;
}
