using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace RaftKv.Rpc.Server;

/// <summary>Handles one call, from its request to its last response message.</summary>
public delegate ValueTask RpcHandler(RpcServerCall call);

/// <summary>
/// Wraps the handling of every call of a method: composed once, when services are bound, so that a call pays for
/// nothing but its steps. What follows <c>next</c> sees the final <see cref="RpcServerCall.Status"/>.
/// </summary>
/// <example><code>options.Interceptors.Add((method, next) => call => IsAllowed(call) ? next(call) : call.Refuse(status));</code></example>
public delegate RpcHandler RpcInterceptor(RpcMethod method, RpcHandler next);

/// <summary>What every service of a server shares.</summary>
public sealed class RpcServerOptions
{
    /// <summary>Largest message accepted, after decompression. A larger one is refused from its header, unread.</summary>
    /// <remarks>etcd's default request limit of 1.5 MiB with its allowance of 512 KiB for the rest of the message.</remarks>
    public int MaxReceiveMessageBytes { get; set; } = 2 * 1024 * 1024;

    /// <summary>Largest message sent.</summary>
    public int MaxSendMessageBytes { get; set; } = int.MaxValue - (64 * 1024);

    /// <summary>Calls in progress at once over all connections; one more is refused as RESOURCE_EXHAUSTED. Null: no limit.</summary>
    public int? MaxConcurrentCalls { get; set; }

    /// <summary>Run around every call, the first outermost.</summary>
    public IList<RpcInterceptor> Interceptors { get; } = [];

    /// <summary>Told of unary calls that took longer than <see cref="SlowAfter"/>, when they have ended; nobody if null.</summary>
    public Action<RpcServerCall, TimeSpan>? SlowCall { get; set; }

    /// <summary>From when on a unary call is slow.</summary>
    public TimeSpan SlowAfter { get; set; } = TimeSpan.FromMilliseconds(300);

    /// <summary>Counts calls; nobody does if null.</summary>
    public IRpcServerObserver? Observer { get; set; }

    /// <summary>Metadata keys whose values may be any bytes: each arrives as one character of the same number. Anywhere else,
    /// bytes that are no UTF-8 end the connection.</summary>
    public ISet<string> RawMetadata { get; } = new HashSet<string>(StringComparer.OrdinalIgnoreCase);

    /// <summary>The clock that deadlines run on.</summary>
    public TimeProvider Time { get; set; } = TimeProvider.System;

    /// <summary>What a caller learns of an exception that a handler did not mean for it; null, or none of these: only that there
    /// was one. It is logged in any case.</summary>
    public Func<Exception, RpcStatus?>? Explains { get; set; }

    /// <summary>Where a handler's unexpected exception is written.</summary>
    public ILoggerFactory Loggers { get; set; } = NullLoggerFactory.Instance;
}

/// <summary>Limits of one method where they differ from the server's.</summary>
public sealed record RpcMethodLimits
{
    public int? MaxReceiveMessageBytes { get; init; }

    public int? MaxSendMessageBytes { get; init; }

    /// <summary>Calls of this method in progress at once; one more is refused as RESOURCE_EXHAUSTED.</summary>
    public int? MaxConcurrentCalls { get; init; }

    /// <summary>Whether calls of this unary method end when the server stops, as streams do: they wait for something that
    /// may never happen.</summary>
    public bool EndsWithServer { get; init; }

    /// <summary>Whether the handler does little before it waits, or returns, so that the thread that reads for all calls of a
    /// connection may run it. Set it for handlers that hand their work on.</summary>
    public bool IsBrief { get; init; }
}
